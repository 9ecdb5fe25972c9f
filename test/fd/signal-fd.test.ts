/** Signals as data; each case in a process of its own, since the process is what signals hit. */
import { SignalFd } from 'nearmetal/fd';
import { describe, expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { passes } from '../support/process.js';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';

describe.concurrent('signals in a process of its own', () => {
  test.each(['data', 'several', 'handlers', 'children', 'byWorker'])('%s', (scenario) =>
    passes('fd/signals', [scenario]),
  );

  test('read by a ring', async () => {
    needs('linux:6.10');
    await passes('fd/signals', ['byRing']);
  });
});

test('signals that cannot be blocked, and what is no signal, are refused', () => {
  expectRefusal(() => SignalFd.open(['SIGKILL']), VALUE, 'signals[0]');
  expectRefusal(() => SignalFd.open(['SIGUSR2', 'SIGSEGV']), VALUE, 'signals[1]');
  expectRefusal(() => SignalFd.open(['SIGUSER2' as never]), TYPE, "did you mean 'SIGUSR2'");
  expectRefusal(() => SignalFd.open([]), TYPE, 'signals');
  expectRefusal(() => SignalFd.open('SIGUSR2' as never), TYPE, 'signals');
  expectRefusal(() => SignalFd.open([0]), RANGE, 'signals[0]');
  expectRefusal(() => SignalFd.open([65]), RANGE, 'signals[0]');
  expectRefusal(() => SignalFd.open(['SIGUSR2'], { nonblock: true } as never), VALUE, 'nonblock');
  expect(() => SignalFd.adopt(0)).toThrow(TypeError);
});
