/** The low-level door: entries by hand, completions one by one, and memory that is checked. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import * as face from 'nearmetal/ring';
import { asFd, BufferRing, Lease, Mapping, op, Ring, unsafe } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { ECANCELED, ENOENT, ETIME } from '../../lib/abi.js';
import { planRing } from '../../lib/ring/options.js';
import { Cqe } from '../../lib/ring/unsafe/cqe.js';
import { Sqe } from '../../lib/ring/unsafe/sqe.js';
import {
  expectRefusal,
  fileOf,
  openWith,
  pipe,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

function open(entries = 8): unsafe.Ring {
  const ring = unsafe.Ring.open({ entries });
  onTestFinished(() => ring.close());
  return ring;
}

function entry(ring: unsafe.Ring, opcode: string, userData: number | bigint = 0): unsafe.Sqe {
  const sqe = ring.getSqe(opcode);
  if (sqe === undefined) throw new Error('the queue is full');
  sqe.userData = userData;
  return sqe;
}

/** Submits, and takes as many completions as come. */
function all(ring: unsafe.Ring, count: number): [number, number][] {
  const results: [number, number][] = [];
  while (results.length < count) {
    const cqe = ring.wait();
    if (cqe === undefined) continue;
    results.push([cqe.userData, cqe.result]);
    ring.seen();
  }
  return results.sort(([left], [right]) => left - right);
}

function memory(size = 4096): Mapping {
  const mapping = Mapping.anonymous({ size });
  onTestFinished(() => mapping.dispose());
  return mapping;
}

test('reads a file by fields', () => {
  const ring = open();
  const { bytes } = memory();
  const sqe = entry(ring, 'read', 7);
  sqe.fd = openWith('by hand');
  sqe.address = bytes.subarray(100, 200);
  sqe.length = 100;
  sqe.offset = 3;
  expect(all(ring, 1)).toEqual([[7, 4]]);
  expect(text(bytes.subarray(100, 104))).toBe('hand');
  expect([ring.inFlight, ring.ready, ring.space]).toEqual([0, 0, 8]);
});

test('user data comes back as it went, all 64 bits of it', () => {
  const ring = open();
  const values = [0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n, 0x0123_4567_89ab_cdefn];
  for (const value of values) entry(ring, 'nop', value);
  ring.getSqe('nop')?.setUserData(-1, 5);
  const seen: bigint[] = [];
  while (seen.length < values.length + 1) {
    const cqe = ring.wait() as unsafe.Cqe;
    seen.push(cqe.userData64);
    ring.seen();
  }
  expect(seen).toEqual([...values, (5n << 32n) | 0xffff_ffffn]);
});

test('a full queue gives no entry; a completion stays until it is seen, in one object', () => {
  const ring = open(4);
  for (let count = 0; count < 4; count++) entry(ring, 'nop', count);
  expect(ring.getSqe('nop')).toBe(undefined);
  expect(ring.space).toBe(0);
  expect(ring.peek()).toBe(undefined);
  expect(ring.submit(4)).toBe(4);
  const first = ring.peek();
  expect([first?.userData, ring.ready]).toEqual([0, 4]);
  expect(ring.peek()).toBe(first);
  ring.seen();
  expect(ring.peek()?.userData).toBe(1);
  expect(ring.reap(() => undefined)).toBe(3);
  expect(() => ring.seen()).toThrow('no completion');
});

test('waits for a time, or for a count', () => {
  const ring = open();
  const timespec = memory();
  const data = new DataView(timespec.bytes.buffer);
  data.setBigInt64(8, 5_000_000n, true);
  expect(ring.wait({ timeoutMs: 1 })).toBe(undefined);
  const sqe = entry(ring, 'timeout', 9);
  sqe.address = timespec.bytes.subarray(0, 16);
  sqe.length = 1;
  expect(ring.wait({ timeoutMs: 10_000 })).toMatchObject({ userData: 9, result: -ETIME });
  ring.seen();
  entry(ring, 'nop');
  entry(ring, 'nop');
  ring.wait({ count: 2 });
  expect(ring.ready).toBe(2);
  ring.reap(() => undefined);
});

