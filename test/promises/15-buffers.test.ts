/** Promise 15: provided buffers and multishot are conserved. */
import { describe, test } from 'vitest';
import { passes } from '../support/process.js';

const NO_SCAVENGES = ['--max-semi-space-size=256', '--min-semi-space-size=256'];

describe.concurrent('each provided buffer comes back exactly once', () => {
  test.each([1, 11])('cancels, shortages, ends and slow consumers from seed %i', (from) =>
    passes('promises/buffers', ['conserved', `${from}`, '10']),
  );
});
test('100,000 messages in handler mode allocate nothing each', () =>
  passes('promises/buffers', ['heap'], { nodeOptions: NO_SCAVENGES }));
