/** What the kernel is told of a mapping, and what becomes of its views. */
import { readFileSync } from 'node:fs';
import { type Advice, Mapping } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { ADVICE, knowsAdvice } from '../../lib/memory/advice.js';
import { native } from '../../lib/native.js';
import { expectRefusal, later, openRing, pipe, RANGE, TYPE, VALUE } from '../support/ring.js';

const PAGE = 4096;
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const map = (pages = 4): Mapping => Mapping.anonymous({ size: pages * PAGE });
const zero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

test.each(Object.keys(ADVICE) as Advice[])(
  '%s reaches the kernel, or is said to be missing',
  (advice) => {
    using mapping =
      advice === 'remove'
        ? Mapping.memfd({ size: 4 * PAGE })
        : Mapping.anonymous({ size: 1 << 22 });
    if (knowsAdvice(advice)) mapping.advise(advice);
    else expect(() => mapping.advise(advice)).toThrow(code('ERR_NEARMETAL_UNSUPPORTED'));
  },
);

test('an advice that the kernel does not know', () => {
  const seam = native.seam;
  if (seam === undefined) return;
  using mapping = map();
  // EINVAL both times: for the memory, and for none.
  seam.fail(28, 1, 2, 22);
  try {
    expect(() => mapping.advise('collapse')).toThrow('it needs Linux 6.1');
  } finally {
    seam.reset();
  }
});

test.each(['dontneed', 'free', 'remove'] as const)('%s gives memory back', (advice) => {
  using mapping = advice === 'remove' ? Mapping.memfd({ size: 4 * PAGE }) : map();
  const { bytes } = mapping;
  bytes.fill(7);
  mapping.advise(advice, { offset: PAGE, length: PAGE });
  expect(mapping.bytes).toBe(bytes);
  expect(bytes[0]).toBe(7);
  expect(bytes[2 * PAGE]).toBe(7);
  if (advice === 'dontneed' || advice === 'remove') {
    expect(zero(bytes.subarray(PAGE, 2 * PAGE))).toBe(true);
  }
});

test('guarded pages have no view, and are an error to read', () => {
  if (!knowsAdvice('guard-install')) return;
  using mapping = map();
  const { bytes } = mapping;
  bytes.fill(1);
  mapping.advise('guard-install', { offset: PAGE, length: PAGE });
  expect(bytes.length).toBe(0);
  expect(() => mapping.bytes).toThrow('guarded');
  const target = new Uint8Array(PAGE);
  expect(mapping.read(target)).toBe(PAGE);
  expect(() => mapping.read(target, { offset: PAGE })).toThrow(code('EFAULT'));
  expect(() => mapping.write(target, { offset: PAGE + 5 })).toThrow(code('EFAULT'));
  mapping.advise('guard-remove', { offset: PAGE, length: PAGE });
  expect(() => mapping.bytes).toThrow('guarded');
  mapping.advise('guard-remove');
  expect(mapping.bytes.length).toBe(4 * PAGE);
  expect(mapping.bytes[PAGE]).toBe(0);
});

test('protected pages have no view', () => {
  using mapping = map();
  const { bytes } = mapping;
  bytes.fill(6);
  mapping.protect('read');
  expect(bytes.length).toBe(0);
  expect(mapping.protection).toBe('read');
  expect(() => mapping.bytes).toThrow(code('ERR_NEARMETAL_UNSAFE'));
  const target = new Uint8Array(3);
  mapping.read(target, { offset: 9 });
  expect(target).toEqual(new Uint8Array([6, 6, 6]));
  expect(() => mapping.write(target)).toThrow(code('EFAULT'));
  expect(mapping.unsafeView()[5]).toBe(6);
  mapping.protect('none', { length: PAGE });
  expect(mapping.protection).toBe('mixed');
  expect(() => mapping.read(target)).toThrow(code('EFAULT'));
  mapping.protect('readwrite');
  mapping.bytes[0] = 1;
  expect(mapping.bytes[1]).toBe(6);
});

test('a view that cannot be emptied keeps its pages as they are', async () => {
  const { markAsUntransferable } = await import('node:worker_threads');
  using mapping = map();
  markAsUntransferable(mapping.bytes.buffer);
  try {
    mapping.protect('read');
    expect(mapping.protection).toBe('read');
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_NEARMETAL_VIEW_KEPT' });
    mapping.bytes.fill(1);
  }
});

