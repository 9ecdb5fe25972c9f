/** msgRing, msgRingFd and sendMsgRing: messages and files between rings. */
import {
  asFd,
  type DirectFd,
  Mapping,
  op,
  RawRing,
  type RingMessage,
  sendMsgRing,
} from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { passes } from '../../support/process.js';
import {
  expectRefusal,
  fileOf,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  text,
  turn,
  until,
  VALUE,
} from '../../support/ring.js';

test('a message arrives with its tag and value, and is no completion', async () => {
  needs('linux:6.3');
  const one = openRing();
  const two = openRing();
  const stream = two.messages();
  const first = stream.next();
  await one.msgRing(asFd(two.fd), { tag: 0xffff_fffe, value: -5 });
  expect(await first).toEqual({
    value: { tag: 0xffff_fffe, value: -5, flags: 0, file: undefined },
    done: false,
  });
  await one.msgRing(asFd(two.fd), {}, { flags: 0xabc0_0000 });
  expect((await stream.next()).value).toEqual({
    tag: 0,
    value: 0,
    flags: 0xabc0_0000 | 0,
    file: undefined,
  });
  expect(two.stats).toMatchObject({ inFlight: 0, completed: 0, stale: 0 });
  await stream.return();
});

test('to a raw ring a message is no completion of what it has in flight', async () => {
  needs('op:MSG_RING');
  const ring = openRing();
  using raw = RawRing.open({ entries: 4 });
  const ends = pipe();
  const mapping = Mapping.anonymous({ size: 4096 });
  raw.push(op.read(ends, mapping.bytes), 1);
  raw.submit();
  await ring.msgRing(asFd(raw.fd), { tag: 7, value: 8 });
  raw.submit();
  const seen: number[][] = [];
  raw.reap((...completion) => seen.push(completion));
  expect(seen).toEqual([[7 * 2 ** 32 + 0xfe7f_ffff, 8, 0]]);
  expect(raw.inFlight).toBe(1);
  await ring.write(ends, new Uint8Array(1));
  raw.submit(1);
  raw.reap((...completion) => seen.push(completion));
  expect(seen[1]).toEqual([1, 1, 0]);
  expect(raw.inFlight).toBe(0);
  mapping.dispose();
});

test('none is lost before somebody listens, and a handler gets them in order', async () => {
  needs('op:MSG_RING');
  const one = openRing();
  const two = openRing({ completionEntries: 128 });
  const count = 1000;
  for (let value = 0; value < count; value++) {
    void one.msgRing(asFd(two.fd), { value });
  }
  await one.nop();
  const seen: number[] = [];
  two.onMessage(({ value }) => seen.push(value));
  await until(() => seen.length === count);
  expect(seen).toEqual(Array.from({ length: count }, (_, index) => index));
  two.onMessage(undefined);
  await one.msgRing(asFd(two.fd), { value: -1 });
  await turn();
  expect(seen).toHaveLength(count);
  const [last] = [await two.messages().next()];
  expect(last.value).toMatchObject({ value: -1 });
});

test('a ring can send to itself, among other operations', async () => {
  needs('op:MSG_RING');
  const ring = openRing();
  const seen: RingMessage[] = [];
  ring.onMessage((message) => seen.push(message));
  const file = openWith('contents');
  for (let value = 0; value < 20; value++) {
    const target = new Uint8Array(8);
    const [bytesRead] = await Promise.all([
      ring.read(file, target, { offset: 0 }),
      ring.msgRing(asFd(ring.fd), { tag: 7, value }),
    ]);
    expect(bytesRead).toBe(8);
    expect(text(target)).toBe('contents');
  }
  await until(() => seen.length === 20);
  expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: 20 }, (_, index) => index));
});

test('a thread without a ring can send too', async () => {
  needs('register:SEND_MSG_RING');
  const ring = openRing();
  const stream = ring.messages();
  const next = stream.next();
  sendMsgRing(asFd(ring.fd), { tag: 3, value: 4 });
  expect((await next).value).toMatchObject({ tag: 3, value: 4 });
  expect(() => sendMsgRing(openWith('x'), {})).toThrow(
    expect.objectContaining({ code: 'EBADFD', syscall: 'io_uring_register' }),
  );
});

