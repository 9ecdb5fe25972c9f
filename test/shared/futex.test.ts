/** Waiting on words of memory by plain calls: threads of this process, and other processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Mapping } from 'nearmetal/memory';
import { futexRequeue, futexWait, futexWaitv, futexWake } from 'nearmetal/shared';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { EINTR, ETIMEDOUT, SYS_futex, SYS_futex_waitv } from '../../lib/abi.js';
import { native, type Seam } from '../../lib/native.js';
import { needs } from '../support/needs.js';
import { outputOf } from '../support/process.js';
import { expectRefusal, openRing, RANGE, TYPE, until, VALUE } from '../support/ring.js';

const shared = (): Int32Array => new Int32Array(new SharedArrayBuffer(64));

/** Threads that wait by Atomics of the library's own calls: what they say is counted in memory. */
const WAITER = `
const { workerData } = require('node:worker_threads');
const { createRequire } = require('node:module');
const addon = createRequire(workerData.addon)(workerData.addon);
const { words, index, value, result, operation, mask } = workerData;
Atomics.add(result, 0, 1);
Atomics.notify(result, 0);
const answer = addon.futex(words, index, operation, value, null, null, 0, mask);
Atomics.store(result, 1, answer);
Atomics.add(result, 2, 1);
`;
const FUTEX_WAIT_BITSET = 9;
const workers: Worker[] = [];
const waitedOn: [Int32Array, number][] = [];
afterEach(async () => {
  // The addon's own call, unlike the library's, cannot be terminated.
  for (const [words, index] of waitedOn.splice(0)) futexWake(words, index);
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
});

/** Starts a thread that waits, and comes back when it does (as /proc tells). */
async function waiter(words: Int32Array, index: number, options: { mask?: number } = {}) {
  const result = shared();
  const before = blocked();
  waitedOn.push([words, index]);
  workers.push(
    new Worker(WAITER, {
      eval: true,
      workerData: {
        addon: process.env['NEARMETAL_ADDON'],
        words,
        index,
        value: words[index],
        result,
        operation: FUTEX_WAIT_BITSET,
        mask: options.mask ?? 0xffff_ffff,
      },
    }),
  );
  await until(() => result[0] === 1 && blocked() > before);
  return { woken: () => until(() => result[2] === 1).then(() => result[1]), result };
}

/** Threads of this process that are in FUTEX_WAIT_BITSET without a time limit. */
function blocked(): number {
  return readdirSync('/proc/self/task').filter((task) => {
    try {
      const call = readFileSync(`/proc/self/task/${task}/syscall`, 'utf8');
      return /^(202|98) 0x[0-9a-f]+ 0x9 .* 0x0 0x0 /.test(call);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  }).length;
}

test('a word that has changed is not waited for, and a time ends the wait', () => {
  const words = shared();
  words[1] = 5;
  expect(futexWait(words, 1, 4)).toBe('not-equal');
  expect(futexWait(words, 1, 5, { timeoutMs: 1 })).toBe('timed-out');
  expect(futexWait(words, 1, 5, { timeoutMs: 0 })).toBe('timed-out');
  expect(futexWait(words, 1, 5, { untilMs: Date.now() - 1000 })).toBe('timed-out');
  expect(futexWait(words, 1, 5, { untilMs: Date.now() + 2, private: true })).toBe('timed-out');
  words[1] = -1;
  expect(futexWait(words, 1, 0xffff_ffff, { timeoutMs: 1 })).toBe('timed-out');
  expect(futexWait(new Uint32Array(words.buffer), 1, -1, { timeoutMs: 1 })).toBe('timed-out');
  expect(futexWake(words, 1)).toBe(0);
});

test('waking wakes as many as asked for, by mask', async () => {
  needs('path:/proc/self/syscall');
  const words = shared();
  const one = await waiter(words, 2, { mask: 1 });
  const two = await waiter(words, 2, { mask: 2 });
  expect(futexWake(words, 3)).toBe(0);
  expect(futexWake(words, 2, { mask: 4 })).toBe(0);
  expect(futexWake(words, 2, { mask: 2 })).toBe(1);
  expect(await two.woken()).toBe(0);
  const three = await waiter(words, 2);
  expect(futexWake(words, 2, { count: 1 }) + futexWake(words, 2)).toBe(2);
  expect([await one.woken(), await three.woken()]).toEqual([0, 0]);
});

test('waiters are moved to another word, where the first has not changed', async () => {
  needs('path:/proc/self/syscall');
  const words = shared();
  const target = { words, index: 1 };
  const waiters = [await waiter(words, 0), await waiter(words, 0), await waiter(words, 0)];
  expect(futexRequeue(words, 0, 1, target)).toBe('not-equal');
  expect(futexRequeue(words, 0, 0, target, { wake: 1, requeue: 1 })).toBe(2);
  expect(futexWake(words, 1)).toBe(1);
  expect(futexWake(words, 0)).toBe(1);
  for (const each of waiters) expect(await each.woken()).toBe(0);
});

test('the first of several words', () => {
  needs('syscall:futex_waitv');
  const [one, two] = [shared(), shared()];
  const waiters = [
    { words: one, index: 0, value: 0 },
    { words: two, index: 3, value: 0, private: true },
  ];
  expect(futexWaitv(waiters, { timeoutMs: 1 })).toBe('timed-out');
  expect(futexWaitv(waiters, { untilMs: Date.now() + 1 })).toBe('timed-out');
  two[3] = 9;
  expect(futexWaitv(waiters)).toBe('not-equal');
  const many = Array.from({ length: 128 }, () => ({ words: one, index: 0, value: 0 }));
  expect(futexWaitv(many, { timeoutMs: 1 })).toBe('timed-out');
});

test('futexWaitv answers which one was woken', async () => {
  needs('syscall:futex_waitv', 'path:/proc/self/syscall');
  const words = shared();
  const waker = new Worker(
    `const { workerData } = require('node:worker_threads');
     const { createRequire } = require('node:module');
     const addon = createRequire(workerData.addon)(workerData.addon);
     while (addon.futex(workerData.words, 1, 10, 1, null, null, 0, 0xffffffff) === 0);`,
    { eval: true, workerData: { addon: process.env['NEARMETAL_ADDON'], words } },
  );
  workers.push(waker);
  const waiters = [0, 1, 2].map((index) => ({ words, index, value: 0 }));
  expect(futexWaitv(waiters, { timeoutMs: 50_000 })).toBe(1);
});

test('a mapping is waited on by a ring and woken by a call', async () => {
  needs('op:FUTEX_WAIT');
  const mapping = Mapping.memfd({ size: 4096 });
  onTestFinished(() => mapping.dispose());
  const bytes = mapping.bytes as Uint8Array;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, 16);
  const ring = openRing();
  const waiting = ring.futexWait(words, 4, 0);
  await ring.nop();
  expect(futexWake(words, 4)).toBe(1);
  expect(await waiting).toBe('ok');
});

