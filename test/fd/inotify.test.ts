/** What happens to files and folders, as the kernel tells it. */
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Inotify, type InotifyEvent } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import {
  expectRefusal,
  fileOf,
  folder,
  later,
  openRing,
  TYPE,
  turn,
  VALUE,
} from '../support/ring.js';

function open(...options: Parameters<typeof Inotify.open>): Inotify {
  const made = Inotify.open(...options);
  onTestFinished(() => made.close());
  return made;
}

/** Events in short: type, name, and for a rename the name before. */
const short = (events: readonly InotifyEvent[] | undefined) =>
  (events ?? []).map(({ type, name, from }) =>
    [type, name, ...(from ? [from.name] : [])].join(' '),
  );

const ALL = ['create', 'delete', 'modify', 'closeWrite', 'movedFrom', 'movedTo', 'attrib'] as const;

test('files that are made, written and removed in a folder', () => {
  const path = folder();
  const inotify = open();
  const watch = inotify.addWatch(path, ALL);
  expect(inotify.read()).toBeUndefined();
  writeFileSync(join(path, 'a'), 'text');
  unlinkSync(join(path, 'a'));
  const events = inotify.read();
  expect(short(events)).toEqual(['create a', 'modify a', 'closeWrite a', 'delete a']);
  expect(events?.[0]).toMatchObject({ watch, path: join(path, 'a'), directory: false, cookie: 0 });
  expect(inotify.read()).toBeUndefined();
});

test('folders are told apart, and a watched file has no name', () => {
  const path = folder();
  const inotify = open();
  inotify.addWatch(path, ALL, { onlyDirectory: true });
  mkdirSync(join(path, 'sub'));
  rmdirSync(join(path, 'sub'));
  expect(inotify.read()?.map(({ type, directory }) => [type, directory])).toEqual([
    ['create', true],
    ['delete', true],
  ]);
  const file = fileOf('before');
  const one = open();
  one.addWatch(file, ['modify', 'deleteSelf']);
  writeFileSync(file, 'x', { flag: 'a' });
  expect(one.read()?.[0]).toMatchObject({ type: 'modify', name: undefined, path: file });
});

test('a rename is one event, with both names; in and out of the folder they are halves', () => {
  const [inside, other, outside] = [folder(), folder(), folder()] as const;
  const inotify = open();
  const first = inotify.addWatch(inside, ['movedFrom', 'movedTo']);
  const second = inotify.addWatch(other, ['movedFrom', 'movedTo']);
  writeFileSync(join(inside, 'a'), '');
  renameSync(join(inside, 'a'), join(inside, 'b'));
  renameSync(join(inside, 'b'), join(other, 'c'));
  renameSync(join(other, 'c'), join(outside, 'd'));
  renameSync(join(outside, 'd'), join(inside, 'e'));
  const events = inotify.read() ?? [];
  expect(short(events)).toEqual(['rename b a', 'rename c b', 'movedFrom c', 'movedTo e']);
  expect(events[1]).toMatchObject({ watch: second, path: join(other, 'c') });
  expect(events[1]?.from).toMatchObject({ watch: first, path: join(inside, 'b') });
  expect(events[2]?.cookie).toBeGreaterThan(0);
});

test('events come as an iteration, in order, many at once, until it is closed', async () => {
  const path = folder();
  const inotify = open();
  inotify.addWatch(path, ['create']);
  const names: (string | undefined)[] = [];
  const loop = (async () => {
    for await (const { name } of inotify) names.push(name);
  })();
  const expected: string[] = [];
  for (let index = 0; index < 1000; index++) {
    expected.push(`file-${index}`);
    writeFileSync(join(path, `file-${index}`), '');
    if (index % 100 === 0) await turn();
  }
  while (names.length < expected.length) await turn();
  inotify.close();
  await loop;
  expect(names).toEqual(expected);
});

test('what an iteration had read and not given is not lost', async () => {
  const path = folder();
  const inotify = open();
  inotify.addWatch(path, ['create']);
  for (const name of ['a', 'b', 'c']) writeFileSync(join(path, name), '');
  for await (const { name } of inotify) {
    expect(name).toBe('a');
    break;
  }
  expect(short(await inotify.wait())).toEqual(['create b', 'create c']);
});

test('a watch is removed, and ends by itself; each says so', async () => {
  const path = folder();
  const inotify = open();
  const watch = inotify.addWatch(path, ['create']);
  writeFileSync(join(path, 'before'), '');
  expect(watch.active).toBe(true);
  watch.remove();
  watch.remove();
  expect([watch.active, inotify.watches]).toEqual([false, []]);
  writeFileSync(join(path, 'after'), '');
  const events = await inotify.wait();
  expect(short(events)).toEqual(['create before', 'ignored ']);
  expect(events[1]?.watch).toBe(watch);
  const gone = fileOf('');
  const second = inotify.addWatch(gone, ['deleteSelf']);
  rmSync(gone);
  expect(short(inotify.read())).toEqual(['deleteSelf ', 'ignored ']);
  expect(second.active).toBe(false);
});

