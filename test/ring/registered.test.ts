/** Registered buffers and files: used by their place in the ring's tables, until disposed. */
import { readdirSync } from 'node:fs';
import { DirectFd, Mapping } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  bytesOf,
  connection,
  expectRefusal,
  fileOf,
  openRing,
  openWith,
  pipe,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

test('several mappings are found by their memory', async () => {
  const ring = openRing();
  const file = openWith('abcdefgh');
  const mappings = [1, 2, 3].map((pages) => Mapping.anonymous({ size: pages * 4096 }));
  const registration = ring.registerBuffers(mappings);
  for (const [index, mapping] of mappings.entries()) {
    const part = mapping.bytes.subarray(mapping.size - 4);
    expect(await ring.readFixed(file, part, { offset: index })).toBe(4);
    expect(text(part)).toBe('abcdefgh'.slice(index, index + 4));
  }
  registration.dispose();
  registration.dispose();
  expect(() => ring.readFixed(file, mappings[0]!.bytes)).toThrow('not registered');
  using again = ring.registerBuffers(mappings.slice(1));
  expect(await ring.readFixed(file, mappings[1]!.bytes, { offset: 0 })).toBe(8);
  // A second registration of the same memory, and of more, beside the first.
  using third = ring.registerBuffers(mappings);
  expect(await ring.readFixed(file, mappings[0]!.bytes, { offset: 1 })).toBe(7);
  third.dispose();
  expect(await ring.readFixed(file, mappings[1]!.bytes, { offset: 0 })).toBe(8);
  again.dispose();
  expect(() => ring.readFixed(file, mappings[1]!.bytes)).toThrow('not registered');
  for (const mapping of mappings) mapping.dispose();
});

test('a mapping that is disposed while registered is refused from then on', () => {
  const ring = openRing();
  const mapping = Mapping.anonymous({ size: 4096 });
  const view = mapping.bytes.subarray(0, 8);
  using _registration = ring.registerBuffers([mapping]);
  mapping.dispose();
  expect(view.length).toBe(0);
  expectRefusal(() => ring.readFixed(openWith('x'), view), VALUE, 'detached');
});

test('another ring does not know them', () => {
  const ring = openRing();
  const other = openRing();
  using mapping = Mapping.anonymous({ size: 4096 });
  using _registration = ring.registerBuffers([mapping]);
  expect(() => other.readFixed(openWith('x'), mapping.bytes)).toThrow('not registered');
});

test('the kernel says when memory is not to be had', () => {
  const ring = openRing();
  using small = Mapping.anonymous({ size: 4096 });
  expectRefusal(() => ring.registerBuffers([]), VALUE, '"mappings"');
  expectRefusal(() => ring.registerBuffers(small as never), VALUE, '"mappings"');
  expectRefusal(() => ring.registerBuffers([new Uint8Array(1) as never]), TYPE, '"mappings[0]"');
  const gone = Mapping.anonymous({ size: 4096 });
  gone.dispose();
  expectRefusal(() => ring.registerBuffers([small, gone]), TYPE, '"mappings[1]"');
});

test('registered files work as the descriptors they were made of', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const files = ring.registerFiles([openWith('abc'), client, server]);
  const [file, near, far] = files.files as [DirectFd, DirectFd, DirectFd];
  expect([file.fd, near.fd, far.fd]).toEqual([0, 1, 2]);
  expect(file).toBeInstanceOf(DirectFd);
  const target = new Uint8Array(3);
  expect(await ring.read(file, target, { offset: 0 })).toBe(3);
  await ring.fsync(file);
  await ring.send(near, bytesOf('hey'));
  expect(await ring.recv(far, target)).toBe(3);
  expect(text(target)).toBe('hey');
  using buffers = ring.provideBuffers({ count: 2, size: 16 });
  await ring.sendAll(near, bytesOf('more'));
  for await (const lease of ring.recvMultishot(far, { buffers })) {
    expect(text(lease.bytes)).toBe('more');
    lease.release();
    break;
  }
  await ring.shutdown(near, 'write');
  expect(await ring.recv(far, target)).toBe(0);
});

test('the table keeps a file open after its descriptor is closed', async () => {
  const ring = openRing();
  const owned = await ring.openat(fileOf('kept'));
  using files = ring.registerFiles([owned]);
  owned.close();
  const target = new Uint8Array(4);
  expect(await ring.read(files.files[0]!, target, { offset: 0 })).toBe(4);
  expect(text(target)).toBe('kept');
});

test('disposing the table refuses its files; what is in flight ends by itself', async () => {
  const ring = openRing();
  const ends = pipe();
  const files = ring.registerFiles([ends]);
  const [direct] = files.files as [DirectFd];
  const waiting = ring.read(direct, new Uint8Array(4));
  await ring.nop();
  files.dispose();
  expectRefusal(() => ring.read(direct, new Uint8Array(4)), TYPE, 'closed');
  await ring.write(ends, bytesOf('done'));
  expect(await waiting).toBe(4);
  using again = ring.registerFiles([ends]);
  expect(again.files[0]?.fd).toBe(0);
});

