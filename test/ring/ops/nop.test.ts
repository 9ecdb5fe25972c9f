/** nop: completes, alone and in numbers. */
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { expectRefusal, openRing, TYPE, VALUE } from '../../support/ring.js';

test('completes with nothing', async () => {
  const ring = openRing();
  expect(await ring.nop()).toBe(undefined);
  expect(ring.stats).toMatchObject({ submitted: 1, completed: 1, inFlight: 0, stale: 0 });
});

test('goes to a kernel worker, and waits for all before it, when asked', async () => {
  const ring = openRing();
  const order: string[] = [];
  await Promise.all([
    ring.run(op.nop({ async: true })).then(() => order.push('async')),
    ring.timeout(5).then(() => order.push('timeout')),
    ring.run(op.nop({ drain: true })).then(() => order.push('drain')),
  ]);
  expect(order).toEqual(['async', 'timeout', 'drain']);
});

test('refuses options that it does not have', () => {
  const ring = openRing();
  expectRefusal(() => op.nop({ asinc: true } as never), VALUE, 'Did you mean "async"?');
  expectRefusal(() => op.nop(5 as never), TYPE, 'options');
  expectRefusal(() => op.nop(null as never), TYPE, 'options');
  expectRefusal(() => ring.nop({ timeoutMS: 5 } as never), VALUE, '"timeoutMs"');
  expectRefusal(() => ring.nop({ signal: {} as never }), TYPE, 'signal');
});

test('takes flags only as true or false', () => {
  expectRefusal(() => op.nop({ async: 'no' as never }), TYPE, 'async');
  expectRefusal(() => op.nop({ drain: 1 as never }), TYPE, 'drain');
});
