/** Promise 12: close() ends operations of many kinds at once, drained ones too. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

describe.concurrent.each(['uv', 'thread'])('close with all kinds in flight, loop: %s', (loop) => {
  test.each(['plain', 'drained'])('%s', (order) =>
    passes('promises/closing', ['mixed', loop, order]),
  );
});
