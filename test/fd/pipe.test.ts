/** Pipes: both ends, their size, and packets. */
import { existsSync } from 'node:fs';
import { asFd, Pipe, pipeSize, read, setPipeSize, write } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import {
  bytesOf,
  expectRefusal,
  openPlain,
  openRing,
  RANGE,
  text,
  VALUE,
} from '../support/ring.js';

function open(...options: Parameters<typeof Pipe.open>): Pipe {
  const made = Pipe.open(...options);
  onTestFinished(() => made.close());
  return made;
}

test('what is written at one end is read at the other', () => {
  const pipe = open();
  const target = new Uint8Array(16);
  expect(write(pipe.writeEnd, bytesOf('through'))).toBe(7);
  expect(read(pipe.readEnd, target)).toBe(7);
  expect(text(target.subarray(0, 7))).toBe('through');
  pipe.writeEnd.close();
  expect(read(pipe.readEnd, target)).toBe(0);
});

test('a nonblocking pipe says that it would have to wait', () => {
  const pipe = open({ nonblocking: true });
  expect(read(pipe.readEnd, new Uint8Array(1))).toBeUndefined();
  const full = new Uint8Array(pipe.size);
  expect(write(pipe.writeEnd, full)).toBe(full.length);
  expect(write(pipe.writeEnd, full)).toBeUndefined();
});

test('packets stay apart', () => {
  const pipe = open({ packets: true });
  write(pipe.writeEnd, bytesOf('one'));
  write(pipe.writeEnd, bytesOf('second'));
  const target = new Uint8Array(16);
  expect([read(pipe.readEnd, target), read(pipe.readEnd, target)]).toEqual([3, 6]);
});

test('the size is what was asked for, or the next that there is', () => {
  expect(open().size).toBe(65_536);
  const pipe = open({ size: 5000 });
  expect(pipe.size).toBe(8192);
  expect(setPipeSize(pipe.readEnd, 2 ** 20)).toBe(2 ** 20);
  expect([pipeSize(pipe.readEnd), pipe.size]).toEqual([2 ** 20, 2 ** 20]);
  pipe.writeEnd.close();
  expect(pipe.size).toBe(2 ** 20);
});

test('a pipe that has more in it than would fit is EBUSY', () => {
  const pipe = open();
  write(pipe.writeEnd, new Uint8Array(60_000));
  expect(() => setPipeSize(pipe.writeEnd, 4096)).toThrow(
    expect.objectContaining({ code: 'EBUSY', syscall: 'F_SETPIPE_SZ' }),
  );
  expect(hintFor('F_SETPIPE_SZ', 'EPERM')).toContain('fs.pipe-max-size');
});

test('a ring reads and writes it', async () => {
  const pipe = open();
  const ring = openRing();
  const target = new Uint8Array(8);
  const reading = ring.read(pipe.readEnd, target);
  await ring.write(pipe.writeEnd, bytesOf('ring'));
  expect(await reading).toBe(4);
});

test('using closes both ends, and a refused size leaves none', () => {
  let numbers: number[];
  {
    using pipe = Pipe.open();
    numbers = [pipe.readEnd.fd, pipe.writeEnd.fd];
  }
  expect(numbers.map((fd) => existsSync(`/proc/self/fd/${fd}`))).toEqual([false, false]);
  expect(() => Pipe.open({ size: 2 ** 31 })).toThrow(
    expect.objectContaining({ syscall: 'F_SETPIPE_SZ' }),
  );
  expect(numbers.map((fd) => existsSync(`/proc/self/fd/${fd}`))).toEqual([false, false]);
});

test('wrong arguments, and what is no pipe', () => {
  expectRefusal(() => Pipe.open({ size: 0 }), RANGE, 'size');
  expectRefusal(() => Pipe.open({ packet: true } as never), VALUE, 'packets');
  expect(() => pipeSize(openPlain('/dev/null'))).toThrow(
    expect.objectContaining({ code: 'EBADF', syscall: 'F_GETPIPE_SZ' }),
  );
  expect(() => pipeSize(asFd(2 ** 31 - 1))).toThrow(expect.objectContaining({ code: 'EBADF' }));
});
