/** ring.begin: one operation and no other, ended, given another time, or other events. */
import { op, type Pending } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { EALREADY, EBUSY, EINVAL, SYS_io_uring_enter } from '../../lib/abi.js';
import { closeEngine } from '../../lib/ring/closing.js';
import { Engine } from '../../lib/ring/engine.js';
import type { SingleShot } from '../../lib/ring/operation.js';
import { planRing } from '../../lib/ring/options.js';
import { Pending as PendingHere } from '../../lib/ring/pending.js';
import {
  bytesOf,
  expectRefusal,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';
import { unixPair } from '../support/sockets.js';

const LONG = 1e8;

test('gives the result, and answers false when it has come', async () => {
  const ring = openRing();
  const bytes = new Uint8Array(4);
  const reading = ring.begin(op.read(openWith('here'), bytes, { offset: 0 }));
  expect(reading.inFlight).toBe(true);
  expect(await reading.result).toBe(4);
  expect(reading.inFlight).toBe(false);
  expect(await reading.cancel()).toBe(false);
  expect(ring.stats.inFlight).toBe(0);
});

test('ends one operation and no other of its file, submitted already or not', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  const receives = [0, 1, 2].map(() => ring.begin(op.recv(one, new Uint8Array(1))));
  const [first, second, third] = receives as [Pending<number>, Pending<number>, Pending<number>];
  expect(await second.cancel()).toBe(true);
  await expect(second.result).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(await second.cancel()).toBe(false);
  await ring.send(other, bytesOf('ab'));
  expect(await Promise.all([first.result, third.result])).toEqual([1, 1]);
});

test('a cancelled one that nobody looks at is no unhandled rejection', async () => {
  const ring = openRing();
  const reading = ring.begin(op.read(pipe(), new Uint8Array(1)));
  expect(await reading.cancel()).toBe(true);
  await turn();
  expect(ring.stats.inFlight).toBe(0);
});

test('a signal and a time limit are as of run', async () => {
  const ring = openRing();
  const abort = new AbortController();
  const aborted = ring.begin(op.read(pipe(), new Uint8Array(1)), { signal: abort.signal });
  const late = ring.begin(op.read(pipe(), new Uint8Array(1)), { timeoutMs: 5 });
  later(aborted.result);
  abort.abort();
  await expect(aborted.result).rejects.toMatchObject({ name: 'AbortError' });
  await expect(late.result).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const never = ring.begin(op.nop(), { signal: abort.signal });
  await expect(never.result).rejects.toMatchObject({ name: 'AbortError' });
  expect(never.inFlight).toBe(false);
  expect(await never.cancel()).toBe(false);
});

test('a timeout gets another time, shorter, longer and of its clock', async () => {
  const ring = openRing();
  const shorter = ring.begin(op.timeout(LONG));
  expect(await shorter.updateTimeout(1)).toBe(true);
  await shorter.result;
  expect(await shorter.updateTimeout(1)).toBe(false);
  const longer = ring.begin(op.timeout(20));
  expect(await longer.updateTimeout(LONG)).toBe(true);
  await ring.timeout(40);
  expect(longer.inFlight).toBe(true);
  expect(await longer.cancel()).toBe(true);
  const clock = ring.begin(op.timeout(LONG, { clock: 'realtime' }));
  expect(await clock.updateTimeout(Date.now(), { absolute: true })).toBe(true);
  await clock.result;
});

test('a poll waits for other events', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  const waiting = ring.begin(op.pollAdd(one, ['in']));
  await ring.nop();
  expect(await waiting.updatePoll(['out'])).toBe(true);
  expect(await waiting.result).toMatchObject({ out: true, in: false });
  expect(await waiting.updatePoll(['in'])).toBe(false);
  const again = ring.begin(op.pollAdd(one, ['pri']));
  await ring.nop();
  expect(await again.updatePoll(['in'])).toBe(true);
  await ring.send(other, bytesOf('x'));
  expect(await again.result).toMatchObject({ in: true });
});

