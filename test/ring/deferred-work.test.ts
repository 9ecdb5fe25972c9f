/** Which kernels tell of deferred work: where they do not, a ring on Node's loop defers none. */
import { afterEach, expect, it, vi } from 'vitest';
import { IORING_SETUP_COOP_TASKRUN, IORING_SETUP_DEFER_TASKRUN } from '../../lib/abi.js';
import { compareVersions, kernel } from '../../lib/kernel.js';
import { planRing, type RingOptions } from '../../lib/ring/options.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const task = IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN;

function planOn(release: string, options: RingOptions): number {
  vi.spyOn(kernel, 'atLeast').mockImplementation(
    (version) => compareVersions(release, version) >= 0,
  );
  const { wished, required } = planRing(options);
  return (wished | required) & task;
}

it.each([
  ['6.1.0', {}, IORING_SETUP_DEFER_TASKRUN],
  ['6.12.118', {}, IORING_SETUP_COOP_TASKRUN],
  ['6.12.118', { loop: 'own' }, IORING_SETUP_DEFER_TASKRUN],
  ['6.12.118', { deferTaskrun: true }, IORING_SETUP_DEFER_TASKRUN],
  ['6.12.118', { coopTaskrun: false }, IORING_SETUP_DEFER_TASKRUN],
  ['6.12.118', { sqpoll: true }, 0],
  ['6.16.0', {}, IORING_SETUP_DEFER_TASKRUN],
] as const)('on %s, %j', (release, options, expected) => {
  expect(planOn(release, options)).toBe(expected);
});
