/**
 * Long runs across threads. NEARMETAL_STRESS says how many records; by default a
 * million. By hand: NEARMETAL_STRESS=1e9.
 */
import { SpscQueue } from 'nearmetal/shared';
import { expect, test } from 'vitest';
import { sharedMemory, worker } from '../support/shared.js';

const RECORDS = Number(process.env.NEARMETAL_STRESS ?? 1e6);
const LIMIT_MS = 120_000 + RECORDS / 100;
const TURN = 1 << 16;

test(
  'records come out once each, in order, whatever the ways in and out',
  async () => {
    const memory = sharedMemory();
    SpscQueue.create(memory, 'queue', { capacity: 1024 });
    const peer = worker(memory, 'audit', 'queue');
    const producer = SpscQueue.producer(memory, 'queue');
    const some = new Float64Array(100);
    let next = 0;
    while (next < RECORDS) {
      const end = Math.min(RECORDS, next + TURN);
      // One by one, staged, and many at a time.
      const way = (next / TURN) % 3;
      while (next < end) {
        if (way === 0) {
          producer.pushBlocking(next++);
        } else if (way === 1) {
          while (next < end && producer.stage(next)) next++;
          producer.publish();
          if (next < end) producer.pushBlocking(next++);
        } else {
          const count = Math.min(some.length, end - next);
          for (let index = 0; index < count; index++) some[index] = next + index;
          let done = producer.pushMany(some.subarray(0, count));
          if (done === 0) {
            producer.pushBlocking(next);
            done = 1;
          }
          next += done;
        }
      }
    }
    producer.close();
    expect(await peer.said()).toBe(`${RECORDS}`);
    expect(await peer.ended).toBe('');
  },
  LIMIT_MS,
);
