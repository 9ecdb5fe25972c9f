/** Events of files by handle, who did it, and where a handle is now. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import {
  Fanotify,
  type FanotifyEvent,
  type FanotifyPlace,
  OwnedFd,
  pathOfHandle,
} from 'nearmetal/fd';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hintFor } from '../../lib/hints.js';
import { needs } from '../support/needs.js';
import { expectRefusal, fileOf, folder, openRing, TYPE, turn, VALUE } from '../support/ring.js';

/** Unprivileged listeners exist since 5.13, and the file system must have handles. */
const allowed = (() => {
  try {
    Fanotify.open().close();
    return true;
  } catch (error) {
    console.warn(`not tested: ${error}`);
    return false;
  }
})();
const root = allowed && process.getuid?.() === 0;

function open(...options: Parameters<typeof Fanotify.open>): Fanotify {
  const made = Fanotify.open(...options);
  onTestFinished(() => made.close());
  return made;
}

function directory(path: string): OwnedFd {
  const made = OwnedFd.adopt(openSync(path, 'r'));
  onTestFinished(() => made.close());
  return made;
}

const names = (events: readonly FanotifyEvent[] | undefined) =>
  (events ?? []).flatMap((event) => event.events.map((name) => `${name} ${event.place?.name}`));

describe.skipIf(!allowed)('events by handle', () => {
  test('files made, written and removed in a folder, and by whom', () => {
    const path = folder();
    const fanotify = open();
    fanotify.mark(path, ['create', 'closeWrite', 'delete']);
    expect(fanotify.read()).toBeUndefined();
    writeFileSync(join(path, 'a'), 'text');
    const events = fanotify.read() ?? [];
    expect(names(events)).toEqual(expect.arrayContaining(['create a', 'closeWrite a']));
    expect(events[0]).toMatchObject({ pid: process.pid, fd: -1, directory: false });
    unlinkSync(join(path, 'a'));
    expect(names(fanotify.read())).toEqual(['delete a']);
    execFileSync('touch', [join(path, 'b')]);
    expect(fanotify.read()?.every(({ pid }) => root === (pid !== process.pid))).toBe(true);
  });

  test('folders only where asked for', () => {
    const path = folder();
    const fanotify = open();
    fanotify.mark(path, ['create']);
    mkdirSync(join(path, 'one'));
    expect(fanotify.read()).toBeUndefined();
    fanotify.mark(path, ['create'], { onDirectory: true, onlyDirectory: true });
    mkdirSync(join(path, 'two'));
    expect(fanotify.read()).toMatchObject([{ directory: true, place: { name: 'two' } }]);
    fanotify.unmark(path, ['create'], { onDirectory: true });
    mkdirSync(join(path, 'three'));
    expect(fanotify.read()).toBeUndefined();
    fanotify.mark(path, ['create']);
    fanotify.flush();
    writeFileSync(join(path, 'four'), '');
    expect(fanotify.read()).toBeUndefined();
  });

  test('a rename has both places, an event on itself has none', () => {
    needs('linux:5.17');
    const [one, two] = [folder(), folder()];
    const fanotify = open();
    fanotify.mark(one, ['rename']);
    writeFileSync(join(one, 'a'), '');
    renameSync(join(one, 'a'), join(one, 'b'));
    const [event] = fanotify.read() ?? [];
    expect(event).toMatchObject({ events: ['rename'], place: { name: 'b' }, from: { name: 'a' } });
    expect(event?.place?.handle).toEqual(event?.from?.handle);
    const file = fileOf('x');
    const other = open();
    other.mark(file, ['modify']);
    writeFileSync(file, 'y', { flag: 'a' });
    expect(other.read()?.[0]?.events).toEqual(['modify']);
    rmSync(two, { recursive: true });
  });

  test('as an iteration, and through a ring', async () => {
    const path = folder();
    const fanotify = open();
    fanotify.mark(path, ['create']);
    const seen: (string | undefined)[] = [];
    const loop = (async () => {
      for await (const { place } of fanotify) seen.push(place?.name);
    })();
    for (let index = 0; index < 50; index++) writeFileSync(join(path, `${index}`), '');
    while (seen.length < 50) await turn();
    fanotify.close();
    await loop;
    expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
    const blocking = open({ nonblocking: false });
    blocking.mark(path, ['create']);
    const target = new Uint8Array(4096);
    const read = openRing().read(blocking, target);
    writeFileSync(join(path, 'ring'), '');
    expect(await read).toBeGreaterThan(24);
    expect(Buffer.from(target).includes('ring\0')).toBe(true);
  });

  test('events that were lost are told', () => {
    needs('path:/proc/sys/fs/fanotify/max_queued_events');
    const limit = Number(readFileSync('/proc/sys/fs/fanotify/max_queued_events', 'utf8'));
    const path = folder();
    const fanotify = open();
    fanotify.mark(path, ['create', 'delete']);
    for (let index = 0; index <= limit; index++) {
      writeFileSync(join(path, `${index}`), '');
      unlinkSync(join(path, `${index}`));
    }
    let all: readonly FanotifyEvent[] = [];
    for (let some = fanotify.read(); some !== undefined; some = fanotify.read()) all = some;
    expect(all.at(-1)).toMatchObject({ events: ['overflow'], place: undefined });
  });
});

