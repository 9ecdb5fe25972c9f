/** nop: completes, alone and in numbers. */
import { asFd, type DirectFd, Mapping, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { expectRefusal, openRing, openWith, RANGE, TYPE, VALUE } from '../../support/ring.js';

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
    ring.timeout(50).then(() => order.push('timeout')),
    ring.run(op.nop({ drain: true })).then(() => order.push('drain')),
  ]);
  expect(order.toSorted()).toEqual(['async', 'drain', 'timeout']);
  expect(order.at(-1)).toBe('drain');
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

test('completes with the result that it is given', async () => {
  needs('linux:6.10');
  const ring = openRing();
  expect(await ring.nopInjectResult(42)).toBe(42);
  expect(await ring.nopInjectResult(2 ** 31 - 1)).toBe(2 ** 31 - 1);
  await expect(ring.nopInjectResult(-28)).rejects.toMatchObject({
    code: 'ENOSPC',
    syscall: 'io_uring:nop',
  });
});

test('looks up a file, a registered file and registered memory', async () => {
  needs('linux:6.15');
  const ring = openRing();
  const file = openWith('x');
  using registered = ring.registerFiles([file]);
  const direct = registered.files[0] as DirectFd;
  using mapping = Mapping.anonymous({ size: 4096 });
  using _memory = ring.registerBuffers([mapping]);
  await ring.nop({ file });
  await ring.nop({ file: direct, taskWork: true });
  expect(await ring.nopInjectResult(2 ** 31 - 1, { taskWork: true })).toBe(2 ** 31 - 1);
  await ring.nop({ buffer: mapping.bytes, file });
  await expect(ring.nop({ file: asFd(19_999) })).rejects.toMatchObject({
    code: 'EBADF',
    fd: 19_999,
  });
  using empty = ring.files.reserve();
  await expect(ring.nop({ file: empty })).rejects.toMatchObject({ code: 'EBADF' });
  using loose = Mapping.anonymous({ size: 4096 });
  expect(() => ring.nop({ buffer: loose.bytes })).toThrow('not registered');
  expectRefusal(() => op.nop({ file: 3 as never }), TYPE, '"file"');
  expectRefusal(() => op.nop({ buffer: new Uint8Array(1) }), TYPE, '"buffer"');
  expectRefusal(() => op.nop({ taskWork: 1 as never }), TYPE, '"taskWork"');
  expectRefusal(() => op.nopInjectResult(-4096), RANGE, '"result"');
  expectRefusal(() => op.nopInjectResult(0.5), RANGE, '"result"');
  expectRefusal(() => op.nopInjectResult(1, { buffer: mapping.bytes } as never), VALUE, 'buffer');
});
