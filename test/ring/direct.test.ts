/** Direct descriptors: files in the ring's table, opened there and closed there. */
import { readdirSync, writeSync } from 'node:fs';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import { DirectFd, type FileTable, op, type Ring } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  text,
  until,
  VALUE,
} from '../support/ring.js';
import { warnings } from '../support/warnings.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function contents(ring: Ring, file: DirectFd, length = 16): Promise<string> {
  const target = new Uint8Array(length);
  const count = await ring.read(file, target, { offset: 0 });
  return text(target.subarray(0, count));
}

test('the kernel chooses a slot of the upper half, and no descriptor is used', async () => {
  const ring = openRing({ fileSlots: 8 });
  const path = fileOf('direct');
  await ring.nop();
  const before = descriptors();
  const files = await Promise.all([1, 2, 3].map(() => ring.openat(path, { into: ring.files })));
  expect(descriptors()).toBe(before);
  expect(files.map((file) => file.fd).sort()).toEqual([4, 5, 6]);
  expect(ring.files.openCount).toBe(3);
  for (const file of files) expect(await contents(ring, file)).toBe('direct');
  for (const file of files) file.close();
  expect(files.map((file) => [file.fd, file.closed])).toEqual(Array(3).fill([-1, true]));
  expect(ring.files.openCount).toBe(0);
  // The slots are free again, for the kernel too.
  const again = await Promise.all([1, 2, 3, 4].map(() => ring.openat(path, { into: ring.files })));
  await expect(ring.openat(path, { into: ring.files })).rejects.toMatchObject({ code: 'ENFILE' });
  for (const file of again) file.close();
});

test('a reserved slot can be named before a file is in it', async () => {
  const ring = openRing({ fileSlots: 8 });
  const slot = ring.files.reserve();
  expect(slot.fd).toBe(0);
  await expect(contents(ring, slot)).rejects.toMatchObject({ code: 'EBADF' });
  const opened = await ring.openat(fileOf('first'), { into: slot });
  expect(opened).toBe(slot);
  expect(await contents(ring, slot)).toBe('first');
  // What is there already is closed by the kernel.
  await ring.openat(fileOf('second'), { into: slot });
  expect(await contents(ring, slot)).toBe('second');
  const other = ring.files.reserve(3);
  expect(other.fd).toBe(3);
  expectRefusal(() => ring.files.reserve(3), VALUE, 'must be free');
  expectRefusal(() => ring.files.reserve(4), VALUE, 'the kernel chooses');
  expectRefusal(() => ring.files.reserve(8), RANGE, '"slot"');
  await expect(ring.openat('/nonexistent', { into: other })).rejects.toMatchObject({
    code: 'ENOENT',
    path: '/nonexistent',
  });
  other.close();
  slot.close();
  expect(ring.files.reserve(3).fd).toBe(3);
});

test('a queued operation sees the file that stood in its slot, not the next one', async () => {
  const ring = openRing();
  const first = ring.files.reserve(0);
  await ring.openat(fileOf('first'), { into: first });
  const ends = pipe();
  const held = ring.read(ends, new Uint8Array(1));
  // A drained operation looks its file up when it is issued.
  const target = new Uint8Array(8);
  const late = later(ring.read(first, target, { offset: 0, drain: true }));
  ring.submit();
  first.close();
  const second = ring.files.reserve();
  expect(second.fd).toBe(1);
  // Not through the ring, where it would stand behind the drained one.
  writeSync(ends.fd, 'x');
  await held;
  await late.catch((error) => expect(error.code).toBe('ECANCELED'));
  expect(text(target)).not.toContain('second');
  await until(() => ring.files.openCount === 1);
  expect(ring.files.reserve().fd).toBe(0);
});

