/** Chains: typed results in order, what ends them, and that no submission cuts them. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  asFd,
  LinkError,
  Mapping,
  type OwnedFd,
  op,
  within,
  type ZeroCopySend,
} from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { ECANCELED } from '../../lib/abi.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  folder,
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
} from '../support/ring.js';

const failed = async (promise: Promise<unknown>): Promise<LinkError> => {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(LinkError);
  return error as LinkError;
};

test('gives every result, in order and each of its own type', async () => {
  const ring = openRing();
  const file = openWith('');
  const bytes = new Uint8Array(5);
  const [written, synced, count, status] = await ring.link([
    op.write(file, bytesOf('chain'), { offset: 0 }),
    op.fsync(file),
    op.read(file, bytes, { offset: 0 }),
    op.statx(file),
  ]);
  expect([written, synced, count, status.size]).toEqual([5, undefined, 5, 5]);
  expect(text(bytes)).toBe('chain');
  const sum: number = written + count;
  expect(sum).toBe(10);
  expect(ring.stats.inFlight).toBe(0);
});

test('the same operation may be in it more than once', async () => {
  const ring = openRing();
  const file = openWith('abcdef');
  const bytes = new Uint8Array(2);
  const read = op.read(file, bytes);
  expect(await ring.link([read, read, read])).toEqual([2, 2, 2]);
  expect(text(bytes)).toBe('ef');
});

test('one that fails ends it: the error has the index and all results', async () => {
  const ring = openRing();
  const file = openWith('abc');
  const error = await failed(
    ring.link([
      op.read(file, new Uint8Array(3), { offset: 0 }),
      op.openat('/nonexistent/file'),
      op.nop(),
      op.nop(),
    ]),
  );
  expect(error).toMatchObject({ name: 'LinkError', index: 1, short: false, code: 'ENOENT' });
  expect(error.message).toContain('operation 2 of 4, openat');
  expect(error.cause).toMatchObject({ code: 'ENOENT', path: '/nonexistent/file' });
  const [read, , ...rest] = error.results;
  expect(read).toEqual({ status: 'fulfilled', value: 3 });
  for (const outcome of rest) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { errno: -ECANCELED } });
  }
});

test('a short read ends a soft chain, and the error says so', async () => {
  const ring = openRing();
  const file = openWith('abc');
  const error = await failed(
    ring.link([op.read(file, new Uint8Array(8), { offset: 0 }), op.nop()]),
  );
  expect(error).toMatchObject({ index: 0, short: true, code: 'ERR_NEARMETAL_SHORT' });
  expect(error.message).toContain('operation 1 of 2, read: it moved 3 of 8 bytes');
  expect(error.results[0]).toEqual({ status: 'fulfilled', value: 3 });
});

test('hard links go on after a failure and after a short read', async () => {
  const ring = openRing();
  const file = openWith('abc');
  const bytes = new Uint8Array(8);
  const read = op.read(file, bytes, { offset: 0 });
  expect(await ring.link([read, op.nop()], { hard: true })).toEqual([3, undefined]);
  const error = await failed(
    ring.link([op.timeout(1), op.read(file, new Uint8Array(1), { offset: 1 })]),
  );
  expect(error.index).toBe(0);
  expect(error.message).toContain('does not go on after a timeout');
  const hard = await failed(ring.link([op.connect(file, { path: '/x' }), read], { hard: true }));
  expect(hard).toMatchObject({ index: 0, code: 'ENOTSOCK' });
  expect(hard.results[1]).toEqual({ status: 'fulfilled', value: 3 });
});

test('a time limit is of one operation, and of no other', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const bytes = new Uint8Array(4);
  const error = await failed(
    ring.link([op.nop(), within(op.recv(server, bytes), 10), op.send(server, bytesOf('late'))]),
  );
  expect(error).toMatchObject({ index: 1, code: 'ETIMEDOUT' });
  expect(error.results[2]).toMatchObject({ reason: { code: 'ECANCELED' } });
  await ring.send(client, bytesOf('here'));
  const results = await ring.link([
    within(op.recv(server, bytes), 10_000),
    within(op.send(server, bytesOf('back')), 10_000),
    op.timeout(1, { etimeSuccess: true }),
  ]);
  expect(results).toEqual([4, 4, undefined]);
  const count: number = results[0];
  expect(count).toBe(4);
  await until(() => ring.stats.inFlight === 0);
});

test('a chain is never cut: not by a full queue, nor by one that waits already', async () => {
  const ring = openRing({ entries: 4 });
  const file = openWith('');
  const order: number[] = [];
  const pending: Promise<unknown>[] = [];
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < round % 4; count++) pending.push(ring.nop());
    const chain = ring.link([
      op.write(file, bytesOf(`${round % 10}`), { offset: 0 }),
      op.fsync(file),
      op.nop(),
    ]);
    pending.push(chain.then(() => order.push(round)));
  }
  await Promise.all(pending);
  expect(order).toHaveLength(50);
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('what a chain needs happens in order though the queue is full in its middle', async () => {
  const ring = openRing({ entries: 4 });
  const path = `${folder()}/file`;
  const written: unknown[] = [];
  for (let round = 0; round < 20; round++) {
    const file = await ring.openat(path, { access: 'readwrite', create: true });
    const bytes = new Uint8Array(2);
    const [, , read] = await Promise.all([
      ring.nop(),
      ring.nop(),
      ring.link([
        op.write(file, bytesOf(`${round + 10}`), { offset: 0 }),
        op.read(file, bytes, { offset: 0 }),
        op.nop(),
      ]),
    ]);
    written.push([read[1], text(bytes)]);
    file.close();
  }
  expect(written).toEqual(Array.from({ length: 20 }, (_, round) => [2, `${round + 10}`]));
});

test('a chain that is longer than the queue is refused by name', () => {
  const ring = openRing({ entries: 4 });
  const four = [op.nop(), op.nop(), op.nop(), op.nop()] as const;
  expectRefusal(() => ring.link([...four, op.nop()]), VALUE, 'at most 4 operations');
  expectRefusal(() => ring.link([...four.slice(1), within(op.nop(), 5)] as never), VALUE, 'chain');
  expect(ring.stats.submitted).toBe(0);
});

test('an operation that cannot begin takes the whole chain back', async () => {
  for (const entries of [2, 64]) {
    const ring = openRing({ entries });
    using mapping = Mapping.anonymous({ size: 4096 });
    const file = openWith('abc');
    const closed = await ring.openat('/dev/null');
    const read = op.read(closed, mapping.bytes);
    closed.close();
    const given = await ring.openat('/dev/null');
    const waiting = [ring.nop(), ring.nop(), ring.nop()];
    await expect(ring.link([op.close(given), read])).rejects.toThrow('has been closed');
    const { submitted } = ring.stats;
    await Promise.all(waiting);
    expect(ring.stats.submitted - submitted).toBeLessThanOrEqual(3);
    // What is queued next is not linked to what was taken back.
    expect(await ring.read(file, mapping.bytes, { offset: 0 })).toBe(3);
    expect(given.closed).toBe(true);
    expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
  }
});

test('a signal cancels all of it, and what it still yields is closed', async () => {
  for (const hard of [false, true]) {
    const ring = openRing();
    const file = pipe();
    const abort = new AbortController();
    let opened: OwnedFd | undefined;
    const chain = later(
      // A file may be opened by a worker thread, which would then not wait in the read.
      ring.link([op.socket('unix'), op.read(file, new Uint8Array(4)), op.nop()], {
        hard,
        signal: abort.signal,
      }),
    );
    void chain.then(
      ([fd]) => {
        opened = fd;
      },
      () => undefined,
    );
    await sleep(10);
    const before = ring.stats.inFlight;
    expect(before).toBeGreaterThan(0);
    abort.abort(new Error('enough'));
    await expect(chain).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } });
    expect(opened).toBe(undefined);
    await until(() => ring.stats.inFlight === 0);
    await expect(ring.link([op.nop()], { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  }
});

test('closing the ring ends a chain in its middle', async () => {
  const ring = openRing();
  const file = pipe();
  const chain = failed(ring.link([op.nop(), op.read(file, new Uint8Array(4)), op.nop()]));
  await turn();
  await ring.close();
  expect(await chain).toMatchObject({ index: 1, code: 'ECANCELED', short: false });
  await expect(ring.link([op.nop()])).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
});

test('refuses wrong arguments', () => {
  const ring = openRing();
  const any = (value: unknown): never => value as never;
  expectRefusal(() => ring.link(any([])), TYPE, 'chain');
  expectRefusal(() => ring.link(any(op.nop())), TYPE, 'chain');
  expectRefusal(() => ring.link(any([op.nop(), {}])), TYPE, 'chain[1]');
  expectRefusal(() => ring.link(any([op.acceptMultishot(asFd(0))])), TYPE, 'chain[0]');
  expectRefusal(() => ring.link([op.nop()], any({ hard: 1 })), TYPE, 'hard');
  expectRefusal(() => ring.link([op.nop()], any({ soft: true })), VALUE, 'soft');
  expectRefusal(() => ring.link([op.nop()], any({ signal: {} })), TYPE, 'signal');
  expectRefusal(() => within(op.nop(), -1), RANGE, 'timeoutMs');
  expectRefusal(() => within(any({}), 1), TYPE, 'operation');
  expectRefusal(() => within(op.nop({ async: true }), 1), VALUE, 'worker thread');
});

test('a ring of one entry can limit the time of an operation', async () => {
  const ring = openRing({ entries: 1 });
  const read = ring.read(pipe(), new Uint8Array(4), { timeoutMs: 5 });
  await expect(read).rejects.toMatchObject({ code: 'ETIMEDOUT' });
});

test('a send without a copy: the next one starts, and the chain waits for its memory', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using mapping = Mapping.anonymous({ size: 65_536 });
  mapping.bytes.fill(7);
  const zeroCopy = op.sendZc(client, mapping.bytes, { waitAll: true, reportUsage: true });
  const chain = ring.link([zeroCopy, op.send(client, bytesOf('after'))]);
  expect(mapping.inFlight).toBe(1);
  const received = new Uint8Array(65_541);
  await ring.recv(server, received, { waitAll: true });
  const [send, count] = await chain;
  expect([send.byteCount, count]).toEqual([65_536, 5]);
  expect(received.subarray(0, 65_536).every((byte) => byte === 7)).toBe(true);
  expect(text(received.subarray(65_536))).toBe('after');
  // The chain has ended with its last completion, which was of the memory or came after that.
  expect([mapping.inFlight, ring.stats.inFlight]).toEqual([0, 0]);
  expect(await send.released).toEqual({ copied: true });
});

test('a chain that fails tells both moments of a send without a copy', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using mapping = Mapping.anonymous({ size: 4096 });
  const zeroCopy = op.sendZc(client, mapping.bytes);
  const noSocket = op.shutdown(openWith('x'), 'write');
  const chain = failed(ring.link([zeroCopy, noSocket, op.nop()]));
  await ring.recv(server, new Uint8Array(4096), { waitAll: true });
  const { index, results } = await chain;
  expect(index).toBe(1);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  const [sent] = results as [PromiseFulfilledResult<ZeroCopySend>];
  expect(sent.value.byteCount).toBe(4096);
  expect(await sent.value.released).toEqual({ copied: undefined });
  expect([mapping.inFlight, ring.stats.inFlight]).toEqual([0, 0]);
  // It is the one that fails.
  const refused = await failed(ring.link([op.sendZc(openWith('x'), mapping.bytes), op.nop()]));
  expect([refused.index, refused.code]).toEqual([0, 'ENOTSOCK']);
  expect([mapping.inFlight, ring.stats.inFlight]).toEqual([0, 0]);
});
