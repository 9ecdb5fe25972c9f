/** fsync: durable files, and what cannot be synced. */
import { op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  expectRefusal,
  openRing,
  openWith,
  pipe,
  TYPE,
  VALUE,
} from '../../support/ring.js';

test('flushes a file, with and without its metadata', async () => {
  const ring = openRing();
  const file = openWith('');
  await ring.write(file, bytesOf('data'));
  expect(await ring.fsync(file)).toBe(undefined);
  expect(await ring.fsync(file, { datasync: true })).toBe(undefined);
  expect(await ring.fsync(file, { datasync: false, timeoutMs: 60_000 })).toBe(undefined);
});

test('a pipe cannot be synced', async () => {
  const ring = openRing();
  await expect(ring.fsync(pipe())).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:fsync',
  });
});

test('refuses wrong arguments by name', () => {
  const file = openWith('');
  expectRefusal(() => op.fsync(5 as never), TYPE, '"fd"');
  expectRefusal(() => op.fsync(file, { datasync: 1 as never }), TYPE, '"datasync"');
  expectRefusal(() => op.fsync(file, { dataSync: true } as never), VALUE, '"datasync"');
});