test('a handle never touches what has its slot afterwards', async () => {
  const engine = new Engine(planRing({ entries: 8 }));
  onTestFinished(() => closeEngine(engine));
  const begin = (operation: unknown): PendingHere<unknown> =>
    new PendingHere(engine, operation as SingleShot<unknown>, undefined);
  // The generation wraps between the two, too.
  for (const generation of [5, -1, 2 ** 31 - 1]) {
    engine.slots.generations.fill(generation);
    const old = begin(op.timeout(0));
    await old.result;
    const poll = begin(op.timeout(LONG));
    expect([old.inFlight, poll.inFlight]).toEqual([false, true]);
    expect(await old.cancel()).toBe(false);
    expect(await old.updateTimeout(1)).toBe(false);
    await turn();
    expect(poll.inFlight).toBe(true);
    expect(await poll.cancel()).toBe(true);
  }
  expect(engine.stats.inFlight).toBe(0);
});

test('1,000 cancelled at any moment: each is in flight or over, and none is missed', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  let received = 0;
  for (let round = 0; round < 1000; round++) {
    const receive = ring.begin(op.recv(one, new Uint8Array(1)));
    const outcome = receive.result.then(
      () => 'received',
      ({ code }: NodeJS.ErrnoException) => code,
    );
    const sending = round % 3 === 0 ? ring.send(other, bytesOf('x')) : undefined;
    if (round % 2 === 0) ring.submit();
    const found = await receive.cancel();
    const how = await outcome;
    await sending;
    if (how === 'received') received++;
    else expect([found, how]).toEqual([true, 'ECANCELED']);
  }
  const rest = Buffer.alloc(1000);
  const left = 334 - received;
  if (left > 0) expect(await ring.recv(one, rest.subarray(0, left), { waitAll: true })).toBe(left);
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('the end of the ring answers everything', async () => {
  const ring = openRing();
  const waiting = ring.begin(op.timeout(LONG));
  later(waiting.result);
  const updating = waiting.updateTimeout(LONG);
  const closing = ring.close();
  expect(await waiting.cancel()).toBe(false);
  expect(await waiting.updateTimeout(1)).toBe(false);
  await expect(waiting.result).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(typeof (await updating)).toBe('boolean');
  await closing;
  expect(waiting.inFlight).toBe(false);
  expect(() => ring.begin(op.nop())).toThrow('closed');
});

withSeam(
  'requests that are taken late, and answered late and twice, are answered once',
  async () => {
    const faults = seam();
    const ring = openRing();
    for (const errno of [EBUSY, EALREADY, EINVAL]) {
      const waiting = ring.begin(op.timeout(LONG));
      if (errno === EBUSY) faults.fail(SYS_io_uring_enter, 1, 3, errno);
      faults.chaos(errno, { delay: 200, reorder: 200, duplicate: 200 });
      expect(await waiting.updateTimeout(LONG)).toBe(true);
      expect(await waiting.cancel()).toBe(true);
      await expect(waiting.result).rejects.toMatchObject({ code: 'ECANCELED' });
      faults.reset();
    }
    await until(() => ring.stats.inFlight === 0);
  },
);

test('refuses wrong arguments, also when it is over', async () => {
  const ring = openRing();
  expectRefusal(() => ring.begin(op.timeoutMultishot(1) as never), TYPE, '"operation"');
  expectRefusal(() => ring.begin(op.nop(), { timeout: 1 } as never), VALUE, '"timeout"');
  const timer = ring.begin(op.timeout(0));
  await timer.result;
  expectRefusal(() => timer.updateTimeout(-1), RANGE, '"ms"');
  expectRefusal(() => timer.updateTimeout(1, { relative: true } as never), VALUE, '"relative"');
  expect(() => timer.updatePoll(['in'])).toThrow('the operation is a timeout, no poll_add');
  const poll = ring.begin(op.pollAdd(pipe(), ['out']));
  expect(() => poll.updateTimeout(1)).toThrow('the operation is a poll_add, no timeout');
  expectRefusal(() => poll.updatePoll(['up' as never]), VALUE, '"events"');
  await poll.result;
  expect(() => structuredClone(poll)).toThrow('could not be cloned');
});
