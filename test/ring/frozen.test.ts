/** Operations that can no longer be changed, and that the queue therefore need not write again. */
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { asFd } from '../../lib/fd/index.js';
import { Mapping } from '../../lib/memory/index.js';
import { LinkError, op, RawRing, Ring, unsafe } from '../../lib/ring/index.js';
import { needs } from '../support/needs.js';

const path = join(tmpdir(), `nearmetal-frozen-${process.pid}`);
writeFileSync(path, 'abcdefgh');
const file = asFd(openSync(path, 'r'));
afterAll(() => rmSync(path));

/** Submits what is queued; answers user data and results. */
function finish(ring: RawRing, count: number): [number, number][] {
  const seen: [number, number][] = [];
  ring.submit(count);
  ring.reap((userData, result) => seen.push([userData, result]));
  return seen;
}

describe('a frozen operation', () => {
  it('goes down as often as it is pushed, under each name that it is given', () => {
    using ring = RawRing.open({ entries: 4 });
    using memory = Mapping.anonymous({ size: 4096 });
    const read = op.read(file, memory.bytes.subarray(0, 4), { offset: 2 }).freeze();
    for (const name of [1, 2 ** 31, 2 ** 32 + 7, 2 ** 53 - 1, 5, 6, 7, 8, 9]) {
      memory.bytes.fill(0);
      expect(ring.push(read, name)).toBe(true);
      expect(finish(ring, 1)).toEqual([[name, 4]]);
      expect(Buffer.from(memory.bytes.subarray(0, 4)).toString()).toBe('cdef');
    }
  });

  it('is written again where something else was in its entry meanwhile', () => {
    using ring = RawRing.open({ entries: 2 });
    using memory = Mapping.anonymous({ size: 4096 });
    const first = op.read(file, memory.bytes.subarray(0, 2), { offset: 0 }).freeze();
    const second = op.read(file, memory.bytes.subarray(0, 3), { offset: 4 }).freeze();
    const changing = op.read(file, memory.bytes.subarray(0, 1), { offset: 7 });
    for (const [operation, result] of [
      [first, 2],
      [second, 3],
      [changing, 1],
      [first, 2],
      [first, 2],
      [second, 3],
      [first, 2],
    ] as const) {
      ring.push(operation, 1);
      ring.push(operation, 2);
      expect(finish(ring, 2)).toEqual([
        [1, result],
        [2, result],
      ]);
    }
    changing.length = 0;
    ring.push(changing, 3);
    expect(finish(ring, 1)).toEqual([[3, 0]]);
  });

  it('survives entries that are filled by hand, and wide ones', () => {
    using ring = unsafe.Ring.open({ entries: 1, sqe128: true });
    using memory = Mapping.anonymous({ size: 4096 });
    const read = op.read(file, memory.bytes.subarray(0, 4), { offset: 0 }).freeze();
    for (let round = 0; round < 3; round++) {
      ring.push(read, round);
      expect(finish(ring, 1)).toEqual([[round, 4]]);
      const entry = ring.getSqe('nop');
      if (entry === undefined) throw new Error('the queue is full');
      entry.userData = 9;
      expect(finish(ring, 1)).toEqual([[9, 0]]);
    }
  });

  it('is whole after the queues were resized', async () => {
    needs('register:RESIZE_RINGS');
    await using ring = Ring.open({ entries: 4 });
    const nop = op.nop().freeze();
    for (const entries of [4, 16, 2, 8]) {
      ring.resizeRings({ entries });
      await Promise.all(Array.from({ length: 20 }, () => ring.run(nop)));
    }
    expect(ring.stats.completed).toBe(80);
  });

  it('is linked only where it stands in a chain', async () => {
    await using ring = Ring.open({ entries: 2 });
    const failing = op.shutdown(file, 'both').freeze();
    for (let round = 0; round < 4; round++) {
      // The same entries each time, in turn with the flag that cancels what follows and without.
      await expect(ring.link([failing, op.nop()])).rejects.toThrow(LinkError);
      const alone = [ring.run(failing), ring.run(op.nop())];
      const [first, second] = await Promise.allSettled(alone);
      expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled']);
    }
  });

  it('cannot be changed', () => {
    using memory = Mapping.anonymous({ size: 4096 });
    const read = op.read(file, memory.bytes.subarray(0, 4), { offset: 0 }).freeze();
    const refused = TypeError;
    expect(() => read.point(memory, 8, 8)).toThrow(refused);
    expect(() => Object.assign(read, { length: 4000 })).toThrow(refused);
    expect(() => {
      read.offset = 4;
    }).toThrow(refused);
    expect(read.length).toBe(4);
  });

  it('is none that the ring fills in at each submission', () => {
    expect(() => op.read(file, new Uint8Array(4), { offset: 0 }).freeze()).toThrow(
      /read is filled in anew/,
    );
    expect(() => op.timeout(5).freeze()).toThrow(TypeError);
    using memory = Mapping.anonymous({ size: 4096 });
    const fixed = op.readFixed(file, memory.bytes, { offset: 0 });
    expect(() => fixed.freeze()).toThrow(TypeError);
  });
});