test('links, cancels by user data, opens by path', () => {
  const ring = open();
  const { bytes } = memory();
  const file = pipe();
  const read = entry(ring, 'read', 1);
  read.fd = file;
  read.address = bytes.subarray(0, 8);
  read.length = 8;
  read.offset = -1;
  read.flags = unsafe.IOSQE_IO_LINK;
  entry(ring, 'nop', 2);
  ring.submit();
  const cancel = entry(ring, 'async_cancel', 3);
  cancel.address = 1;
  expect(all(ring, 3)).toEqual([
    [1, -ECANCELED],
    [2, -ECANCELED],
    [3, 0],
  ]);
  bytes.set(Buffer.from(`${fileOf('contents')}\0`), 64);
  const opening = entry(ring, 'openat', 4);
  opening.fd = -100;
  opening.address = bytes.subarray(64);
  const [[, fd]] = all(ring, 1) as [[number, number]];
  expect(fd).toBeGreaterThan(2);
  closeSync(fd);
  bytes.set(Buffer.from('/nonexistent\0'), 64);
  const missing = entry(ring, 'openat', 5);
  missing.fd = -100;
  missing.address = bytes.subarray(64);
  expect(all(ring, 1)).toEqual([[5, -ENOENT]]);
});

test('writes from an iovec whose addresses the ring wrote', () => {
  const ring = open();
  const { bytes } = memory();
  bytes.set(Buffer.from('first second'), 1000);
  const vectors = bytes.subarray(0, 32);
  const data = new DataView(vectors.buffer, vectors.byteOffset);
  ring.putAddress(vectors, 0, bytes.subarray(1006));
  data.setInt32(8, 6, true);
  ring.putAddress(vectors, 16, bytes.subarray(1000));
  data.setInt32(24, 6, true);
  const path = fileOf('');
  const fd = openSync(path, 'r+');
  const sqe = entry(ring, 'writev');
  sqe.fd = asFd(fd);
  sqe.address = vectors;
  sqe.length = 2;
  expect(all(ring, 1)).toEqual([[0, 12]]);
  closeSync(fd);
  expect(readFileSync(path, 'utf8')).toBe('secondfirst ');
});

test('memory that is less than the kernel would use is refused, and never submitted', () => {
  const ring = open();
  const { bytes } = memory();
  const file = openWith('contents');
  const short = entry(ring, 'read');
  short.fd = file;
  short.address = bytes.subarray(0, 8);
  short.length = 9;
  expectRefusal(() => ring.submit(), RANGE, 'address of READ');
  expect([ring.submit(), ring.inFlight, ring.space]).toEqual([0, 0, 8]);
  const status = entry(ring, 'statx');
  status.address = bytes.subarray(0, 8);
  status.offset = bytes.subarray(0, 255);
  expectRefusal(() => ring.getSqe('nop'), RANGE, 'offset of STATX');
  const vectors = entry(ring, 'readv');
  vectors.address = bytes.subarray(0, 31);
  vectors.length = 2;
  expectRefusal(() => ring.wait(), RANGE, 'address of READV');
  expect(ring.space).toBe(8);
  // One that is on its way to the kernel is not to be changed.
  expect(() => {
    vectors.length = 3;
  }).toThrow('has been submitted');
  // The last bytes of a mapping, and not one more.
  const last = entry(ring, 'read', 1);
  last.fd = file;
  last.address = bytes.subarray(4088);
  last.length = 8;
  expect(all(ring, 1)).toEqual([[1, 8]]);
});