test.skipIf(!native.hasSeam)('a signal does not end a wait before its time', () => {
  needs('syscall:futex_waitv');
  const words = shared();
  const seam = native.seam as Seam;
  seam.reset();
  onTestFinished(() => seam.reset());
  seam.fail(SYS_futex, 1, 3, EINTR);
  seam.fail(SYS_futex_waitv, 1, 2, EINTR);
  expect(futexWait(words, 0, 0, { timeoutMs: 1 })).toBe('timed-out');
  expect(futexWaitv([{ words, index: 0, value: 0 }], { timeoutMs: 1 })).toBe('timed-out');
  expect([seam.calls(SYS_futex), seam.calls(SYS_futex_waitv)]).toEqual([4, 3]);
});

test('a thread that waits can be terminated, and the process can end', async () => {
  const said = await outputOf('futex-blocked');
  expect(said).toContain('one: terminated\nseveral: terminated');
});

test.skipIf(!native.hasSeam)('a word that changes between two slices has been woken', () => {
  needs('syscall:futex_waitv');
  const words = shared();
  words[3] = 7;
  const seam = native.seam as Seam;
  seam.reset();
  onTestFinished(() => seam.reset());
  seam.fail(SYS_futex, 1, 2, ETIMEDOUT);
  seam.fail(SYS_futex_waitv, 1, 2, ETIMEDOUT);
  expect(futexWait(words, 3, 6)).toBe('ok');
  const waiters = [0, 3].map((index) => ({ words, index, value: 0 }));
  expect(futexWaitv(waiters)).toBe(1);
  expect([seam.calls(SYS_futex), seam.calls(SYS_futex_waitv)]).toEqual([3, 3]);
});

test('wrong arguments are refused before any call', () => {
  const words = shared();
  expectRefusal(() => futexWait(new Uint8Array(8) as never, 0, 0), TYPE, 'words');
  expectRefusal(() => futexWait(words, 16, 0), RANGE, 'index');
  expectRefusal(() => futexWait(words, -1, 0), RANGE, 'index');
  expectRefusal(() => futexWait(words, 0, 2 ** 32), RANGE, 'value');
  expectRefusal(() => futexWait(words, 0, 0, { mask: 0 }), RANGE, 'mask');
  expectRefusal(() => futexWait(words, 0, 0, { timeout: 1 } as never), VALUE, 'timeoutMs');
  expectRefusal(() => futexWait(words, 0, 0, { timeoutMs: 1, untilMs: 1 }), VALUE, 'untilMs');
  expectRefusal(() => futexWake(words, 0, { count: 0 }), RANGE, 'count');
  expectRefusal(() => futexWaitv([]), VALUE, 'waiters');
  expectRefusal(() => futexWaitv([{ words, index: 99, value: 0 }]), RANGE, 'index');
  expectRefusal(() => futexRequeue(words, 0, 0, words as never), VALUE, 'target');
  const resizable = Reflect.construct(SharedArrayBuffer, [4, { maxByteLength: 8 }]);
  expectRefusal(() => futexWake(new Int32Array(resizable), 0), VALUE, 'resizable');
});
