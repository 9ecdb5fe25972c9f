/** pipe, files_update and fixed_fd_install: what makes descriptors and slots of the table. */
import { readdirSync, readlinkSync } from 'node:fs';
import { type DirectFd, op, type PipeEnds, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import { runFixture } from '../../support/process.js';
import {
  bytesOf,
  expectRefusal,
  openRing,
  openWith,
  TYPE,
  text,
  until,
  VALUE,
} from '../../support/ring.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

function closeLater<Ends extends PipeEnds | PipeEnds<DirectFd>>(ends: Ends): Ends {
  onTestFinished(() => {
    ends.read.close();
    ends.write.close();
  });
  return ends;
}

async function through(ring: Ring, { read, write }: PipeEnds | PipeEnds<DirectFd>, words: string) {
  await ring.write(write, bytesOf(words));
  const target = new Uint8Array(100);
  return text(target.subarray(0, await ring.read(read, target)));
}

test('makes both ends, close-on-exec, waiting or not', async () => {
  needs('op:PIPE');
  const ring = openRing();
  const ends = closeLater(await ring.pipe());
  expect(await through(ring, ends, 'through')).toBe('through');
  expect(readlinkSync(`/proc/self/fd/${ends.read.fd}`)).toMatch(/^pipe:/);
  const impatient = closeLater(await ring.pipe({ nonblock: true, packet: true }));
  await ring.write(impatient.write, bytesOf('one'));
  await ring.write(impatient.write, bytesOf('two'));
  const target = new Uint8Array(10);
  expect(text(target.subarray(0, await ring.read(impatient.read, target)))).toBe('one');
  await expect(ring.splice(ends.read, impatient.write, 1)).rejects.toMatchObject({
    code: 'EAGAIN',
  });
});

test('each of many is whole, and nothing is left when they are closed', async () => {
  needs('op:PIPE');
  const ring = openRing();
  await ring.pipe().then(({ read, write }) => {
    read.close();
    write.close();
  });
  const before = descriptors();
  const many = await Promise.all(Array.from({ length: 600 }, () => ring.pipe()));
  expect(descriptors()).toBe(before + 1200);
  const sent = await Promise.all(many.map((ends, index) => through(ring, ends, `${index}`)));
  expect(sent).toEqual(many.map((_, index) => `${index}`));
  for (const { read, write } of many) {
    read.close();
    write.close();
  }
  expect(descriptors()).toBe(before);
});

test('a thread that ends while pipes are made leaves none', async () => {
  needs('op:PIPE');
  const { stdout, stderr, code } = await runFixture('ring-pipes');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trim().split('\n');
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line).toMatch(/ leaves 0$/);
});

test('a cancelled one gives both ends or none', async () => {
  needs('op:PIPE');
  const ring = openRing();
  const before = descriptors();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) => {
      const controller = new AbortController();
      const made = ring.pipe({ async: index % 2 === 0, signal: controller.signal });
      queueMicrotask(() => controller.abort());
      return made;
    }),
  );
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'AbortError' });
    else {
      outcome.value.read.close();
      outcome.value.write.close();
    }
  }
  await until(() => ring.stats.inFlight === 0);
  expect(descriptors()).toBe(before);
});

test('a handler would not learn of the descriptors, and is refused', () => {
  const ring = openRing();
  const handler = ring.handler(() => undefined);
  expect(() => ring.start(op.pipe(), handler)).toThrow('use run');
  expect(ring.stats.inFlight).toBe(0);
});

test('pipes and files in the table need no descriptor, and can be given one', async () => {
  needs('op:PIPE');
  const ring = openRing();
  const before = descriptors();
  const ends = closeLater(await ring.pipe({ into: ring.files }));
  expect(await through(ring, ends, 'direct')).toBe('direct');
  expect(descriptors()).toBe(before);
  using installed = await ring.fixedFdInstall(ends.write);
  expect(descriptors()).toBe(before + 1);
  await ring.write(installed, bytesOf('by descriptor'));
  const target = new Uint8Array(20);
  expect(text(target.subarray(0, await ring.read(ends.read, target)))).toBe('by descriptor');
  const [first, second] = [openWith('first'), openWith('second')];
  const [one, two] = (await ring.filesUpdate([first, second], { into: ring.files })) as [
    DirectFd,
    DirectFd,
  ];
  await ring.read(two, target, { offset: 0 });
  expect(text(target.subarray(0, 6))).toBe('second');
  one.close();
  two.close();
  using slot = ring.files.reserve();
  expect(await ring.filesUpdate([first], { into: slot })).toEqual([slot]);
  await ring.read(slot, target, { offset: 0 });
  expect(text(target.subarray(0, 5))).toBe('first');
  expect(() =>
    ring.start(
      op.filesUpdate([first], { into: slot }),
      ring.handler(() => 0),
    ),
  ).toThrow('use run');
});

test('a full table is told of', async () => {
  needs('op:PIPE');
  const ring = openRing({ fileSlots: 4 });
  const [first, second] = [openWith('1'), openWith('2')];
  // The upper half, which the kernel chooses from, is two slots.
  const given = await ring.filesUpdate([first, second, first], { into: ring.files });
  expect(given).toHaveLength(2);
  await expect(ring.pipe({ into: ring.files })).rejects.toMatchObject({
    code: 'ENFILE',
    syscall: 'io_uring:pipe',
  });
  await expect(ring.filesUpdate([first], { into: ring.files })).rejects.toMatchObject({
    code: 'ENFILE',
    syscall: 'io_uring:files_update',
  });
  for (const file of given) file.close();
  using reserved = ring.files.reserve();
  await expect(ring.fixedFdInstall(reserved)).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:fixed_fd_install',
  });
});

test('refuses wrong arguments by name', () => {
  const ring = openRing();
  const file = openWith('x');
  expectRefusal(() => op.pipe({ nonblock: 1 as never }), TYPE, '"nonblock"');
  expectRefusal(() => op.pipe({ nonBlock: true } as never), VALUE, '"nonblock"');
  expectRefusal(() => op.pipe({ into: {} as never }), TYPE, '"into"');
  expectRefusal(() => op.fixedFdInstall(file as never), TYPE, '"file"');
  expectRefusal(() => op.filesUpdate([], { into: ring.files }), VALUE, '"fds"');
  expectRefusal(() => op.filesUpdate([3 as never], { into: ring.files }), TYPE, '"fds[0]"');
  expectRefusal(() => op.filesUpdate([file], {} as never), TYPE, '"into"');
  using slot = ring.files.reserve();
  expectRefusal(() => op.filesUpdate([file, file], { into: slot }), VALUE, 'for one slot');
  expectRefusal(() => op.pipe({ into: slot as never }), TYPE, '"into"');
});
