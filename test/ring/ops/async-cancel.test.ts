/** asyncCancel: by descriptor, by slot, by opcode, by name, any and all. */
import { type DirectFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { expectRefusal, later, openRing, pipe, RANGE, TYPE, VALUE } from '../../support/ring.js';

test('ends every operation on the descriptor, and no other', async () => {
  needs('linux:5.19');
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
  needs('linux:5.19');
  const ring = openRing();
  await expect(ring.run(op.asyncCancel(pipe()))).resolves.toBe(0);
});

test('a slot of the ring is a file too, and not the descriptor of the same number', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const ends = pipe();
  const registered = ring.registerFiles([ends]);
  const [direct] = registered.files as [DirectFd];
  const read = later(ring.read(direct, new Uint8Array(1)));
  const plain = pipe();
  const kept = later(ring.read(plain, new Uint8Array(1)));
  await ring.nop();
  expect(await ring.asyncCancel(direct)).toBe(1);
  await expect(read).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(await ring.asyncCancel(direct)).toBe(0);
  expect(ring.stats.inFlight).toBe(1);
  expect(direct.inFlight).toBe(0);
  await ring.write(plain, new Uint8Array(1));
  await kept;
  const other = openRing();
  expect(() => other.run(op.asyncCancel(direct))).toThrow('belongs to another ring');
});

test('by opcode, on one file or on all', async () => {
  needs('linux:6.6');
  const ring = openRing();
  const [one, two] = [pipe(), pipe()];
  const read = later(ring.read(one, new Uint8Array(1)));
  const polls = [one, two].map((ends) => later(ring.pollAdd(ends, ['in'])));
  await ring.nop();
  expect(await ring.asyncCancel({ opcode: 'timeout' })).toBe(0);
  expect(await ring.asyncCancel({ opcode: 'poll_add', fd: one })).toBe(1);
  await expect(polls[0]).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(await ring.asyncCancel({ opcode: 'poll_add' })).toBe(1);
  await expect(polls[1]).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.stats.inFlight).toBe(1);
  expect(await ring.asyncCancel('any')).toBe(1);
  await expect(read).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('the first one only, or an error that says why none', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const ends = pipe();
  await expect(ring.asyncCancel(ends, { all: false })).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'io_uring:async_cancel',
  });
  const reads = [1, 2].map((size) => later(ring.read(ends, new Uint8Array(size))));
  await ring.nop();
  await ring.asyncCancel(ends, { all: false });
  await Promise.race(reads).catch(() => undefined);
  await ring.nop();
  expect(ring.stats.inFlight).toBe(1);
  await ring.asyncCancel(ends);
  const codes = (await Promise.allSettled(reads)).map((end) => 'reason' in end && end.reason.code);
  expect(codes).toEqual(['ECANCELED', 'ECANCELED']);
});

test('by the name of a submission', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const first = later(ring.timeout(60_000));
  const second = later(ring.timeout(60_000));
  await ring.nop();
  // The names that a new ring gives: slots in their order, opcode above, generation 0.
  expect(await ring.asyncCancel({ userData: { low: (11 << 24) | 1, high: 0 } })).toBe(1);
  await expect(second).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.stats.inFlight).toBe(1);
  await ring.asyncCancel('any');
  await expect(first).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.asyncCancel(3 as never), TYPE, '"target"');
  expectRefusal(() => op.asyncCancel({}), VALUE, '"target"');
  expectRefusal(() => op.asyncCancel({ opcodes: 'read' } as never), VALUE, '"opcodes"');
  expectRefusal(() => op.asyncCancel({ opcode: 'reed' }), VALUE, "such as 'recv'");
  expectRefusal(() => op.asyncCancel({ opcode: 22 as never }), TYPE, '"target.opcode"');
  expectRefusal(() => op.asyncCancel({ fd: 3 as never }), TYPE, '"target.fd"');
  expectRefusal(
    () => op.asyncCancel({ userData: { low: 2 ** 32, high: 0 } }),
    RANGE,
    '"target.userData.low"',
  );
  expectRefusal(() => op.asyncCancel('any', { all: 1 as never }), TYPE, '"all"');
});
