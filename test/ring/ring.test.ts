/** A ring: how it is opened, driven, counted and closed. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { readdirSync } from 'node:fs';
import { features } from 'nearmetal/features';
import { asFd, op, Ring, type RingOptions } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { constantOf } from '../../lib/ring/setup.js';
import { needs } from '../support/needs.js';
import { runPolled } from '../support/polled.js';
import { runFixture } from '../support/process.js';
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
  turn,
  until,
  VALUE,
} from '../support/ring.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Outside of promises, whose continuations do not run inside each other. */
const callback = (call: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(call());
      } catch (error) {
        reject(error);
      }
    });
  });

/** A file read, a pipe that is waited for, and a limit of time: what any ring must do. */
async function works(ring: Ring): Promise<void> {
  const target = new Uint8Array(5);
  expect(await ring.read(openWith('works'), target, { offset: 0 })).toBe(5);
  expect(text(target)).toBe('works');
  const ends = pipe();
  const waiting = ring.read(ends, target);
  await ring.timeout(1);
  await ring.write(ends, bytesOf('piped'));
  expect(await waiting).toBe(5);
  await expect(ring.read(ends, target, { timeoutMs: 1 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  });
  expect(await Promise.all(Array.from({ length: 200 }, () => ring.nop()))).toHaveLength(200);
  expect(ring.stats.inFlight).toBe(0);
}

// --- opening -------------------------------------------------------------------------------------

const FLAGS: readonly [name: string, options: RingOptions, flag: string][] = [
  ['clamp', { clamp: true }, 'CLAMP'],
  ['submitAll', { submitAll: true }, 'SUBMIT_ALL'],
  ['singleIssuer', { singleIssuer: true }, 'SINGLE_ISSUER'],
  ['deferTaskrun', { deferTaskrun: true, singleIssuer: true }, 'DEFER_TASKRUN'],
  ['taskrunFlag', { taskrunFlag: true }, 'TASKRUN_FLAG'],
  ['noSqarray', { noSqarray: true }, 'NO_SQARRAY'],
  ['rDisabled', { rDisabled: true }, 'R_DISABLED'],
  ['coopTaskrun', { coopTaskrun: true }, 'COOP_TASKRUN'],
  ['coopTaskrun with taskrunFlag', { coopTaskrun: true, taskrunFlag: true }, 'COOP_TASKRUN'],
  ['coopTaskrun with deferTaskrun', { coopTaskrun: true, deferTaskrun: true }, 'COOP_TASKRUN'],
  ['sqe128', { sqe128: true }, 'SQE128'],
  ['cqe32', { cqe32: true }, 'CQE32'],
  ['sqe128 and cqe32', { sqe128: true, cqe32: true }, 'CQE32'],
  ['cqeMixed', { cqeMixed: true }, 'CQE_MIXED'],
];

test.each(FLAGS)('a ring with %s has it and works', async (_name, options, flag) => {
  const bit = Reflect.get(abi, `IORING_SETUP_${flag}`) as number;
  if (features.setup[flag]?.supported !== true) {
    const names = Object.keys(options).map(constantOf).join('|');
    expect(() => Ring.open(options)).toThrow(
      new RegExp(`setup:(?:${names}) is not available here`),
    );
    return;
  }
  const ring = openRing(options);
  expect(ring.setupFlags & bit).toBe(bit);
  await works(ring);
});

test.each([
  'submitAll',
  'singleIssuer',
  'deferTaskrun',
  'taskrunFlag',
  'noSqarray',
  'rDisabled',
  'clamp',
] as const)('a ring without %s works', async (name) => {
  const words = name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  const ring = openRing({ [name]: false });
  expect(ring.setupFlags & (Reflect.get(abi, `IORING_SETUP_${words}`) as number)).toBe(0);
  await works(ring);
});

test('a ring with nothing but what it must have works', async () => {
  const off = ['submitAll', 'singleIssuer', 'deferTaskrun', 'taskrunFlag', 'noSqarray', 'clamp'];
  const options = Object.fromEntries([...off, 'rDisabled'].map((name) => [name, false]));
  const ring = openRing(options);
  expect(ring.setupFlags).toBe(abi.IORING_SETUP_CQSIZE);
  await works(ring);
});

test('a kernel thread may submit', async (context) => {
  expect(await runPolled(context, 'ring-sqpoll')).toEqual({
    stdout: '10500 results\n10500 results\n',
    stderr: '',
    code: 0,
  });
});

test('a busy kernel thread needs no call for an operation', async (context) => {
  const { stdout, stderr, code } = await runPolled(context, 'ring-sqpoll-quiet');
  expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
  const [, operations, enters] = /^(\d+) operations, (\d+) enters/.exec(stdout) ?? [];
  expect(Number(operations)).toBe(200_000);
  expect(Number(enters)).toBeLessThan(2000);
});

test('attachWq shares the workers of another ring', async () => {
  const ring = openRing();
  const attached = openRing({ attachWq: ring });
  expect(attached.setupFlags & abi.IORING_SETUP_ATTACH_WQ).not.toBe(0);
  await works(attached);
  await attached.run(op.nop({ async: true }));
  expectRefusal(() => Ring.open({ attachWq: 5 as never }), TYPE, 'attachWq');
  expect(() => Ring.open({ attachWq: { fd: 0 } })).toThrow(
    expect.objectContaining({ name: 'SystemError', syscall: 'io_uring_setup' }),
  );
});

test('a polled ring refuses plain files', async () => {
  needs('setup:IOPOLL');
  const ring = openRing({ iopoll: true });
  expect(ring.setupFlags & abi.IORING_SETUP_IOPOLL).not.toBe(0);
  const target = new Uint8Array(8);
  await expect(ring.read(openWith('plain'), target, { offset: 0 })).rejects.toMatchObject({
    code: expect.stringMatching(/EOPNOTSUPP|EINVAL/),
    syscall: 'io_uring:read',
  });
});

test('options that exclude each other are refused by name', () => {
  const open = (options: unknown) => () => Ring.open(options as RingOptions);
  expectRefusal(open({ sqpoll: true, deferTaskrun: true }), VALUE, '"sqpoll"');
  expectRefusal(open({ sqThreadCpu: 0 }), VALUE, '"sqThreadCpu"');
  expectRefusal(open({ hybridIopoll: true }), VALUE, '"hybridIopoll"');
  expectRefusal(open({ deferTaskrun: true, singleIssuer: false }), VALUE, '"deferTaskrun"');
  expectRefusal(open({ cqe32: true, cqeMixed: true }), VALUE, '"cqeMixed"');
});

test('options are checked before the kernel is asked', () => {
  const open = (options: unknown) => () => Ring.open(options as RingOptions);
  expectRefusal(open(256), TYPE, 'options');
  expectRefusal(open({ entrys: 5 }), VALUE, 'Did you mean "entries"?');
  expectRefusal(open({ deferTaskRun: 5 }), VALUE, '"deferTaskrun"');
  for (const entries of [0, -1, 1.5, 32_769, Number.NaN]) {
    expectRefusal(open({ entries }), RANGE, '"entries"');
  }
  expectRefusal(open({ entries: '64' }), TYPE, '"entries"');
  expectRefusal(open({ entries: 64, completionEntries: 32 }), RANGE, '"completionEntries"');
  expectRefusal(open({ loop: 'libuv' }), VALUE, "'thread'");
  expectRefusal(open({ budget: 0 }), RANGE, '"budget"');
  expectRefusal(open({ closeTimeoutMs: -1 }), RANGE, '"closeTimeoutMs"');
  expectRefusal(open({ debug: 1 }), TYPE, '"debug"');
  expectRefusal(open({ sqpoll: 'yes' }), TYPE, '"sqpoll"');
  expectRefusal(open({ sqThreadIdleMs: -1 }), RANGE, '"sqThreadIdleMs"');
});

test('every number of entries works', async () => {
  for (const entries of [1, 2, 3, 100, 4096, 32_768]) {
    const ring = openRing({ entries });
    expect(await Promise.all(Array.from({ length: 500 }, () => ring.nop()))).toHaveLength(500);
    await ring.close();
  }
});

// --- batching, queues ----------------------------------------------------------------------------

test('64 reads of one turn go down in one call', async () => {
  const ring = openRing({ entries: 64 });
  const file = openWith('x'.repeat(64));
  await ring.nop();
  const before = ring.stats;
  const targets = Array.from({ length: 64 }, () => new Uint8Array(1));
  await Promise.all(targets.map((target, offset) => ring.read(file, target, { offset })));
  expect(ring.stats.submitted - before.submitted).toBe(64);
  expect(ring.stats.enters - before.enters).toBe(1);
  expect(text(Buffer.concat(targets))).toBe('x'.repeat(64));
});

test('the kernel sees one call for them too', async () => {
  needs('program:strace');
  const { code, stderr, stdout } = await runFixture('ring-batch', [], {
    under: ['strace', '-f', '-qq', '-e', 'trace=io_uring_enter', '-e', 'signal=none'],
  });
  expect(stdout).toBe('64 reads\n');
  expect(code).toBe(0);
  const calls = stderr.match(/io_uring_enter\(\d+, 64,/g) ?? [];
  expect(calls).toHaveLength(1);
});

test('submit sends at once what is queued', async () => {
  const ring = openRing();
  const before = ring.stats.enters;
  const done = ring.nop();
  expect(ring.stats.enters).toBe(before);
  ring.submit();
  expect(ring.stats.enters).toBe(before + 1);
  ring.submit();
  expect(ring.stats.enters).toBe(before + 1);
  await done;
});

test('10,000 operations pass through 4 entries', async () => {
  const ring = openRing({ entries: 4, completionEntries: 4 });
  const seen: number[] = [];
  const handler = ring.handler((tag) => seen.push(tag));
  for (let tag = 0; tag < 10_000; tag++) ring.start(op.nop(), handler, tag);
  await until(() => seen.length === 10_000);
  expect(seen).toEqual(Array.from({ length: 10_000 }, (_, tag) => tag));
  expect(ring.stats).toMatchObject({ submitted: 10_000, completed: 10_000, inFlight: 0, stale: 0 });
});

test('linked pairs stay together when the queue is full', async () => {
  const ring = openRing({ entries: 4 });
  const ends = pipe();
  const target = new Uint8Array(1);
  const reads = Array.from({ length: 101 }, () => ring.read(ends, target, { timeoutMs: 1 }));
  const results = await Promise.allSettled(reads);
  const codes = results.map((result) => (result as PromiseRejectedResult).reason?.code);
  expect(new Set(codes)).toEqual(new Set(['ETIMEDOUT']));
  expect(ring.stats.inFlight).toBe(0);
});

test('completions that do not fit the queue come late, and come all', async () => {
  const ring = openRing({ entries: 4, completionEntries: 4 });
  const ends = pipe();
  const reads = Array.from({ length: 300 }, () => ring.read(ends, new Uint8Array(1)));
  await ring.nop();
  await ring.write(ends, new Uint8Array(300).fill(1));
  const counts = await Promise.all(reads);
  expect(counts.reduce((sum, count) => sum + count)).toBe(300);
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('timers get their turn among many completions', async () => {
  const ring = openRing({ budget: 8 });
  let completions = 0;
  let running = true;
  const handler = ring.handler(() => {
    completions++;
    if (running) ring.start(op.nop(), handler);
  });
  for (let index = 0; index < 64; index++) ring.start(op.nop(), handler);
  // The completions never end by themselves: this goes on only if others get their turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  while (completions < 1000) await new Promise((resolve) => setImmediate(resolve));
  running = false;
  await until(() => ring.stats.inFlight === 0);
});

// --- handlers, operations ------------------------------------------------------------------------

test('handlers get tag, result and flags as the kernel gave them', async () => {
  const ring = openRing();
  const seen: [number, number, number][] = [];
  const handler = ring.handler((...facts) => seen.push(facts));
  ring.start(op.nop(), handler, 2 ** 40);
  ring.start(op.read(openWith('abc'), new Uint8Array(8), { offset: 0 }), handler, 1);
  ring.start(op.read(asFd(19_999), new Uint8Array(8)), handler, -2);
  ring.start(op.nop(), handler);
  await until(() => seen.length === 4);
  expect(seen.map(([tag, result]) => [tag, result]).sort()).toEqual(
    [
      [2 ** 40, 0],
      [1, 3],
      [-2, -9],
      [0, 0],
    ].sort(),
  );
});

test('handlers and promises keep the async context of their start', async () => {
  const ring = openRing();
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const handler = storage.run('handler', () => ring.handler(() => seen.push(storage.getStore())));
  storage.run('start', () => ring.start(op.nop(), handler));
  await storage.run('promise', async () => {
    await ring.nop();
    seen.push(storage.getStore());
  });
  await until(() => seen.length === 2);
  expect(seen.sort()).toEqual(['handler', 'promise']);
});

test('a handler that throws is an uncaught exception, and the others still run', async () => {
  const { stdout, code } = await runFixture('ring-throw');
  expect(stdout).toBe('caught: from 1\nhandled 0,2,3\n');
  expect(code).toBe(0);
});

test('an operation may be changed and started again while it is in flight', async () => {
  const ring = openRing();
  const path = fileOf('0123456789');
  using file = await ring.openat(path);
  const targets = Array.from({ length: 10 }, () => new Uint8Array(1));
  const running = targets.map((target, offset) => {
    const operation = op.read(file, target);
    operation.offset = offset;
    const first = ring.run(operation);
    operation.offset = 9 - offset;
    return first;
  });
  await Promise.all(running);
  expect(text(Buffer.concat(targets))).toBe('0123456789');
  const sending = op.write(pipe(), bytesOf('again'));
  expect(await Promise.all([ring.run(sending), ring.run(sending)])).toEqual([5, 5]);
});

test('start refuses what is no operation or handler of a ring', () => {
  const ring = openRing();
  const handler = ring.handler(() => undefined);
  expectRefusal(() => ring.start({} as never, handler), TYPE, '"operation"');
  expectRefusal(() => ring.start(op.nop(), (() => undefined) as never), TYPE, '"handler"');
  expectRefusal(() => ring.handler('call' as never), TYPE, '"call"');
});

test('debug says where an operation was started', async () => {
  const ring = openRing({ debug: true });
  const failing = async function placeOfStart(): Promise<void> {
    await ring.read(asFd(19_999), new Uint8Array(1));
  };
  const error = await failing().catch((reason) => reason);
  expect(error).toMatchObject({ code: 'EBADF' });
  expect(error.stack).toContain('placeOfStart');
  expect(error.stack).toContain('EBADF: bad file descriptor, io_uring:read');
  const run = await ring
    .run(op.read(asFd(19_999), new Uint8Array(1)))
    .catch((reason: Error) => reason.stack);
  expect(run).toMatch(/ring\.test\.[jt]s/);
});

// --- staying alive, closing ----------------------------------------------------------------------

test.each([
  ['idle', 'the process ends with an idle ring'],
  ['unref', 'the process ends with operations pending on an unreferenced ring'],
  ['pending', 'the process waits for what is pending'],
  ['ref', 'the process waits again after ref'],
  ['leave', 'process.exit with operations in flight ends well'],
])('%s: %s', async (name) => {
  const { stdout, stderr, code } = await runFixture('ring-alive', [name]);
  expect({ stdout, code }).toEqual({ stdout: `${name} done\n`, code: 0 });
  expect(stderr).toBe('');
});

test('closing settles what is pending, gives descriptors back, and is done once', async () => {
  const ends = pipe();
  const before = descriptors();
  const ring = openRing();
  const options = { timeoutMs: 3_600_000 };
  const pending = [
    later(ring.read(ends, new Uint8Array(1))),
    later(ring.timeout(3_600_000)),
    later(ring.read(ends, new Uint8Array(1), options)),
  ];
  const stream = ring.pollMultishot(ends, ['in']);
  const next = later(stream.next());
  await ring.nop();
  const closing = ring.close();
  expect(ring.close()).toBe(closing);
  expect(ring.closed).toBe(true);
  await closing;
  for (const one of pending) await expect(one).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(next).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.stats).toMatchObject({ inFlight: 0, leaked: 0 });
  await until(() => descriptors() === before);
});

test('closing in the turn in which operations were queued', async () => {
  const ring = openRing();
  const queued = [ring.nop(), ring.nop(), ring.timeout(3_600_000)].map(later);
  await ring.close();
  const states = await Promise.allSettled(queued);
  expect(states[2]?.status).toBe('rejected');
  expect(ring.stats.inFlight).toBe(0);
});

test('closing with 1,000 operations in flight', async () => {
  const ring = openRing();
  const ends = pipe();
  const waiting = Array.from({ length: 1000 }, () => later(ring.read(ends, new Uint8Array(64))));
  await ring.nop();
  await ring.close();
  for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.stats.leaked).toBe(0);
});

test('a closed ring refuses everything, and says so', async () => {
  const ring = openRing();
  const handler = ring.handler(() => undefined);
  await ring.close();
  const closed = { code: 'ERR_INVALID_STATE', message: 'the ring has been closed' };
  const thrown = (call: () => unknown) => expect(call).toThrow(expect.objectContaining(closed));
  await expect(ring.nop()).rejects.toMatchObject(closed);
  await expect(ring.nop({ timeoutMs: 5 })).rejects.toMatchObject(closed);
  thrown(() => ring.start(op.nop(), handler));
  thrown(() => ring.submit());
  thrown(() => ring.provideBuffers({ count: 1, size: 1 }));
  thrown(() => ring.registerBuffers([]));
  thrown(() => ring.registerFiles([]));
  thrown(() => ring.runLoop());
  thrown(() => ring.pollMultishot(pipe(), ['in']));
  ring.unref();
  ring.ref();
  await ring.close();
});

test('await using closes it', async () => {
  let held: Ring;
  {
    await using ring = Ring.open({ entries: 8 });
    await ring.nop();
    held = ring;
  }
  expect(held.closed).toBe(true);
});

// --- other loops, other threads ------------------------------------------------------------------

test('a helper thread may wake the ring', async () => {
  const ring = openRing({ loop: 'thread' });
  await works(ring);
  await turn();
  await works(ring);
});

test('a ring of its own loop runs inside runLoop only', async () => {
  const ring = openRing({ loop: 'own' });
  const order: string[] = [];
  const done = (async () => {
    await ring.timeout(2);
    order.push('timeout');
    const target = new Uint8Array(3);
    await ring.read(openWith('own'), target, { offset: 0 });
    order.push(text(target));
  })();
  await turn();
  expect(order).toEqual([]);
  await callback(() => ring.runLoop());
  expect(order).toEqual(['timeout', 'own']);
  await done;
  const handler = ring.handler((tag) => {
    order.push(`tag ${tag}`);
    if (!ring.closed) ring.start(op.nop(), handler, tag + 1);
  });
  ring.start(op.nop(), handler, 0);
  ring.runLoop({ until: () => order.length >= 5, sliceMs: 1 });
  expect(order.slice(2, 5)).toEqual(['tag 0', 'tag 1', 'tag 2']);
  expectRefusal(() => ring.runLoop({ sliceMs: -1 }), RANGE, '"sliceMs"');
  expectRefusal(() => ring.runLoop({ until: true as never }), TYPE, '"until"');
  expectRefusal(() => ring.runLoop({ slice: 1 } as never), VALUE, '"slice"');
});

test.each(['uv', 'thread', 'own'])('rings with loop %s work in several workers', async (loop) => {
  const { stdout, stderr, code } = await runFixture('ring-workers', [loop]);
  expect(stderr).toBe('');
  expect({ stdout, code }).toEqual({ stdout: 'worker 0 1 2 3 done\n', code: 0 });
});

test('many rings live side by side', async () => {
  const rings = Array.from({ length: 20 }, () => openRing({ entries: 4, completionEntries: 8 }));
  await Promise.all(rings.map((ring) => works(ring)));
});