describe.skipIf(!root)('where a handle is', () => {
  test('a path, until it is gone', () => {
    needs('linux:5.17');
    const path = folder();
    const mount = directory(path);
    const fanotify = open({ target: true });
    fanotify.mark(path, ['create']);
    writeFileSync(join(path, 'a'), '');
    const [event] = fanotify.read() ?? [];
    const place = event?.place as FanotifyPlace;
    expect(pathOfHandle(place, mount)).toBe(join(path, 'a'));
    const file = event?.target;
    if (file === undefined) throw new Error('no target');
    expect(pathOfHandle(file, mount)).toBe(join(path, 'a'));
    renameSync(join(path, 'a'), join(path, 'b'));
    expect(pathOfHandle(file, mount)).toBe(join(path, 'b'));
    unlinkSync(join(path, 'b'));
    expect(pathOfHandle(file, mount)).toBeUndefined();
    expectRefusal(() => pathOfHandle(file, directory('/proc')), VALUE, 'mount');
  });

  test('a whole file system tells of what is deep in it', () => {
    const path = folder();
    const fanotify = open();
    fanotify.mark(path, ['create'], { scope: 'filesystem' });
    const deep = join(path, 'a', 'b');
    mkdirSync(deep, { recursive: true });
    writeFileSync(join(deep, basename(path)), '');
    let found: FanotifyEvent | undefined;
    // Others use the file system as well.
    for (let some = fanotify.read(); found === undefined; some = fanotify.read()) {
      found = some?.find(({ place }) => place?.name === basename(path));
    }
    const place = found.place as FanotifyPlace;
    expect(pathOfHandle(place, directory(path))).toBe(join(deep, basename(path)));
    fanotify.flush('filesystem');
  });
});

test('limits and rights have hints', () => {
  expect(hintFor('fanotify_init', 'EPERM')).toContain('CAP_SYS_ADMIN');
  expect(hintFor('fanotify_init', 'EMFILE')).toContain('fs.fanotify.max_user_groups');
  expect(hintFor('fanotify_mark', 'EPERM', { scope: 'mount' })).toContain('a mark of a mount');
  expect(hintFor('fanotify_mark', 'ENOSPC')).toContain('fs.fanotify.max_user_marks');
  expect(hintFor('open_by_handle_at', 'EPERM')).toContain('CAP_DAC_READ_SEARCH');
});

test.skipIf(!allowed)('wrong arguments, and what the kernel refuses', () => {
  const fanotify = open();
  expectRefusal(() => Fanotify.open({ class: 'content' } as never), VALUE, 'class');
  expectRefusal(() => fanotify.mark('/', ['openPerm' as never]), VALUE, 'events');
  expectRefusal(() => fanotify.mark('/', []), VALUE, 'events');
  expectRefusal(() => fanotify.mark('/', ['open'], { scope: 'all' as never }), VALUE, 'scope');
  expectRefusal(() => fanotify.mark(1 as never, ['open']), TYPE, 'path');
  expect(() => fanotify.mark('/none/such', ['open'])).toThrow(
    expect.objectContaining({ code: 'ENOENT', syscall: 'fanotify_mark', path: '/none/such' }),
  );
  expect(() => Fanotify.adopt(0)).toThrow(TypeError);
});
