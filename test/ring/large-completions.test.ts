/** Completions of 32 bytes: alone in the queue, or among small ones. */
import { cqeExtra, type Operation, op, RawRing, type RingOptions } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { needs } from '../support/needs.js';
import { openRing, until } from '../support/ring.js';

/** The operation that has them for testing came with queues of both sizes. */
const KINDS: readonly [name: string, options: RingOptions][] = [
  ['large only', { cqe32: true }],
  ['of both sizes', { cqeMixed: true }],
];

/** Completes with `result`, and with two more words. */
function large(result: number, extra1: number, extra2: number): Operation<void> {
  const operation = op.nop();
  operation.operationFlags = abi.IORING_NOP_INJECT_RESULT | abi.IORING_NOP_CQE32;
  operation.length = result;
  operation.offset = extra1;
  operation.addressLow = extra2 | 0;
  operation.addressHigh = Math.floor(extra2 / 2 ** 32);
  return operation;
}

test.each(KINDS)('handlers see the second half: %s', async (_name, options) => {
  needs('setup:CQE_MIXED');
  const ring = openRing({ entries: 16, completionEntries: 64, budget: 7, ...options });
  const seen: unknown[] = [];
  const handler = ring.handler((tag, result) => seen.push([tag, result, ...cqeExtra]));
  const expected: unknown[] = [];
  // An odd number in a row, so that large ones come to the end of the queue at each place.
  for (let tag = 0; tag < 500; tag++) {
    if (tag % 3 === 0) {
      ring.start(op.nop(), handler, tag);
      expected.push([tag, 0, 0n, 0n]);
    } else {
      ring.start(large(tag, tag + 2 ** 40, 2 ** 45 + tag), handler, tag);
      expected.push([tag, tag, 2n ** 40n + BigInt(tag), 2n ** 45n + BigInt(tag)]);
    }
    // Never more than the queue holds: see `cqeMixed` about what 6.18 does then.
    if (tag % 20 === 19) await until(() => seen.length === tag + 1);
  }
  await until(() => seen.length === 500);
  expect(seen).toEqual(expected);
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0, completed: 500 });
});

test.each(KINDS)('so do visitors of a raw ring: %s', (_name, options) => {
  needs('setup:CQE_MIXED');
  using raw = RawRing.open({ entries: 16, completionEntries: 32, ...options });
  const seen: unknown[] = [];
  for (let round = 0; round < 40; round++) {
    for (let index = 0; index < 9; index++) {
      expect(raw.push(index % 2 === 0 ? large(index, round, index) : op.nop(), index)).toBe(true);
    }
    expect(raw.submit(9)).toBe(9);
    raw.reap((userData, result) => seen.push([userData, result, ...cqeExtra]));
    const first = seen.splice(0);
    expect(first).toEqual(
      Array.from({ length: 9 }, (_, index) =>
        index % 2 === 0 ? [index, index, BigInt(round), BigInt(index)] : [index, 0, 0n, 0n],
      ),
    );
  }
  expect(raw.inFlight).toBe(0);
});