test('sockets, connections and accepted ones live in slots', async () => {
  const ring = openRing({ fileSlots: 32 });
  using listener = listen();
  const address = addressOf(listener) as InternetAddress;
  const before = descriptors();
  const client = await ring.socket('inet', { into: ring.files });
  const [server] = await Promise.all([
    ring.accept(listener, { into: ring.files }),
    ring.connect(client, address),
  ]);
  expect(descriptors()).toBe(before);
  await ring.send(client, bytesOf('hello'));
  const target = new Uint8Array(8);
  expect(await ring.recv(server, target)).toBe(5);
  await ring.shutdown(client, 'write');
  expect(await ring.recv(server, target)).toBe(0);
  server.close();
  client.close();
  expect(ring.files.openCount).toBe(0);
});

test('multishot accept puts each connection into a slot', async () => {
  const ring = openRing({ fileSlots: 32 });
  using listener = listen();
  const address = addressOf(listener) as InternetAddress;
  const stream = ring.acceptMultishot(listener, { into: ring.files });
  const clients = await Promise.all([1, 2, 3].map(() => ring.socket('inet')));
  await Promise.all([stream.next(), ...clients.map((client) => ring.connect(client, address))]);
  const second = await stream.next();
  expect(second.value).toBeInstanceOf(DirectFd);
  // The third was accepted and is never asked for: leaving the loop closes it.
  await until(() => ring.files.openCount === 3);
  await stream.return();
  expect(ring.files.openCount).toBe(2);
  for (const client of clients) client.close();
  expectRefusal(
    () => ring.acceptMultishot(listener, { into: ring.files.reserve() as never }),
    TYPE,
    '"into"',
  );
});

test('an accept that is cut short leaves no slot behind', async () => {
  const ring = openRing({ fileSlots: 32 });
  using listener = listen();
  for (let round = 0; round < 20; round++) {
    const client = await ring.socket('inet');
    const stop = new AbortController();
    const accepting = ring.accept(listener, { into: ring.files, signal: stop.signal });
    const connecting = ring.connect(client, addressOf(listener) as InternetAddress);
    if (round % 2 === 0) stop.abort();
    else queueMicrotask(() => stop.abort());
    const [accepted] = await Promise.allSettled([accepting, connecting]);
    if (accepted.status === 'fulfilled') accepted.value.close();
    client.close();
    expect(ring.files.openCount).toBe(0);
  }
  // Nor did the kernel keep one that nobody knows of.
  const all = Array.from({ length: 16 }, () => ring.socket('inet', { into: ring.files }));
  for (const file of await Promise.all(all)) file.close();
});

test('handlers get the slot, and take it over', async () => {
  const ring = openRing({ fileSlots: 8 });
  const results: number[] = [];
  const handler = ring.handler((_tag, result) => results.push(result));
  ring.start(op.socket('inet', { into: ring.files }), handler);
  await until(() => results.length === 1);
  expect(results[0]).toBeGreaterThanOrEqual(4);
  const socket = ring.files.adopt(results[0] as number);
  expectRefusal(() => ring.files.adopt(results[0] as number), VALUE, '"slot"');
  await ring.shutdown(socket, 'both').catch((error) => expect(error.code).toBe('ENOTCONN'));
  socket.close();
  expectRefusal(() => ring.files.adopt(99), RANGE, '"slot"');
});

test('a slot is closed through the ring', async () => {
  const ring = openRing({ fileSlots: 8 });
  const file = await ring.openat(fileOf('x'), { into: ring.files });
  const closing = ring.run(op.close(file));
  expect(file.closed).toBe(true);
  await closing;
  expect(ring.files.openCount).toBe(0);
  const slot = ring.files.reserve();
  await ring.openat(fileOf('x'), { into: slot });
  const reading = ring.read(slot, new Uint8Array(1), { offset: 0 });
  expectRefusal(() => op.close(slot), TYPE, 'operations in flight');
  await reading;
  await ring.run(op.close(slot));
  expect(ring.files.reserve().fd).toBe(0);
  expectRefusal(() => op.close(slot), TYPE, '"fd"');
});

