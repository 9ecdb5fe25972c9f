/** Plain calls between descriptors: sendfile, splice, tee, vmsplice, copy_file_range; pools. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pread, read, socketpair, write } from 'nearmetal/fd';
import { Mapping } from 'nearmetal/memory';
import {
  copyFileRangeSync,
  Pipe,
  PipePool,
  sendfileSync,
  spliceSync,
  teeSync,
  vmspliceSync,
} from 'nearmetal/zerocopy';
import { expect, onTestFinished, test } from 'vitest';
import { isResident } from '../../lib/splice/resident.js';
import {
  bytesOf,
  expectRefusal,
  folder,
  openPlain,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  VALUE,
} from '../support/ring.js';

function pipe(...options: Parameters<typeof Pipe.open>): Pipe {
  const made = Pipe.open(...options);
  onTestFinished(() => made.close());
  return made;
}

const contents = (of: Pipe, count = 64): string => {
  const target = new Uint8Array(count);
  return text(target.subarray(0, read(of.readEnd, target)));
};

test('sendfile moves from an offset, or from the position that it moves', () => {
  const file = openWith('hello world');
  const made = pipe();
  expect(sendfileSync(made.writeEnd, file, 5, { offset: 6 })).toBe(5);
  expect(sendfileSync(made.writeEnd, file, 5)).toBe(5);
  expect(sendfileSync(made.writeEnd, file, 100)).toBe(6);
  expect(sendfileSync(made.writeEnd, file, 100)).toBe(0);
  expect(contents(made)).toBe('worldhello world');
});

test('sendfile says where there is no room, and where nobody reads', () => {
  const file = openWith(pattern(200_000));
  const [near, far] = socketpair({ nonblocking: true });
  let sent = 0;
  for (;;) {
    const count = sendfileSync(near, file, 100_000, { offset: 0 });
    if (count === undefined) break;
    sent += count;
  }
  expect(sent).toBeGreaterThan(0);
  far.close();
  expect(() => sendfileSync(near, file, 1)).toThrow(
    expect.objectContaining({ code: 'EPIPE', syscall: 'sendfile' }),
  );
  near.close();
});

test('splice moves between a pipe and anything', () => {
  const made = pipe();
  const file = openWith('0123456789');
  const target = openPlain(join(folder(), 'target'));
  expect(spliceSync(file, made.writeEnd, 4, { sourceOffset: 3 })).toBe(4);
  expect(spliceSync(made.readEnd, target, 4, { targetOffset: 2, move: true, more: true })).toBe(4);
  const bytes = new Uint8Array(6);
  expect(pread(target, bytes, 0)).toBe(6);
  expect(text(bytes)).toBe('\0\u00003456');
  expect(spliceSync(made.readEnd, target, 4, { nonblock: true })).toBeUndefined();
  made.writeEnd.close();
  expect(spliceSync(made.readEnd, target, 4)).toBe(0);
  expect(() => spliceSync(file, target, 1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('tee copies and leaves', () => {
  const [first, second] = [pipe(), pipe()];
  write(first.writeEnd, bytesOf('twice'));
  expect(teeSync(first.readEnd, second.writeEnd, 100)).toBe(5);
  expect([contents(first), contents(second)]).toEqual(['twice', 'twice']);
  expect(teeSync(first.readEnd, second.writeEnd, 1, { nonblock: true })).toBeUndefined();
  expect(() => teeSync(first.readEnd, first.writeEnd, 1)).toThrow(/EINVAL/);
});

test('vmsplice shows pages of a mapping, which live as long as the pipe has them', () => {
  const made = pipe();
  const mapping = Mapping.anonymous({ size: 8192 });
  mapping.bytes.set(bytesOf('shown'));
  mapping.bytes.set(bytesOf('also'), 4096);
  const views = [mapping.bytes.subarray(0, 5), mapping.bytes.subarray(4096, 4100)];
  expect(vmspliceSync(made.writeEnd, views)).toBe(9);
  mapping.bytes.set(bytesOf('SH'));
  mapping.dispose();
  expect(contents(made)).toBe('SHownalso');
  expect(vmspliceSync(made.readEnd, [new Uint8Array(4)], { nonblock: true })).toBeUndefined();
});

test('vmsplice of a read end fills any memory, and a write end takes no such', () => {
  const made = pipe();
  write(made.writeEnd, bytesOf('filled'));
  const [left, right] = [new Uint8Array(2), new Uint8Array(8)];
  expect(vmspliceSync(made.readEnd, [left, right])).toBe(6);
  expect(text(left) + text(right.subarray(0, 4))).toBe('filled');
  expectRefusal(() => vmspliceSync(made.writeEnd, [left]), VALUE, 'must be of a Mapping');
  expectRefusal(() => vmspliceSync(made.readEnd, []), VALUE, 'views');
  expectRefusal(() => vmspliceSync(made.readEnd, left as never), TYPE, 'views');
});

test('copy_file_range copies between files, within 2 GiB a call', () => {
  const source = openWith(pattern(100_000));
  const path = join(folder(), 'copy');
  const target = openPlain(path);
  expect(copyFileRangeSync(source, target, 8 * 2 ** 30, { sourceOffset: 10 })).toBe(99_990);
  expect(copyFileRangeSync(source, target, 10, { sourceOffset: 0, targetOffset: 0 })).toBe(10);
  const copied = readFileSync(path);
  expect(copied.equals(Buffer.from(pattern(100_000)).subarray(10))).toBe(false);
  expect(copied.subarray(0, 10).equals(Buffer.from(pattern(10)))).toBe(true);
  expect(copied.subarray(10).equals(Buffer.from(pattern(100_000)).subarray(20))).toBe(true);
  expect(copyFileRangeSync(source, target, 1, { sourceOffset: 100_000 })).toBe(0);
  expect(() => copyFileRangeSync(source, pipe().writeEnd, 1)).toThrow(/EINVAL/);
});

test('wrong arguments are refused before any call', () => {
  const file = openWith('x');
  const made = pipe();
  expectRefusal(() => sendfileSync(made.writeEnd, file, -1), RANGE, 'length');
  expectRefusal(() => sendfileSync(made.writeEnd, 'x' as never, 1), TYPE, 'source');
  expectRefusal(() => spliceSync(file, made.writeEnd, 1, { more: 1 as never }), TYPE, 'more');
  expectRefusal(() => spliceSync(file, made.writeEnd, 1, { moer: true } as never), VALUE, 'more');
  expectRefusal(() => teeSync(made.readEnd, made.writeEnd, 1.5), RANGE, 'length');
  expectRefusal(() => copyFileRangeSync(file, file, 1, { targetOffset: -2 }), RANGE, 'target');
});

test('a pool keeps empty pipes, and closes others', () => {
  using pool = new PipePool({ size: 131_072, keep: 2 });
  const [first, second, third] = [pool.take(), pool.take(), pool.take()];
  expect(first.size).toBe(131_072);
  pool.give(first);
  pool.give(first);
  expect(pool.free).toBe(1);
  write(second.writeEnd, bytesOf('x'));
  pool.give(second);
  expect([second.readEnd.closed, pool.free]).toEqual([true, 1]);
  pool.give(third);
  expect(pool.take()).toBe(third);
  pool.give(third);
  const fourth = Pipe.open();
  pool.give(fourth);
  expect([fourth.writeEnd.closed, pool.free]).toEqual([true, 2]);
  third.readEnd.close();
  pool.close();
  expect(first.readEnd.closed).toBe(true);
  expect(() => pool.take()).toThrow(expect.objectContaining({ code: 'ERR_INVALID_STATE' }));
  expectRefusal(() => new PipePool({ size: 0 }), RANGE, 'size');
  expectRefusal(() => pool.give({} as never), TYPE, 'pipe');
});

test('a pool does with smaller pipes where the kernel gives no larger ones', () => {
  using pool = new PipePool({ size: 2 ** 31 });
  const made = pool.take();
  expect(made.size).toBeGreaterThanOrEqual(65_536);
  pool.give(made);
});

test('what is in the page cache is known', () => {
  const file = openWith(pattern(50_000));
  expect(isResident(file.fd, 0, 50_000)).toBe(true);
  expect(isResident(file.fd, 40_000, 20_000)).toBe(false);
  expect(isResident(file.fd, 0, 0)).toBe(false);
});
