/** Promise 22: by hand, wrong arguments are refused before any system call. */
import { test } from 'vitest';
import { passes } from '../support/process.js';

test('each wrong argument is a TypeError or RangeError, and the kernel hears of none', () =>
  passes('promises/misuse', ['all']));
