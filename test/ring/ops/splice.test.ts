/** splice and tee: bytes that go through pipes and never through user space. */
import { readFileSync } from 'node:fs';
import { type DirectFd, type OwnedFd, op, type Ring } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  connection,
  expectRefusal,
  fileOf,
  later,
  openPlain,
  openRing,
  openWith,
  pattern,
  pipe,
  RANGE,
  TYPE,
  text,
  until,
  VALUE,
} from '../../support/ring.js';

test('moves a file into a pipe and out of it, at offsets and at the own position', async () => {
  const ring = openRing();
  const bytes = pattern(10_000);
  const path = fileOf('');
  const target = openPlain(path);
  const source = openWith(bytes);
  const between = pipe();
  expect(await ring.splice(source, between, 4000, { sourceOffset: 1000 })).toBe(4000);
  expect(await ring.splice(between, target, 4000, { targetOffset: 8, more: true })).toBe(4000);
  expect(readFileSync(path).subarray(8)).toEqual(Buffer.from(bytes.subarray(1000, 5000)));
  expect(await ring.splice(source, between, 10, { move: true })).toBe(10);
  expect(await ring.splice(source, between, 10)).toBe(10);
  expect(await ring.splice(between, target, 100)).toBe(20);
  expect(readFileSync(path).subarray(0, 20)).toEqual(Buffer.from(bytes.subarray(0, 20)));
  expect(await ring.splice(source, between, 10, { sourceOffset: bytes.length })).toBe(0);
});

test('sends a file on a socket without reading it', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const between = pipe();
  await ring.splice(openWith('from a file'), between, 100, { sourceOffset: 5 });
  expect(await ring.splice(between, client, 6)).toBe(6);
  const target = new Uint8Array(20);
  expect(text(target.subarray(0, await ring.recv(server, target)))).toBe('a file');
});

test('tee leaves the bytes where they were', async () => {
  const ring = openRing();
  const [source, target] = [pipe(), pipe()];
  await ring.write(source, bytesOf('twice'));
  expect(await ring.tee(source, target, 3)).toBe(3);
  const read = new Uint8Array(10);
  expect(text(read.subarray(0, await ring.read(target, read)))).toBe('twi');
  expect(text(read.subarray(0, await ring.read(source, read)))).toBe('twice');
});

test('takes registered files on both sides', async () => {
  const ring = openRing();
  const path = fileOf('');
  const between = pipe();
  using registered = ring.registerFiles([openWith('direct'), between, openPlain(path), pipe()]);
  const [source, through, target, second] = registered.files as [
    DirectFd,
    DirectFd,
    DirectFd,
    DirectFd,
  ];
  expect(await ring.splice(source, through, 6, { sourceOffset: 0 })).toBe(6);
  expect(await ring.tee(through, second, 6)).toBe(6);
  expect(await ring.splice(through, target, 6, { targetOffset: 0 })).toBe(6);
  expect(readFileSync(path, 'utf8')).toBe('direct');
  const elsewhere = openRing();
  expect(() => elsewhere.splice(source, between, 6)).toThrow('belongs to another ring');
});

/** The same pipe, but its reader waits for bytes. */
const blocking = (ring: Ring): Promise<OwnedFd> =>
  ring.openat(`/proc/self/fd/${pipe().fd}`, { access: 'readwrite' });

test('ends when either side is closed, or when it is aborted', async () => {
  const ring = openRing();
  for (const side of [0, 1] as const) {
    using source = await blocking(ring);
    using target = await ring.openat(fileOf(''), { access: 'readwrite' });
    const waiting = later(ring.splice(source, target, 10));
    await ring.nop();
    (side === 0 ? source : target).close();
    await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'io_uring:splice' });
  }
  using source = await blocking(ring);
  const signal = AbortSignal.timeout(10);
  const aborted = ring.splice(source, openWith(''), 10, { signal });
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  using other = await blocking(ring);
  await expect(ring.tee(source, other, 10, { timeoutMs: 5 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  });
  expect(await ring.splice(openWith('in time'), pipe(), 10, { timeoutMs: 60_000 })).toBe(7);
  await until(() => ring.stats.inFlight === 0);
});

test('a closed source is refused before the kernel hears of it', async () => {
  const ring = openRing();
  const file = await ring.openat(fileOf('x'));
  const operation = op.splice(file, pipe(), 1);
  file.close();
  expect(() => ring.run(operation)).toThrow('closed');
  expectRefusal(() => op.splice(file, pipe(), 1), TYPE, '"source"');
});

test('the kernel refuses what it cannot splice', async () => {
  const ring = openRing();
  const file = openWith('x');
  await expect(ring.splice(file, openWith(''), 1)).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(ring.splice(file, pipe(), 1, { targetOffset: 0 })).rejects.toMatchObject({
    code: 'ESPIPE',
  });
  await expect(ring.splice(pipe(), file, 1, { nonblock: true })).rejects.toMatchObject({
    code: 'EAGAIN',
  });
  await expect(ring.tee(pipe(), file, 1)).rejects.toMatchObject({ code: 'EINVAL' });
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  const file = openWith('x');
  expectRefusal(() => ring.splice(3 as never, file, 1), TYPE, '"source"');
  expectRefusal(() => ring.splice(file, 3 as never, 1), TYPE, '"target"');
  expectRefusal(() => ring.splice(file, file, -1), RANGE, '"length"');
  expectRefusal(() => ring.splice(file, file, 2 ** 31), RANGE, '"length"');
  expectRefusal(() => ring.splice(file, file, 1, { sourceOffset: -2 }), RANGE, '"sourceOffset"');
  expectRefusal(() => ring.splice(file, file, 1, { targetOffset: 0.5 }), RANGE, '"targetOffset"');
  expectRefusal(() => ring.splice(file, file, 1, { more: 1 as never }), TYPE, '"more"');
  expectRefusal(() => ring.splice(file, file, 1, { offset: 1 } as never), VALUE, '"offset"');
  expectRefusal(() => ring.tee(file, file, 1, { move: true } as never), VALUE, '"move"');
  expectRefusal(() => ring.tee(file, file, '1' as never), TYPE, '"length"');
});
