/** Taking operations back: by file, kind, handler and tag, signal, and all of them. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dup } from 'nearmetal/fd';
import { listen } from 'nearmetal/net';
import { asFd, type BorrowedFd, op, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { ECANCELED } from '../../lib/abi.js';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  pattern,
  pipe,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';

const CANCELLED = { code: 'ECANCELED' };

test('by file: all that name it, also as their second one, and nothing else', async () => {
  const ring = openRing();
  const [file, other] = [pipe(), pipe()];
  const reads = [1, 2, 3].map(() => later(ring.read(file, new Uint8Array(4))));
  const poll = later(ring.pollAdd(file, ['in']));
  const splice = later(ring.splice(file, other, 10));
  const stream = ring.pollMultishot(file, ['in']);
  const next = later(stream.next());
  const kept = later(ring.read(other, new Uint8Array(4)));
  await turn();
  const found = await ring.cancel({ fd: asFd(file.fd) });
  // A splice that blocks in a worker thread may be there already.
  expect(found).toBeGreaterThanOrEqual(5);
  for (const one of [...reads, poll, next]) await expect(one).rejects.toMatchObject(CANCELLED);
  await expect(splice).rejects.toBeInstanceOf(Error);
  expect(ring.stats.inFlight).toBe(1);
  await ring.write(other, bytesOf('kept'));
  expect(await kept).toBe(4);
  expect(await ring.cancel({ fd: file })).toBe(0);
});

test('by kind, before it was submitted too', async () => {
  const ring = openRing();
  const file = pipe();
  const read = later(ring.read(file, new Uint8Array(4)));
  const timer = later(ring.timeout(60_000));
  expect(await ring.cancel({ opcode: 'read' })).toBe(1);
  await expect(read).rejects.toMatchObject(CANCELLED);
  expect(ring.stats.inFlight).toBe(1);
  expect(await ring.cancel({ opcode: 'timeout' })).toBe(1);
  await expect(timer).rejects.toMatchObject(CANCELLED);
});

test('by handler, and by one tag of it', async () => {
  const ring = openRing();
  const file = pipe();
  const ended: number[][] = [];
  const handler = ring.handler((tag, result) => ended.push([tag, result]));
  const poll = op.pollAdd(file, ['in']);
  for (const tag of [1, 2, 3, 3]) ring.start(poll, handler, tag);
  const other = later(ring.pollAdd(file, ['in']));
  expect(await ring.cancel({ handler, tag: 3 })).toBe(2);
  await until(() => ended.length === 2);
  expect(ended).toEqual([
    [3, -ECANCELED],
    [3, -ECANCELED],
  ]);
  expect(await ring.cancel({ handler })).toBe(2);
  expect(await ring.cancel({ handler })).toBe(0);
  await until(() => ended.length === 4);
  expect(ring.stats.inFlight).toBe(1);
  expect(await ring.cancelAll()).toBe(1);
  await expect(other).rejects.toMatchObject(CANCELLED);
});

test('all, and the ring goes on', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const file = pipe();
  const waiting = [
    ...[1, 2, 3].map(() => later(ring.read(file, new Uint8Array(4)))),
    later(ring.timeout(60_000)),
    later(ring.acceptMultishot(autoClosed()).next()),
    later(ring.read(file, new Uint8Array(4), { timeoutMs: 60_000 })),
  ];
  expect(await ring.cancelAll()).toBeGreaterThanOrEqual(6);
  for (const one of waiting) await expect(one).rejects.toMatchObject(CANCELLED);
  await until(() => ring.stats.inFlight === 0);
  await ring.nop();
  expect(await ring.cancelAll()).toBe(0);
});

function autoClosed(): ReturnType<typeof listen> {
  const listener = listen();
  onTestFinished(() => listener.close());
  return listener;
}

test('closing a copy of a descriptor cancels what names the copy, and nothing else', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const copy = dup(server);
  const onCopy = later(ring.pollAdd(copy, ['rdhup']));
  const onServer = ring.recv(server, new Uint8Array(8));
  await turn();
  copy.close();
  await expect(onCopy).rejects.toMatchObject({ code: 'ECANCELED' });
  await ring.send(client, bytesOf('word'));
  expect(await onServer).toBe(4);
});

test('a stream that waits for a buffer is cancelled though nothing is in flight', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 1, size: 8 });
  await ring.send(client, pattern(20));
  const stream = ring.recvMultishot(server, { buffers });
  await stream.next();
  const second = later(stream.next());
  await until(() => ring.stats.bufferShortages > 0);
  expect(await ring.cancel({ fd: server })).toBe(1);
  await expect(second).rejects.toMatchObject(CANCELLED);
  expect(await stream.next()).toEqual({ value: undefined, done: true });
});

test('the signal of a handler cancels all that was started with it', async () => {
  const ring = openRing();
  const abort = new AbortController();
  const results: number[] = [];
  const { signal } = abort;
  const handler = ring.handler((_tag, result) => results.push(result), { signal });
  const poll = op.pollAdd(pipe(), ['in']);
  for (let count = 0; count < 20; count++) ring.start(poll, handler);
  await turn();
  abort.abort();
  await until(() => results.length === 20);
  expect(new Set(results)).toEqual(new Set([-ECANCELED]));
  expect(() => ring.start(poll, handler)).toThrow('aborted');
});

test('what a cancelled operation opens in spite of that is closed', async () => {
  needs('op:SOCKET');
  const ring = openRing();
  const before = readdirSync('/proc/self/fd').length;
  for (let round = 0; round < 50; round++) {
    const opening = later(ring.openat('/dev/null'));
    const socket = later(ring.socket('inet'));
    const abort = new AbortController();
    const signalled = later(ring.openat('/dev/null', { signal: abort.signal }));
    const cancelled = ring.cancelAll();
    abort.abort();
    for (const one of [opening, socket, signalled]) {
      await one.then(
        (fd) => fd.close(),
        (error) => expect(['ECANCELED', 'ABORT_ERR']).toContain(error.code),
      );
    }
    await cancelled;
  }
  expect(readdirSync('/proc/self/fd').length).toBe(before);
});

test('refuses wrong targets, and a closed ring', async () => {
  const ring = openRing();
  const any = (value: unknown): never => value as never;
  const handler = ring.handler(() => undefined);
  expectRefusal(() => ring.cancel(any({})), TYPE, 'target');
  expectRefusal(() => ring.cancel(any(pipe())), VALUE, 'target');
  expectRefusal(() => ring.cancel({ fd: any(3) }), TYPE, 'target.fd');
  expectRefusal(() => ring.cancel({ handler: any(() => undefined) }), TYPE, 'target.handler');
  expectRefusal(() => ring.cancel({ opcode: 'reed' }), VALUE, 'target.opcode');
  expectRefusal(() => ring.cancel({ opcode: 'read', tag: 1 }), TYPE, 'target.tag');
  expectRefusal(() => ring.cancel({ handler, tag: any('1') }), TYPE, 'target.tag');
  await ring.close();
  await expect(ring.cancelAll()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
});

// A request that stands behind a drained operation is held back as that is.
test.each<[string, (ring: Ring, file: BorrowedFd, signal: AbortSignal) => Promise<unknown>]>([
  ['an operation', (ring, file, signal) => ring.read(file, new Uint8Array(4), { signal })],
  ['a chain', (ring, file, signal) => ring.link([op.pollAdd(file, ['in']), op.nop()], { signal })],
  ['a stream', (ring, file, signal) => ring.pollMultishot(file, ['in'], { signal }).next()],
  [
    'all of a handler',
    (ring, file, signal) =>
      new Promise((_, reject) => {
        const handler = ring.handler(() => reject(signal.reason), { signal });
        ring.start(op.pollAdd(file, ['in']), handler);
      }),
  ],
])('an abort passes a drained operation: %s', async (_name, begin) => {
  const ring = openRing();
  const abort = new AbortController();
  const waiting = later(begin(ring, pipe(), abort.signal));
  const drained = ring.run(op.nop({ drain: true }));
  await turn();
  abort.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  await drained;
  await until(() => ring.stats.inFlight === 0);
});

test('a kernel that does not know opcodes as criteria is not asked', () => {
  const program = `
    import os from 'node:os';
    import { syncBuiltinESMExports } from 'node:module';
    os.release = () => '6.1.0';
    syncBuiltinESMExports();
    const { op, asFd } = await import('nearmetal/ring');
    try {
      op.asyncCancel({ opcode: 'recv', fd: asFd(0) });
    } catch ({ name, since, hint }) {
      console.log(JSON.stringify({ name, since, hint }));
    }
  `;
  const env = { ...process.env, NEARMETAL_DISABLE: 'setup:NO_SQARRAY' };
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { env });
  expect(JSON.parse(output.toString())).toEqual({
    name: 'UnsupportedError',
    since: '6.6',
    hint: expect.stringContaining('ring.cancel'),
  });
});