test('a watch for one event', () => {
  const path = folder();
  const inotify = open();
  inotify.addWatch(path, ['create'], { oneshot: true });
  writeFileSync(join(path, 'a'), '');
  writeFileSync(join(path, 'b'), '');
  expect(short(inotify.read())).toEqual(['create a', 'ignored ']);
});

test('links are followed, or watched themselves', () => {
  const target = fileOf('');
  const link = join(folder(), 'link');
  symlinkSync(target, link);
  const inotify = open();
  inotify.addWatch(link, ['deleteSelf'], { follow: false });
  inotify.addWatch(link, ['modify']);
  writeFileSync(target, 'x', { flag: 'a' });
  rmSync(link);
  expect(short(inotify.read())).toEqual(['modify ', 'deleteSelf ', 'ignored ']);
});

test('names that are not UTF-8 are there as bytes', () => {
  const path = folder();
  const inotify = open();
  inotify.addWatch(path, ['create']);
  const name = Buffer.from([0x61, 0xff, 0xfe, 0x62]);
  writeFileSync(Buffer.concat([Buffer.from(`${path}/`), name]), '');
  const [event] = inotify.read() ?? [];
  expect(Buffer.from(event?.nameBytes ?? [])).toEqual(name);
  // An empty name means the folder itself, and the longest one fits.
  const longest = 'x'.repeat(255);
  writeFileSync(join(path, longest), '');
  expect(inotify.read()?.[0]?.name).toBe(longest);
});

test('events that were lost are told', async () => {
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  const [one, other] = [fileOf(''), fileOf('')];
  const inotify = open();
  inotify.addWatch(one, ['attrib', 'modify']);
  inotify.addWatch(other, ['attrib', 'modify']);
  // Equal neighbours are merged by the kernel: they must alternate.
  for (let index = 0; index <= limit / 2; index++) {
    writeFileSync(one, 'x', { flag: 'a' });
    writeFileSync(other, 'x', { flag: 'a' });
  }
  const types: string[] = [];
  for await (const { type, watch, path } of inotify) {
    types.push(type);
    if (type !== 'overflow') continue;
    expect([watch, path]).toEqual([undefined, undefined]);
    break;
  }
  expect(types.length).toBe(limit + 1);
});

test('a ring reads it', async () => {
  const path = folder();
  const inotify = open({ nonblocking: false });
  inotify.addWatch(path, ['create']);
  const target = new Uint8Array(4096);
  const read = openRing().read(inotify, target);
  writeFileSync(join(path, 'abc'), '');
  expect(await read).toBe(32);
  expect(Buffer.from(target.subarray(16, 19)).toString()).toBe('abc');
});

test('an inotify from elsewhere is read as well', () => {
  const made = Inotify.open();
  const path = folder();
  const { number } = made.addWatch(path, ['create']);
  const again = Inotify.adopt(made.release());
  writeFileSync(join(path, 'a'), '');
  expect(again.read()?.[0]).toMatchObject({ type: 'create', name: 'a', watch: undefined });
  expect(number).toBe(1);
  again.close();
});

test('what the kernel refuses', async () => {
  const path = folder();
  const inotify = open();
  const failure = (code: string) => expect.objectContaining({ code, syscall: 'inotify_add_watch' });
  expect(() => inotify.addWatch(join(path, 'none'), ['open'])).toThrow(failure('ENOENT'));
  expect(() => inotify.addWatch(fileOf(''), ['open'], { onlyDirectory: true })).toThrow(
    failure('ENOTDIR'),
  );
  inotify.addWatch(path, ['open']);
  expect(() => inotify.addWatch(path, ['create'])).toThrow(failure('EEXIST'));
  const waiting = later(inotify.wait());
  inotify.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
  expect(() => inotify.addWatch(path, ['open'])).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_STATE' }),
  );
});

test('limits have hints that say which', () => {
  expect(hintFor('inotify_init1', 'EMFILE')).toContain('fs.inotify.max_user_instances');
  expect(hintFor('inotify_add_watch', 'ENOSPC')).toContain('fs.inotify.max_user_watches');
});

test('wrong arguments are refused before any call', () => {
  const inotify = open();
  expectRefusal(() => inotify.addWatch('/', ['opened' as never]), VALUE, 'events');
  expectRefusal(() => inotify.addWatch('/', []), VALUE, 'events');
  expectRefusal(() => inotify.addWatch('/', 'open' as never), TYPE, 'events');
  expectRefusal(() => inotify.addWatch('a\0b', ['open']), VALUE, 'path');
  expectRefusal(() => inotify.addWatch(1 as never, ['open']), TYPE, 'path');
  expectRefusal(() => inotify.addWatch('/', ['open'], { once: true } as never), VALUE, 'once');
});