test('a file goes from one table to another', async () => {
  needs('register:FILE_ALLOC_RANGE');
  const one = openRing();
  const two = openRing();
  const sent = await one.run(op.openat(fileOf('shared'), { into: one.files }));
  const stream = two.messages({ files: true });
  await one.msgRingFd(asFd(two.fd), sent, { tag: 9 });
  const { tag, value, file } = (await stream.next()).value as RingMessage;
  expect({ tag, value }).toEqual({ tag: 9, value: 0 });
  sent.close();
  const target = new Uint8Array(6);
  await two.read(file as DirectFd, target, { offset: 0 });
  expect(text(target)).toBe('shared');
  file?.close();
  expect(() => two.read(file as DirectFd, target)).toThrow(TypeError);
});

test('into a slot that the receiver has reserved, with a message or without one', async () => {
  needs('register:FILE_ALLOC_RANGE');
  const one = openRing();
  const two = openRing();
  const sent = await one.run(op.openat(fileOf('shared'), { into: one.files }));
  const seen: RingMessage[] = [];
  two.onMessage((message) => seen.push(message));
  for (const silent of [false, true]) {
    const slot = two.files.reserve();
    await one.msgRingFd(asFd(two.fd), sent, { tag: 1, slot: slot.fd, silent });
    const target = new Uint8Array(6);
    await two.read(slot, target, { offset: 0 });
    expect(text(target)).toBe('shared');
    slot.close();
  }
  await turn();
  expect(seen).toEqual([{ tag: 1, value: 0, flags: 0, file: undefined }]);
});

test('iterations end by break, by a signal and with the ring', async () => {
  needs('op:MSG_RING');
  const one = openRing();
  const two = openRing();
  const send = (value: number): Promise<void> => one.msgRing(asFd(two.fd), { value });
  for (let value = 0; value < 3; value++) await send(value);
  for await (const { value } of two.messages()) if (value === 1) break;
  const stop = new AbortController();
  const stream = two.messages({ signal: stop.signal });
  expect((await stream.next()).value).toMatchObject({ value: 2 });
  const aborted = later(stream.next());
  stop.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  expect(await stream.next()).toEqual({ value: undefined, done: true });
  const gone = two.messages({ signal: AbortSignal.abort() });
  await expect(gone.next()).rejects.toMatchObject({ name: 'AbortError' });
  const last = two.messages().next();
  await two.close();
  expect(await last).toEqual({ value: undefined, done: true });
  expect(() => two.messages()).toThrow('closed');
});

test('between the rings of workers, and what keeps a process alive', async () => {
  needs('register:SEND_MSG_RING');
  await passes('ring-messages');
});

test('what the kernel refuses', async () => {
  needs('op:MSG_RING');
  const one = openRing();
  const two = openRing();
  await expect(one.msgRing(openWith('x'), {})).rejects.toMatchObject({
    code: 'EBADFD',
    syscall: 'io_uring:msg_ring',
  });
  const sent = await one.run(op.openat(fileOf('x'), { into: one.files }));
  await expect(one.msgRingFd(asFd(two.fd), sent)).rejects.toMatchObject({ code: 'ENFILE' });
  await expect(one.msgRingFd(asFd(one.fd), sent)).rejects.toMatchObject({ code: 'EINVAL' });
});

test('refuses wrong arguments by name', async () => {
  needs('register:FILE_ALLOC_RANGE');
  const ring = openRing();
  const fd = asFd(ring.fd);
  const sent = await ring.run(op.openat(fileOf('x'), { into: ring.files }));
  expectRefusal(() => op.msgRing(ring as never, {}), TYPE, '"target"');
  expectRefusal(() => op.msgRing(fd, { tag: -1 }), RANGE, '"tag"');
  expectRefusal(() => op.msgRing(fd, { value: 2 ** 31 }), RANGE, '"value"');
  expectRefusal(() => op.msgRing(fd, { text: 'x' } as never), VALUE, '"text"');
  expectRefusal(() => op.msgRing(fd, {}, { flags: 2 }), VALUE, '"flags"');
  expectRefusal(() => op.msgRingFd(fd, fd as never), TYPE, '"file"');
  expectRefusal(() => op.msgRingFd(fd, sent, { silent: true }), VALUE, '"silent"');
  expectRefusal(() => op.msgRingFd(fd, sent, { slot: -1 }), RANGE, '"slot"');
  expectRefusal(() => sendMsgRing(5 as never, {}), TYPE, '"target"');
  expectRefusal(() => ring.onMessage(5 as never), TYPE, '"handler"');
  expectRefusal(() => ring.messages({ file: true } as never), VALUE, '"file"');
  const other = openRing();
  expect(() => other.run(op.msgRingFd(fd, sent))).toThrow('another ring');
});