test('what is queued when the table goes down never reaches a later table', async () => {
  const ring = openRing();
  const first = ring.registerFiles([openWith('first')]);
  const target = new Uint8Array(6);
  const queued = ring.read(first.files[0]!, target, { offset: 0 });
  first.dispose();
  // The slot goes with the last operation on it; until then the next file gets another.
  const second = openWith('second');
  using beside = ring.registerFiles([second]);
  expect(beside.files[0]?.fd).toBe(1);
  expect(await queued).toBe(5);
  expect(text(target)).toBe('first\0');
  await first.released;
  using again = ring.registerFiles([second]);
  expect(again.files[0]?.fd).toBe(0);
  expect(await ring.read(again.files[0]!, target, { offset: 0 })).toBe(6);
  expect(text(target)).toBe('second');
});

test('a DirectFd is known to its ring only', () => {
  const ring = openRing();
  const other = openRing();
  const files = ring.registerFiles([openWith('x')]);
  const [direct] = files.files as [DirectFd];
  expect(() => other.read(direct, new Uint8Array(1))).toThrow('belongs to another ring');
  expectRefusal(() => ring.registerFiles([direct as never]), TYPE, 'plain descriptor');
  expectRefusal(() => ring.statx(direct as never), TYPE, 'plain descriptor');
  expectRefusal(() => ring.registerFiles([]), VALUE, '"fds"');
  expectRefusal(() => ring.registerFiles([3 as never]), TYPE, '"fds[0]"');
  expect(ring.registerFiles([openWith('y')]).files[0]?.fd).toBe(1);
});

test('both tables say what they have room for', () => {
  const ring = openRing({ fileSlots: 4, bufferSlots: 2 });
  const [a, b, c] = [openWith('a'), openWith('b'), openWith('c')];
  using pair = ring.registerFiles([a, b]);
  expect(() => ring.registerFiles([c])).toThrow('`fileSlots` (now 4, 2 of them');
  pair.dispose();
  using mapping = Mapping.anonymous({ size: 4096 });
  using first = ring.registerBuffers([mapping]);
  expect(() => ring.registerBuffers([mapping, mapping])).toThrow('`bufferSlots` (now 2)');
  first.dispose();
  using both = ring.registerBuffers([mapping, mapping]);
  expect(both.disposed).toBe(false);
  // What comes first may be larger than the table would have been.
  const large = openRing({ fileSlots: 4, bufferSlots: 2 });
  using many = large.registerFiles(Array.from({ length: 50 }, () => a));
  expect(many.files).toHaveLength(50);
  expect(large.files.size).toBe(100);
  using buffers = large.registerBuffers(Array.from({ length: 1500 }, () => mapping));
  expect(buffers.disposed).toBe(false);
});

test('a registration is released when the kernel has let go of the last of it', async () => {
  const ring = openRing();
  const mapping = Mapping.anonymous({ size: 4096 });
  const ends = pipe();
  const buffers = ring.registerBuffers([mapping]);
  const files = ring.registerFiles([ends, openWith('x')]);
  const order: string[] = [];
  buffers.released.then(() => order.push('buffers'));
  files.released.then(() => order.push('files'));
  const waiting = ring.readFixed(files.files[0]!, mapping.bytes.subarray(0, 4));
  await ring.nop();
  buffers.dispose();
  files.dispose();
  // Pinned by the kernel, and mapped by us, until the operation has ended.
  for (let round = 0; round < 5; round++) await ring.nop();
  expect(order).toEqual([]);
  await ring.write(ends, bytesOf('last'));
  expect(await waiting).toBe(4);
  expect(text(mapping.bytes.subarray(0, 4))).toBe('last');
  await Promise.all([buffers.released, files.released]);
  mapping.dispose();
  expect(ring.stats.stale).toBe(0);
  // Those that are left when the ring is closed are released with it.
  const other = openRing();
  const left = other.registerFiles([ends]);
  await other.close();
  await left.released;
});

test('memory disposed under a fixed read stays until the read ends', async () => {
  const ring = openRing();
  const mapping = Mapping.anonymous({ size: 4096 });
  const ends = pipe();
  const registration = ring.registerBuffers([mapping]);
  const waiting = ring.readFixed(ends, mapping.bytes.subarray(0, 4));
  await ring.nop();
  registration.dispose();
  mapping.dispose();
  const region = (): unknown => Reflect.get(mapping, 'region');
  expect(mapping.inFlight).toBe(1);
  expect(region()).toBeGreaterThanOrEqual(0);
  await ring.write(ends, bytesOf('gone'));
  expect(await waiting).toBe(4);
  expect(region()).toBe(-1);
});

test('closing the ring gives everything back', async () => {
  const before = readdirSync('/proc/self/fd').length;
  const ring = openRing();
  const mapping = Mapping.anonymous({ size: 1 << 20 });
  const registration = ring.registerBuffers([mapping]);
  const files = ring.registerFiles([openWith('x')]);
  await ring.nop();
  await ring.close();
  registration.dispose();
  files.dispose();
  expect(mapping.bytes.length).toBe(1 << 20);
  mapping.dispose();
  // The file of openWith is closed at the end of the test.
  expect(readdirSync('/proc/self/fd').length).toBe(before + 1);
});
