/** What wakes the loop for a ring: signals that nobody has to take back, where that can be had. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { needs } from '../support/needs.js';
import { openRing } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';

const information = (): string[] =>
  readdirSync('/proc/self/fdinfo').map((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    } catch {
      // The folder itself was among them.
      return '';
    }
  });

/** The sum of all eventfds of this process that nobody has read since. */
const unread = (): number =>
  information()
    .flatMap((text) => /eventfd-count: *([0-9a-f]+)/.exec(text)?.[1] ?? [])
    .reduce((sum, count) => sum + Number.parseInt(count, 16), 0);

const edges = (): number =>
  information()
    .join('\n')
    .match(/^tfd: .* events: 8[0-9a-f]{7} /gm)?.length ?? 0;

async function turns(count: number): Promise<void> {
  const ring = openRing();
  for (let index = 0; index < count; index++) await ring.timeout(1);
}

test('signals are left where they are', async () => {
  needs('proc', 'node');
  const before = [edges(), unread()] as const;
  await turns(20);
  expect(edges()).toBe(before[0] + 1);
  expect(unread()).toBeGreaterThanOrEqual(before[1] + 10);
});

withSeam('where epoll refuses that, each turn takes them back', async () => {
  needs('proc', 'node');
  const before = [edges(), unread()] as const;
  seam().fail(abi.SYS_epoll_ctl, 1, 100, abi.EPERM);
  await turns(20);
  expect(edges()).toBe(before[0]);
  expect(unread()).toBeLessThan(before[1] + 5);
});

test('one that was opened behind a closed one wakes too', async () => {
  for (let index = 0; index < 10; index++) {
    const ring = openRing();
    expect(await Promise.all([1, 1, 1].map((ms) => ring.timeout(ms)))).toHaveLength(3);
    ring.close();
  }
});