test('addresses are views of mappings, and nothing else is one', () => {
  const ring = open();
  const any = (value: unknown): never => value as never;
  const { bytes } = memory();
  const read = entry(ring, 'read');
  for (const address of [0x7000_0000, 1n, new Uint8Array(8), new ArrayBuffer(8), 'text', null]) {
    expect(() => {
      read.address = any(address);
    }).toThrow(TypeError);
  }
  const set = (opcode: string, field: string, value: unknown) => () => {
    ring.submit(0);
    ring.reap(() => undefined);
    Reflect.set(entry(ring, opcode), field, value);
    ring.submit();
  };
  expectRefusal(set('statx', 'offset', 4096), TYPE, 'a view of a Mapping for STATX');
  expectRefusal(set('read', 'offset', bytes), TYPE, 'a number for READ');
  expectRefusal(set('nop', 'address', bytes), TYPE, 'left out for NOP');
  expectRefusal(set('setxattr', 'address3', 4096), TYPE, 'address3');
  expectRefusal(set('async_cancel', 'address', bytes), TYPE, 'a number');
  expectRefusal(set('read', 'fd', 0), TYPE, 'fd');
  expectRefusal(set('read', 'flags', 64), VALUE, 'CQE_SKIP_SUCCESS');
  expectRefusal(set('read', 'flags', 1), VALUE, 'FIXED_FILE');
  expectRefusal(set('read', 'userData', 2 ** 53), RANGE, 'userData');
  expectRefusal(set('read', 'length', -1), RANGE, 'length');
  expectRefusal(() => ring.getSqe('reed'), VALUE, 'opcode');
  expectRefusal(() => ring.getSqe('provide_buffers'), VALUE, 'opcode');
  expectRefusal(() => ring.putAddress(new Uint8Array(8), 0, bytes), TYPE, 'into');
  expectRefusal(() => ring.putAddress(bytes, 4089, bytes), RANGE, 'byteOffset');
  expectRefusal(() => ring.putAddress(bytes, 0, new Uint8Array(8)), TYPE, 'target');
});

test('a mapping that is disposed stays mapped until the ring is closed', () => {
  const ring = open();
  const mapping = Mapping.anonymous({ size: 4096 });
  const file = pipe();
  const sqe = entry(ring, 'read');
  sqe.fd = file;
  sqe.address = mapping.bytes;
  sqe.length = 4096;
  sqe.offset = -1;
  ring.submit();
  mapping.dispose();
  expect(() => {
    entry(ring, 'nop');
    ring.submit();
    ring.close();
    ring.getSqe('nop');
  }).toThrow('closed');
});

const root = new URL('../../', import.meta.url);

test('every name in docs/from-liburing.md is there', () => {
  const page = readFileSync(new URL('docs/from-liburing.md', root), 'utf8');
  const owners: Record<string, object> = {
    ring: Ring.prototype,
    raw: unsafe.Ring.prototype,
    op,
    unsafe,
    sqe: Sqe.prototype,
    cqe: new Cqe(),
    buffers: Object.assign(Object.create(BufferRing.prototype), { available: 0 }),
    lease: Lease.prototype,
    Ring,
    'unsafe.Ring': unsafe.Ring,
  };
  const missing: string[] = [];
  let checked = 0;
  for (const line of page
    .split('\n')
    .filter((text) => text.startsWith('| ') && !text.startsWith('| liburing'))) {
    const [, here = ''] = line.split(' | ');
    for (const [, name = ''] of here.matchAll(/`([\w.]+)`/g)) {
      const at = name.lastIndexOf('.');
      const [owner, member] = [name.slice(0, at), name.slice(at + 1)];
      checked++;
      if (owner === 'options') planRing({ [member]: undefined });
      else if (at > 0 && !(member in (owners[owner] ?? {}))) missing.push(name);
      else if (at < 0 && /^(within|bufferId|[A-Z]\w+)$/.test(name) && !(name in face)) {
        if (name !== 'Ring') missing.push(name);
      }
    }
  }
  expect(missing).toEqual([]);
  expect(checked).toBeGreaterThan(90);
});
