/** nop128 and uring_cmd128: entries of 128 bytes, as the kernel reads them. */
import { UnsupportedError } from 'nearmetal/errors';
import { features } from 'nearmetal/features';
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { IORING_OP_URING_CMD128 } from '../../../lib/abi.js';
import { Spill } from '../../../lib/ring/spill.js';
import { SubmissionQueue } from '../../../lib/ring/submission-queue.js';
import { expectRefusal, openRing, openWith, RANGE, TYPE, VALUE } from '../../support/ring.js';

const ENTRIES = 4;
const WIDE = 32;

/** A queue of wide entries that no kernel looks at, full of old words. */
function wideQueue(): SubmissionQueue {
  const rings = new Int32Array(8);
  const sqes = new Int32Array(ENTRIES * WIDE).fill(-1);
  const at = { head: 0, tail: 1, flags: 2, array: -1 };
  const layout = { ...at, entries: ENTRIES, sqeWords: WIDE, singleThreaded: true, polled: false };
  return new SubmissionQueue(rings, sqes, layout);
}

const file = asFd(19_999);
const command = Uint8Array.from({ length: 80 }, (_, index) => index + 1);
const made = () => op.unsafeUringCmd128(file, 7, command);

function expectEncoded(words: Int32Array, first: number): void {
  const entry = words.slice(first * WIDE, (first + 1) * WIDE);
  expect((entry[0] as number) & 0xff).toBe(IORING_OP_URING_CMD128);
  expect([...entry.subarray(1, 4)]).toEqual([file.fd, 7, 0]);
  expect([...entry.subarray(8, 10)]).toEqual([5, 6]);
  expect(new Uint8Array(entry.buffer, 48, 80)).toEqual(command);
}

test('a command fills the second half of its entry, and others leave it empty', () => {
  const queue = wideQueue();
  queue.push(made() as never, 5, 6, 0);
  queue.push(op.nop() as never, 1, 2, 0);
  expectEncoded(queue.words, 0);
  expect([...queue.words.subarray(WIDE + 10, WIDE * 2)]).toEqual(Array(22).fill(0));
});

test('a command that had to wait for room arrives whole', () => {
  const [spill, queue] = [new Spill(), wideQueue()];
  spill.push(op.nop() as never, 1, 2, 0);
  spill.push(made() as never, 5, 6, 0);
  spill.moveTo(queue);
  expectEncoded(queue.words, 1);
});

test('is refused where the kernel or the ring has short entries', async () => {
  const kernelHasIt = features.op.NOP128?.supported ?? false;
  const refusal = kernelHasIt ? 'needs a ring made with sqe128' : 'op:NOP128';
  const ring = openRing();
  expect(() => ring.run(op.nop128())).toThrow(refusal);
  expect(ring.stats.inFlight).toBe(0);
  const wide = openRing({ sqe128: true });
  if (kernelHasIt) {
    await wide.run(op.nop128());
    const asked = wide.run(op.unsafeUringCmd128(openWith('x'), 0, command));
    await expect(asked).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
      syscall: 'io_uring:uring_cmd128',
    });
  } else {
    expect(() => wide.run(op.nop128())).toThrow(UnsupportedError);
    expect(() => wide.run(made())).toThrow(UnsupportedError);
  }
  await wide.nop();
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.nop128({ asynk: true } as never), VALUE, '"async"');
  expectRefusal(() => op.unsafeUringCmd128(3 as never, 0, command), TYPE, '"fd"');
  expectRefusal(() => op.unsafeUringCmd128(file, -1, command), RANGE, '"number"');
  expectRefusal(() => op.unsafeUringCmd128(file, 0, new Uint8Array(81)), VALUE, '80 bytes');
  expectRefusal(() => op.unsafeUringCmd128(file, 0, [] as never), TYPE, '"command"');
});
