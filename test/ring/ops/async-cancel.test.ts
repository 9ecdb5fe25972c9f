/** asyncCancel: ends all that waits on a descriptor. */
import { DirectFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { expectRefusal, later, openRing, openWith, pipe, TYPE } from '../../support/ring.js';

test('ends every operation on the descriptor, and no other', async () => {
  const ring = openRing();
  const ends = pipe();
  const others = pipe();
  const reads = [1, 2, 3].map((size) => later(ring.read(ends, new Uint8Array(size))));
  const kept = ring.read(others, new Uint8Array(1));
  await ring.nop();
  expect(await ring.run(op.asyncCancel(ends))).toBe(3);
  for (const read of reads) {
    await expect(read).rejects.toMatchObject({
      code: 'ECANCELED',
      errno: -125,
      syscall: 'io_uring:read',
      fd: ends.fd,
    });
  }
  expect(ring.stats.inFlight).toBe(1);
  await ring.write(others, new Uint8Array(1));
  expect(await kept).toBe(1);
});

test('answers that there was nothing', async () => {
  const ring = openRing();
  await expect(ring.run(op.asyncCancel(pipe()))).resolves.toBe(0);
});

test('takes plain descriptors only: the number of a slot is another file', () => {
  const ring = openRing();
  const registered = ring.registerFiles([openWith('x')]);
  const [direct] = registered.files as [DirectFd];
  expect(direct).toBeInstanceOf(DirectFd);
  expectRefusal(() => op.asyncCancel(direct as never), TYPE, 'a plain descriptor');
  expectRefusal(() => op.asyncCancel(3 as never), TYPE, '"fd"');
});
