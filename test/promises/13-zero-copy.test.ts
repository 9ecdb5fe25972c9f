/** Promise 13: a send without a copy has two moments, sent and free again, and both are visible. */
import { test } from 'vitest';
import { passes } from '../support/process.js';

test('memory changed after `released` never reaches the peer', () =>
  passes('promises/zero-copy', ['released']));
test('memory of the library is not used again before', () =>
  passes('promises/zero-copy', ['staged']));