test('a buffer that the user transferred keeps its pages, whatever becomes of the mapping', () => {
  // Missing in Node 20.
  const transfer = Reflect.get(ArrayBuffer.prototype, 'transfer') as
    | (() => ArrayBuffer)
    | undefined;
  if (transfer === undefined) return;
  const mapping = map();
  mapping.bytes[PAGE] = 7;
  const taken = new Uint8Array(transfer.call(mapping.bytes.buffer));
  const kept = code('ERR_NEARMETAL_VIEW_KEPT');
  expect(() => mapping.resize(4096 * PAGE)).toThrow(kept);
  expect(() => mapping.protect('none')).toThrow(kept);
  if (knowsAdvice('guard-install')) expect(() => mapping.advise('guard-install')).toThrow(kept);
  expect(mapping.bytes.byteLength).toBe(0);
  const target = new Uint8Array(1);
  mapping.write(new Uint8Array([8]), { offset: PAGE + 1 });
  expect(mapping.read(target, { offset: PAGE + 1 })).toBe(1);
  expect(target[0]).toBe(8);
  mapping.dispose();
  expect(taken.subarray(PAGE, PAGE + 2)).toEqual(new Uint8Array([7, 8]));
});

test('nothing is pulled away from under an operation, nor from a ring that knows it', async () => {
  const ring = openRing();
  const ends = pipe();
  const mapping = map();
  const waiting = later(ring.read(ends, mapping.bytes));
  await ring.nop();
  const busy = code('ERR_NEARMETAL_BUSY');
  const calls = (): (() => unknown)[] => [
    () => mapping.resize(8 * PAGE),
    () => mapping.protect('read'),
    () => mapping.advise('dontneed'),
    () => mapping.advise('free'),
    () => mapping.advise('guard-install'),
    () => mapping.populate(),
  ];
  for (const call of calls()) expect(call).toThrow(busy);
  mapping.advise('cold');
  await ring.write(ends, new Uint8Array([1]));
  expect(await waiting).toBe(1);
  const registration = ring.registerBuffers([mapping]);
  for (const call of calls()) expect(call).toThrow(busy);
  registration.dispose();
  mapping.advise('dontneed');
  using grown = mapping.resize(8 * PAGE);
  expect(grown.size).toBe(8 * PAGE);
});

test('a raw ring, which cannot tell what is in flight, pins what it has used', async () => {
  const { op, RawRing } = await import('nearmetal/ring');
  const ring = RawRing.open({ entries: 8 });
  using mapping = map();
  ring.push(op.read(pipe(), mapping.bytes), 1);
  expect(() => mapping.resize(PAGE)).toThrow(code('ERR_NEARMETAL_BUSY'));
  ring.close();
  mapping.protect('read');
});

test('the memory of a buffer ring stays where it is', async () => {
  const ring = openRing();
  const buffers = ring.provideBuffers({ count: 8, size: PAGE });
  expect(() => buffers.mapping.resize(PAGE)).toThrow(code('ERR_NEARMETAL_BUSY'));
  expect(() => buffers.mapping.advise('dontneed')).toThrow(code('ERR_NEARMETAL_BUSY'));
});

test('resize goes on in a new mapping, and the old one is gone', async () => {
  const first = map(2);
  const { bytes } = first;
  bytes.fill(8);
  const ring = openRing();
  const { op } = await import('nearmetal/ring');
  const operation = op.read(pipe(), first.bytes);
  const before = native.regionStats();
  const second = first.resize(300 * PAGE);
  const after = native.regionStats();
  expect(after.regions).toBe(before.regions);
  expect(after.bytes - before.bytes).toBe(298 * PAGE);
  expect(bytes.length).toBe(0);
  expect(first.disposed).toBe(true);
  expect(first.bytes.length).toBe(0);
  expect(() => ring.run(operation)).toThrow('disposed');
  expect(() => first.resize(PAGE)).toThrow(code('ERR_NEARMETAL_DISPOSED'));
  expect(second.size).toBe(300 * PAGE);
  expect(second.bytes[2 * PAGE - 1]).toBe(8);
  expect(zero(second.bytes.subarray(2 * PAGE))).toBe(true);
  const third = second.resize(1);
  expect(third.size).toBe(PAGE);
  expect(third.bytes[PAGE - 1]).toBe(8);
  expect(third.address).toBe(second.address);
  third.dispose();
  first.dispose();
  await expect.poll(() => native.regionStats().regions).toBeLessThan(before.regions);
});

