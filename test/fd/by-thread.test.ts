/** Waiting where libuv is not to be called: a helper thread wakes JavaScript. */
import { readdirSync } from 'node:fs';
import { EventFd, TimerFd } from 'nearmetal/fd';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/ring.js';

const { versions } = process;
const threads = (): string[] => readdirSync('/proc/self/task');

// As on Bun: the library looks at this, and at nothing else.
beforeAll(() => {
  Object.defineProperty(process, 'versions', { value: { ...versions, bun: '1' } });
});
afterAll(() => {
  Object.defineProperty(process, 'versions', { value: versions });
});

test('a descriptor is waited for by a thread, which ends with it', async () => {
  const before = threads();
  const counter = EventFd.open();
  const found = counter.wait();
  const [helper] = threads().filter((thread) => !before.includes(thread));
  expect(helper).toBeDefined();
  counter.write(7);
  expect(await found).toBe(7);
  for (let count = 1; count <= 100; count++) {
    const next = counter.wait();
    counter.write(count);
    expect(await next).toBe(count);
  }
  const first = counter.wait();
  const second = counter.wait();
  counter.write(1);
  expect(await Promise.race([first, second])).toBe(1);
  counter.write(2);
  expect((await first) + (await second)).toBe(3);
  counter.close();
  await until(() => !threads().includes(helper as string));
});

test('waits by thread are given up, run out of time, and end with the descriptor', async () => {
  using counter = EventFd.open();
  const stop = new AbortController();
  const aborted = counter.wait({ signal: stop.signal });
  stop.abort('why');
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError', cause: 'why' });
  await expect(counter.wait({ timeoutMs: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const closed = counter.wait();
  counter.close();
  await expect(closed).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
});

test('a timer is iterated by a thread', async () => {
  using timer = TimerFd.open();
  timer.set({ afterMs: 1, everyMs: 1 });
  let fired = 0;
  for await (const times of timer) {
    fired += times;
    if (fired >= 5) break;
  }
  expect(fired).toBeGreaterThanOrEqual(5);
});