test('closing cancels what waits on the file, then closes it', async () => {
  const ring = openRing();
  using listener = listen();
  const client = await ring.socket('inet', { into: ring.files });
  const [server] = await Promise.all([
    ring.accept(listener),
    ring.connect(client, addressOf(listener) as InternetAddress),
  ]);
  const waiting = later(ring.recv(client, new Uint8Array(8)));
  await ring.nop();
  client.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  // The peer sees the end: the table held the only reference.
  expect(await ring.recv(server, new Uint8Array(8))).toBe(0);
  server.close();
  await expect(later(Promise.resolve().then(() => ring.nop()))).resolves.toBeUndefined();
});

test('a slot that is closed while a file is opened into it ends up empty', async () => {
  const ring = openRing();
  const slot = ring.files.reserve();
  const opening = ring.openat(fileOf('late'), { into: slot });
  slot.close();
  await opening.then(
    (file) => expect(file.closed).toBe(true),
    (error) => expect(error.code).toBe('ECANCELED'),
  );
  await until(() => ring.files.openCount === 0);
  const again = ring.files.reserve();
  expect(again.fd).toBe(0);
  await expect(contents(ring, again)).rejects.toMatchObject({ code: 'EBADF' });
});

test('the range from which the kernel chooses can be moved', async () => {
  const ring = openRing({ fileSlots: 16 });
  const path = fileOf('x');
  const first = await ring.openat(path, { into: ring.files });
  expect(first.fd).toBe(8);
  expectRefusal(() => ring.files.setAllocationRange(8, 4), VALUE, '"first"');
  expectRefusal(() => ring.files.setAllocationRange(0, 17), RANGE, '"count"');
  ring.files.setAllocationRange(2, 2);
  const chosen = [
    await ring.openat(path, { into: ring.files }),
    await ring.openat(path, { into: ring.files }),
  ];
  expect(chosen.map((file) => file.fd).sort()).toEqual([2, 3]);
  await expect(ring.openat(path, { into: ring.files })).rejects.toMatchObject({ code: 'ENFILE' });
  expect([0, 1, 4].map(() => ring.files.reserve().fd)).toEqual([0, 1, 4]);
  first.close();
  expect(ring.files.reserve(8).fd).toBe(8);
});

test('what is no table or slot of this ring is refused', async () => {
  const ring = openRing();
  const other = openRing();
  const open = (into: unknown) => () => ring.openat('x', { into: into as FileTable });
  expectRefusal(open(3), TYPE, '"into"');
  expectRefusal(open(openWith('x')), TYPE, '"into"');
  expectRefusal(open(null), TYPE, '"into"');
  const closed = ring.files.reserve();
  closed.close();
  expectRefusal(open(closed), TYPE, '"into"');
  expect(open(other.files)).toThrow('belongs to another ring');
  const slot = ring.files.reserve();
  const operation = op.openat('x', { into: slot });
  slot.close();
  expect(() => ring.run(operation)).toThrow('has been closed');
  // Where a plain descriptor is wanted a slot is none: an error of types, and of the run.
  const live = ring.files.reserve();
  // @ts-expect-error a DirectFd is no FdLike
  expectRefusal(() => ring.statx(live), TYPE, 'plain descriptor');
  // @ts-expect-error
  expectRefusal(() => ring.registerFiles([live]), TYPE, 'plain descriptor');
});

test('a slot that is forgotten is closed, and said so', async (context) => {
  const gc = (globalThis as { gc?: () => void }).gc;
  context.skip(gc === undefined, 'needs --expose-gc');
  const ring = openRing();
  const heard = warnings();
  await (async () => {
    await ring.openat(fileOf('x'), { into: ring.files });
  })();
  await ring.nop();
  for (let turn = 0; turn < 50 && heard.length === 0; turn++) {
    gc?.();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(heard.map(({ code }) => code)).toEqual(['NEARMETAL_LEAKED']);
  expect(ring.files.openCount).toBe(0);
});

test('the table goes with the ring', async () => {
  const before = descriptors();
  const ring = openRing({ fileSlots: 64 });
  const file = await ring.openat(fileOf('x'), { into: ring.files });
  const registered = ring.registerFiles([openWith('y')]);
  await ring.close();
  file.close();
  registered.dispose();
  await registered.released;
  await until(() => descriptors() <= before + 1);
});
