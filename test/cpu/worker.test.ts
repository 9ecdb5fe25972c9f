/** A pinned worker is placed before its module runs, or does not run at all. */
import { expect, test } from 'vitest';
import { EPERM, SYS_sched_setaffinity } from '../../lib/abi.js';
import { evaluate } from '../support/nouring.js';
import { passes } from '../support/process.js';

test.each(['pinned', 'each', 'realtime', 'refused', 'throws', 'many'])('%s', (scene) =>
  passes('pinned', [scene]),
);

const SPAWN = (options: string) => `
import { PinnedWorker } from 'nearmetal/cpu';
const entry = new URL('data:text/javascript,throw new Error("it ran")');
let answer = 'granted';
try { await PinnedWorker.spawn(entry, ${options}); }
catch ({ code, syscall, hint, message }) { answer = { code, syscall, hint, message }; }
console.log(JSON.stringify(answer));
process.exit(0);`;

test.runIf(process.geteuid?.() === 0)(
  'real time as the user nobody: the hint of the thread',
  () => {
    const answer = evaluate(SPAWN("{ cpus: 0, scheduler: { policy: 'fifo', priority: 5 } }"), {
      nobody: true,
    });
    expect(answer).toMatchObject({ code: 'EPERM', syscall: 'sched_setattr' });
    expect((answer as { hint: string }).hint).toContain('RLIMIT_RTPRIO >= 5');
  },
);

test('refused by seccomp: it does not run unpinned', () => {
  const answer = evaluate(SPAWN('{ cpus: 0 }'), {
    refuse: { calls: [SYS_sched_setaffinity], errno: EPERM },
  });
  expect(answer).toMatchObject({ code: 'EPERM', syscall: 'sched_setaffinity' });
  expect((answer as { hint: string }).hint).toMatch(/^seccomp blocks sched_setaffinity/);
});