test('without move it stays at its address, or does not grow', () => {
  using mapping = Mapping.anonymous({ size: 4 * PAGE });
  const { address } = mapping;
  using smaller = mapping.resize(2 * PAGE, { move: false });
  expect(smaller.address).toBe(address);
  // What lies behind the first half of a mapping is the second half.
  using wall = Mapping.anonymous({ size: PAGE, address: address + 2 * PAGE });
  expect(() => smaller.resize(4 * PAGE, { move: false })).toThrow(code('ENOMEM'));
  expect(smaller.disposed).toBe(false);
  smaller.bytes.fill(1);
  expect(wall.bytes[0]).toBe(0);
});

test('a memfd grows with its mapping; other shared memory cannot', () => {
  using mapping = Mapping.memfd({ size: PAGE });
  mapping.bytes[0] = 3;
  using other = Mapping.file(mapping.fd as never, { protection: 'readwrite' });
  using grown = mapping.resize(64 * PAGE);
  grown.bytes[64 * PAGE - 1] = 5;
  expect(grown.bytes[0]).toBe(3);
  expect(grown.fd?.closed).toBe(false);
  expect(() => other.resize(2 * PAGE)).toThrow(code('ERR_NEARMETAL_UNSAFE'));
  using shared = Mapping.anonymous({ size: PAGE, share: 'shared' });
  expect(() => shared.resize(2 * PAGE)).toThrow(code('ERR_NEARMETAL_UNSAFE'));
  shared.bytes.fill(1);
});

test('mincore, sync and names', () => {
  using mapping = Mapping.anonymous({ size: 4 * PAGE, populate: false, name: 'nearmetal test' });
  expect([...mapping.mincore()]).toEqual([0, 0, 0, 0]);
  mapping.bytes[2 * PAGE] = 1;
  expect([...mapping.mincore()]).toEqual([0, 0, 1, 0]);
  expect([...mapping.mincore({ offset: 2 * PAGE, length: PAGE })]).toEqual([1]);
  mapping.populate();
  expect([...mapping.mincore()]).toEqual([1, 1, 1, 1]);
  const maps = readFileSync('/proc/self/maps', 'utf8');
  expect(maps.includes('[anon:nearmetal test]')).toBe(mapping.named);
  mapping.sync();
  mapping.sync({ async: true, invalidate: true });
});

test('wrong arguments', () => {
  using mapping = map();
  expectRefusal(() => mapping.advise('need' as never), VALUE, '"advice"');
  expectRefusal(() => mapping.advise('cold', { offset: 1 }), VALUE, '"offset"');
  expectRefusal(() => mapping.advise('cold', { length: 100 }), VALUE, '"length"');
  expectRefusal(() => mapping.advise('cold', { offset: 5 * PAGE }), RANGE, '"offset"');
  expectRefusal(
    () => mapping.advise('cold', { offset: PAGE, length: 4 * PAGE }),
    RANGE,
    '"length"',
  );
  expectRefusal(() => mapping.advise('cold', { size: 1 } as never), VALUE, '"size"');
  expectRefusal(() => mapping.protect('exec' as never), VALUE, '"protection"');
  expectRefusal(() => mapping.resize(0), RANGE, '"size"');
  expectRefusal(() => mapping.resize(1, { move: 1 as never }), TYPE, '"move"');
  expectRefusal(() => mapping.sync({ async: 1 as never }), TYPE, '"async"');
  expectRefusal(() => mapping.lock({ onfault: 0 as never }), TYPE, '"onfault"');
  expectRefusal(() => Mapping.anonymous({ size: 1, name: 'a[b]' }), VALUE, '"name"');
  expectRefusal(() => Mapping.anonymous({ size: 1, locked: 'now' as never }), TYPE, '"locked"');
  expectRefusal(() => Mapping.anonymous({ size: 1, share: 'none' as never }), VALUE, '"share"');
  mapping.dispose();
  for (const call of [
    () => mapping.advise('cold'),
    () => mapping.protect('read'),
    () => mapping.sync(),
    () => mapping.lock(),
    () => mapping.unlock(),
    () => mapping.mincore(),
    () => mapping.populate(),
    () => mapping.read(new Uint8Array(1)),
    () => mapping.write(new Uint8Array(1)),
    () => mapping.unsafeView(),
  ]) {
    expect(call).toThrow(code('ERR_NEARMETAL_DISPOSED'));
  }
});
