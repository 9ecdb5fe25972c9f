/** A raw ring with a kernel thread: told of nothing while it is awake, and woken when it is not. */
import { setTimeout as sleep } from 'node:timers/promises';
import { op, RawRing } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';

needs('io_uring', 'linux:5.11');

const nop = op.nop();

/** Submits `count` operations, and looks until all have completed. */
function round(ring: RawRing, count: number): void {
  let done = 0;
  for (let index = 0; index < count; index++) expect(ring.push(nop, index)).toBe(true);
  expect(ring.submit()).toBeLessThanOrEqual(count);
  while (done < count) done += ring.reap((_, result) => expect(result).toBe(0));
}

/** Calls of io_uring_enter. */
const enters = (ring: RawRing): number =>
  (ring as unknown as { raw: { control: { enters: number } } }).raw.control.enters;

test('an awake thread takes what is published without a system call', () => {
  using ring = RawRing.open({ entries: 16, sqpoll: true, sqThreadIdleMs: 2000 });
  round(ring, 8);
  const before = enters(ring);
  for (let count = 0; count < 500; count++) round(ring, 8);
  expect(enters(ring) - before).toBeLessThan(10);
});

test('a thread that has fallen asleep is woken', async () => {
  using ring = RawRing.open({ entries: 16, sqpoll: true, sqThreadIdleMs: 1 });
  for (let count = 0; count < 20; count++) {
    round(ring, 8);
    await sleep(20);
  }
  expect(enters(ring)).toBeGreaterThan(5);
  expect(ring.inFlight).toBe(0);
});

test('what overflowed the completion queue is fetched, though the thread is awake', async () => {
  using ring = RawRing.open({
    entries: 8,
    completionEntries: 8,
    sqpoll: true,
    sqThreadIdleMs: 2000,
  });
  let pushed = 0;
  while (pushed < 64) {
    while (ring.push(nop, pushed)) pushed++;
    ring.submit();
    await sleep(1);
  }
  let done = 0;
  while (done < pushed) {
    done += ring.reap(() => {});
    ring.submit();
  }
  expect(done).toBe(pushed);
});
