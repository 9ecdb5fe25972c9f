/** Epoll: what is told, when, and to whom. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import {
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  Epoll,
  type EpollOptions,
  OwnedFd,
} from 'nearmetal/epoll';
import { asFd, type BorrowedFd, socketpair } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import {
  EINTR,
  ENOSYS,
  SO_LINGER,
  SOL_SOCKET,
  SYS_epoll_pwait,
  SYS_epoll_pwait2,
} from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import {
  connection,
  expectRefusal,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';

function openEpoll(options: EpollOptions = {}): Epoll {
  const epoll = Epoll.open(options);
  onTestFinished(() => epoll.close());
  return epoll;
}

/** Pipes of 5.5 to 5.13 tell of no edge while they hold something; these do. */
function sockets(): [OwnedFd, OwnedFd] {
  const [near, far] = socketpair();
  onTestFinished(() => {
    near.close();
    far.close();
  });
  return [near, far];
}

const put = (fd: BorrowedFd, count = 1): number => writeSync(fd.fd, new Uint8Array(count));
const take = (fd: BorrowedFd, count = 1): number => readSync(fd.fd, new Uint8Array(count));
const NOW = { timeoutMs: 0 };
const told = (epoll: Epoll): [number, number][] =>
  epoll.wait(NOW).map(({ tag, events }) => [tag, events]);

// --- what is told ----------------------------------------------------------------------------

test('level: told for as long as it lasts', () => {
  const epoll = openEpoll();
  const file = pipe();
  epoll.add(file, ['in'], { tag: 7 });
  expect(told(epoll)).toEqual([]);
  put(file);
  expect(told(epoll)).toEqual([[7, EPOLLIN]]);
  expect(told(epoll)).toEqual([[7, EPOLLIN]]);
  take(file);
  expect(told(epoll)).toEqual([]);
});

test('edge: told when it begins, and anew when more comes', () => {
  const epoll = openEpoll();
  const [file, far] = sockets();
  epoll.add(file, ['in'], { edge: true });
  put(far);
  expect(told(epoll)).toEqual([[file.fd, EPOLLIN]]);
  expect(told(epoll)).toEqual([]);
  put(far);
  expect(told(epoll)).toEqual([[file.fd, EPOLLIN]]);
});

test('one-shot: told once, and again after modify', () => {
  const epoll = openEpoll();
  const file = pipe();
  epoll.add(file, EPOLLIN | EPOLLONESHOT, { tag: 1 });
  put(file);
  expect(told(epoll)).toEqual([[1, EPOLLIN]]);
  expect(told(epoll)).toEqual([]);
  epoll.modify(file, ['in', 'out'], { oneShot: true });
  expect(told(epoll)).toEqual([[1, EPOLLIN | EPOLLOUT]]);
  expect(told(epoll)).toEqual([]);
});

test('modify changes events and tag; delete ends it; has tells', () => {
  const epoll = openEpoll();
  const file = pipe();
  epoll.add(file, ['in']);
  epoll.modify(file, ['out'], { tag: 2.5 });
  expect(told(epoll)).toEqual([[2.5, EPOLLOUT]]);
  expect([epoll.has(file), epoll.stats.registered]).toEqual([true, 1]);
  epoll.delete(file);
  expect(told(epoll)).toEqual([]);
  expect([epoll.has(file), epoll.stats.registered]).toEqual([false, 0]);
});

test('rdhup and hup, each by name', async () => {
  const epoll = openEpoll();
  const ring = openRing();
  const { client, server } = await connection(ring);
  epoll.add(server, ['in', 'rdhup']);
  await ring.shutdown(client, 'write');
  const [half] = epoll.wait();
  expect(half).toMatchObject({ fd: server, in: true, rdhup: true, hup: false, err: false });
  await ring.shutdown(server, 'write');
  const [whole] = epoll.wait();
  expect(whole).toMatchObject({ rdhup: true, hup: true, out: false, pri: false });
});

test('pri: urgent data; err: the peer has reset the connection', async () => {
  const epoll = openEpoll();
  const { client, server } = await connection(openRing());
  epoll.add(server, ['pri']);
  const program = 'import socket,os; socket.socket(fileno=os.dup(3)).send(b"!", socket.MSG_OOB)';
  execFileSync('python3', ['-c', program], { stdio: ['ignore', 'ignore', 'inherit', client.fd] });
  expect(epoll.wait()[0]).toMatchObject({ pri: true, in: false, err: false });
  expect(native.setsockopt(client.fd, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]))).toBe(0);
  epoll.modify(server, []);
  client.close();
  expect(epoll.wait()[0]).toMatchObject({ err: true, hup: true, in: false });
});

test('exclusive: of two epolls one is told; a mode that cannot be modified', () => {
  const [first, second] = [openEpoll(), openEpoll()];
  const file = pipe();
  first.add(file, ['in'], { exclusive: true, wakeUp: true });
  second.add(file, ['in'], { exclusive: true });
  expectRefusal(() => first.modify(file, ['out']), VALUE, 'exclusive');
  expectRefusal(() => first.add(file, ['pri'], { exclusive: true }), VALUE, 'exclusive');
  expectRefusal(
    () => first.add(file, ['in'], { exclusive: true, oneShot: true }),
    VALUE,
    'exclusive',
  );
  put(file);
  expect(told(first).length + told(second).length).toBeGreaterThan(0);
});

test('an epoll is registered with another, and with a ring', async () => {
  const [inner, outer] = [openEpoll(), openEpoll()];
  const file = pipe();
  inner.add(file, ['in'], { tag: 1 });
  outer.add(inner, ['in'], { tag: 2 });
  const ring = openRing();
  const polled = ring.pollAdd(inner.descriptor, ['in']);
  expect(told(outer)).toEqual([]);
  put(file);
  expect(told(outer)).toEqual([[2, EPOLLIN]]);
  expect(await polled).toMatchObject({ in: true });
  expect(told(inner)).toEqual([[1, EPOLLIN]]);
  inner.close();
  expect([outer.stats.registered, told(outer).length]).toEqual([0, 0]);
});

test('more events than fit are told by later waits', () => {
  const epoll = openEpoll({ maxEvents: 2 });
  const files = [pipe(), pipe(), pipe(), pipe(), pipe()];
  for (const [index, file] of files.entries()) {
    epoll.add(file, ['in'], { tag: index, edge: true });
    put(file);
  }
  const all = [...told(epoll), ...told(epoll), ...told(epoll), ...told(epoll)];
  expect(all.map(([tag]) => tag).sort()).toEqual([0, 1, 2, 3, 4]);
});

// --- who is told -------------------------------------------------------------------------------

test('an event of a descriptor closed meanwhile is dropped, whoever has its number', () => {
  const epoll = openEpoll();
  const source = `/proc/self/fd/${pipe().fd}`;
  const files = [0, 1, 2].map(() => OwnedFd.adopt(openSync(source, 'r+')));
  for (const file of files) epoll.add(file, ['out'], { edge: true, tag: file.fd });
  const numbers = files.map(({ fd }) => fd);
  const told: number[] = [];
  let reused: OwnedFd[] = [];
  epoll.waitEach((tag) => {
    told.push(tag);
    if (told.length > 1) return;
    for (const file of files) if (file.fd !== tag) file.close();
    reused = [1, 2].map(() => OwnedFd.adopt(openSync(source, 'r+')));
    for (const file of reused) epoll.add(file, ['in'], { tag: -file.fd });
  });
  expect(told).toHaveLength(1);
  expect(reused.map(({ fd }) => fd).sort()).toEqual(numbers.filter((fd) => fd !== told[0]).sort());
  expect(epoll.stats).toMatchObject({ stale: 2, registered: 3, rebuilt: 0 });
  for (const file of [...files, ...reused]) file.close();
  expect(epoll.stats.registered).toBe(0);
});

test('deleting and modifying drop what waits; what still holds is told again', () => {
  const epoll = openEpoll();
  const [first, second, third] = [pipe(), pipe(), pipe()];
  for (const file of [first, second, third]) epoll.add(file, ['out'], { edge: true });
  const seen: number[] = [];
  epoll.waitEach((tag) => {
    seen.push(tag);
    if (seen.length > 1) return;
    for (const file of [first, second, third]) {
      if (file.fd === tag) continue;
      if (epoll.stats.registered === 3) epoll.delete(file);
      else epoll.modify(file, ['out'], { edge: true, tag: 1000 });
    }
  });
  expect(seen).toHaveLength(1);
  expect(epoll.stats.stale).toBe(2);
  expect(told(epoll)).toEqual([[1000, EPOLLOUT]]);
});

test('a released descriptor is forgotten, too', () => {
  const epoll = openEpoll();
  const file = OwnedFd.adopt(openSync(`/proc/self/fd/${pipe().fd}`, 'r+'));
  epoll.add(file, ['out']);
  const fd = file.release();
  expect([epoll.stats.registered, told(epoll).length]).toEqual([0, 0]);
  closeSync(fd);
});

test('a number closed elsewhere while its file lives on does not wake us for ever', async () => {
  const [epoll, outer] = [openEpoll(), openEpoll()];
  outer.add(epoll, ['in']);
  const source = `/proc/self/fd/${pipe().fd}`;
  const [stays, once] = [pipe(), pipe()];
  epoll.add(stays, ['in'], { tag: 5 });
  epoll.add(once, ['out'], { tag: 6, oneShot: true });
  expect(told(epoll)).toEqual([[6, EPOLLOUT]]);
  const fd = openSync(source, 'r+');
  // A process that has inherited the file keeps it.
  const child = spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore', fd] });
  onTestFinished(() => void child.kill());
  epoll.add(asFd(fd), ['out'], { tag: 1 });
  expect(told(epoll)).toEqual([[1, EPOLLOUT]]);
  closeSync(fd);
  // The number is taken anew, and registered anew.
  const again = OwnedFd.adopt(openSync(source, 'r+'));
  expect(again.fd).toBe(fd);
  epoll.add(again, ['in'], { tag: 2 });
  expect(told(epoll)).toEqual([]);
  expect(told(epoll)).toEqual([]);
  expect(epoll.stats).toMatchObject({ rebuilt: 1, registered: 3 });
  expect(told(epoll)).toEqual([]);
  put(stays);
  expect(told(epoll)).toEqual([[5, EPOLLIN]]);
  expect(told(outer)).toEqual([[epoll.descriptor.fd, EPOLLIN]]);
  expect(epoll.stats.rebuilt).toBe(1);
  again.close();
});

// --- blocking ------------------------------------------------------------------------------------

test('a wait ends with its time, to the nanosecond where the kernel can', () => {
  const epoll = openEpoll();
  epoll.add(pipe(), ['in']);
  const before = performance.now();
  expect(epoll.wait({ timeoutMs: 2.25 })).toEqual([]);
  expect(performance.now() - before).toBeGreaterThanOrEqual(2.25);
});

test.runIf(native.hasSeam)('without epoll_pwait2 time is rounded up', () => {
  const epoll = openEpoll();
  native.seam?.fail(SYS_epoll_pwait2, 1, 1, ENOSYS);
  onTestFinished(() => native.seam?.reset());
  const before = performance.now();
  expect(epoll.wait({ timeoutMs: 1.5 })).toEqual([]);
  expect(performance.now() - before).toBeGreaterThanOrEqual(1.5);
  expect(native.seam?.calls(SYS_epoll_pwait)).toBeGreaterThan(0);
});

test.runIf(native.hasSeam)('an interrupted wait goes on, or ends when told to', () => {
  const epoll = openEpoll();
  const file = pipe();
  epoll.add(file, ['in'], { tag: 3 });
  put(file);
  native.seam?.reset();
  onTestFinished(() => native.seam?.reset());
  native.seam?.fail(SYS_epoll_pwait, 1, 3, EINTR);
  expect(told(epoll)).toEqual([[3, EPOLLIN]]);
  native.seam?.fail(SYS_epoll_pwait, 1, 1, EINTR);
  expect(epoll.wait({ restart: false })).toEqual([]);
  expect(told(epoll)).toEqual([[3, EPOLLIN]]);
});

test('a visitor cannot wait itself; what it leaves by throwing is told next', () => {
  const epoll = openEpoll();
  const files = [pipe(), pipe(), pipe()];
  for (const file of files) epoll.add(file, ['out'], { edge: true });
  const seen: number[] = [];
  expect(() =>
    epoll.waitEach((tag) => {
      seen.push(tag);
      expect(() => epoll.wait(NOW)).toThrow('being handled');
      throw new Error('one');
    }),
  ).toThrow('one');
  for (const { tag } of epoll.wait()) seen.push(tag);
  expect(seen.sort()).toEqual(files.map(({ fd }) => fd).sort());
});

// --- on the loop -------------------------------------------------------------------------------

test.each(['uv', 'thread'] as const)('a handler for each event, woken by %s', async (loop) => {
  const epoll = openEpoll({ loop });
  const files = [pipe(), pipe(), pipe()];
  const seen: string[] = [];
  epoll.handle((tag) => {
    seen.push(`event ${tag}`);
    take(files[tag] as BorrowedFd);
    queueMicrotask(() => seen.push(`microtask ${tag}`));
    process.nextTick(() => seen.push(`tick ${tag}`));
  });
  for (const [tag, file] of files.entries()) epoll.add(file, ['in'], { tag });
  for (const file of files) put(file);
  await until(() => seen.length === 9);
  const of = (tag: number) => [`event ${tag}`, `tick ${tag}`, `microtask ${tag}`];
  expect(seen).toEqual([...of(0), ...of(1), ...of(2)]);
  epoll.handle(undefined);
  put(files[0] as BorrowedFd);
  await turn();
  expect(seen).toHaveLength(9);
  expect(told(epoll)).toEqual([[0, EPOLLIN]]);
});

test('batched: microtasks run after the batch', async () => {
  const epoll = openEpoll();
  const files = [pipe(), pipe()];
  const seen: string[] = [];
  for (const [tag, file] of files.entries()) epoll.add(file, ['out'], { tag, edge: true });
  epoll.handle(
    (tag) => {
      seen.push(`event ${tag}`);
      queueMicrotask(() => seen.push('microtask'));
    },
    { batched: true },
  );
  await until(() => seen.length === 4);
  expect(seen).toEqual(['event 0', 'event 1', 'microtask', 'microtask']);
});

test('closed inside its own handler: nothing more is told', async () => {
  for (const loop of ['uv', 'thread'] as const) {
    for (const batched of [true, false]) {
      const epoll = openEpoll({ loop });
      const seen: number[] = [];
      const files = [pipe(), pipe(), pipe()];
      for (const file of files) epoll.add(file, ['out']);
      epoll.handle(
        (tag) => {
          seen.push(tag);
          epoll.close();
        },
        { batched },
      );
      await until(() => epoll.closed);
      await turn();
      await turn();
      expect(seen).toHaveLength(1);
      expect(() => epoll.wait()).toThrow('closed');
    }
  }
});

test('waitAsync: in turn, with time limits and signals, ended by close', async () => {
  const epoll = openEpoll();
  const [file, far] = sockets();
  epoll.add(file, ['in'], { edge: true });
  expect(await epoll.waitAsync({ timeoutMs: 1 })).toEqual([]);
  const controller = new AbortController();
  const given = epoll.waitAsync({ signal: controller.signal });
  const [first, second] = [epoll.waitAsync(), epoll.waitAsync()];
  controller.abort(new Error('enough'));
  await expect(given).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  expect(() => epoll.handle(() => undefined)).toThrow('somebody waits');
  put(far);
  expect(await first).toMatchObject([{ fd: file, in: true }]);
  put(far);
  expect(await second).toMatchObject([{ in: true }]);
  const last = epoll.waitAsync();
  epoll.close();
  await expect(last).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'epoll_wait' });
  await expect(openEpoll().waitAsync({ signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORT_ERR',
  });
});

test('events that nobody wants do not spin the loop', async () => {
  const epoll = openEpoll();
  const file = pipe();
  epoll.add(file, ['out']);
  expect(await epoll.waitAsync()).toHaveLength(1);
  const { delivered } = epoll.stats;
  const turns = () => performance.nodeTiming.uvMetricsInfo.loopCount;
  const before = turns();
  await later(100);
  expect(epoll.stats.delivered).toBe(delivered);
  expect(turns() - before).toBeLessThan(50);
});

// --- refusals ------------------------------------------------------------------------------------

test('what the kernel refuses is a typed error with a hint', () => {
  const epoll = openEpoll();
  const regular = openWith('x');
  const refused = (call: () => void) => {
    try {
      call();
    } catch (error) {
      return error;
    }
    throw new Error('it was not refused');
  };
  expect(refused(() => epoll.add(regular, ['in']))).toMatchObject({
    code: 'EPERM',
    syscall: 'epoll_ctl',
    fd: regular.fd,
    hint: expect.stringMatching(/is a regular file, which is always ready/),
  });
  const file = pipe();
  epoll.add(file, ['in']);
  expect(refused(() => epoll.add(file, ['in']))).toMatchObject({
    code: 'EEXIST',
    hint: expect.stringContaining('modify'),
  });
  expect(refused(() => epoll.delete(asFd(2 ** 20)))).toMatchObject({ code: 'ENOENT' });
  expect(refused(() => epoll.modify(asFd(2 ** 20), ['in']))).toMatchObject({ code: 'ENOENT' });
  expect(refused(() => epoll.add(asFd(2 ** 20), ['in']))).toMatchObject({ code: 'EBADF' });
  expect(refused(() => epoll.add(epoll, ['in']))).toMatchObject({ code: 'EINVAL' });
  const other = openEpoll();
  epoll.add(other, ['in']);
  expect(refused(() => other.add(epoll, ['in']))).toMatchObject({
    code: 'ELOOP',
    hint: expect.stringContaining('circle'),
  });
  expect(epoll.stats.registered).toBe(2);
});

test('a descriptor closed elsewhere: EBADF, and no trace of it left', () => {
  const epoll = openEpoll();
  const fd = openSync(`/proc/self/fd/${pipe().fd}`, 'r+');
  epoll.add(asFd(fd), ['in']);
  closeSync(fd);
  expect(() => epoll.modify(asFd(fd), ['out'])).toThrow(
    expect.objectContaining({ code: 'EBADF', fd }),
  );
  expect(epoll.stats.registered).toBe(0);
});

test('wrong arguments are refused before any call', () => {
  const epoll = openEpoll();
  const file = pipe();
  expectRefusal(() => Epoll.open({ maxEvents: 0 }), RANGE, 'maxEvents');
  expectRefusal(() => Epoll.open({ maxEvent: 1 } as object), VALUE, 'Did you mean "maxEvents"');
  expectRefusal(() => Epoll.open({ loop: 'own' as 'uv' }), VALUE, 'loop');
  expectRefusal(() => epoll.add(5 as never, ['in']), TYPE, 'fd');
  expectRefusal(() => epoll.add(file, ['input' as 'in']), VALUE, 'events');
  expectRefusal(() => epoll.add(file, 2 ** 20), VALUE, 'EPOLL');
  expectRefusal(() => epoll.add(file, 1.5), RANGE, 'events');
  expectRefusal(() => epoll.add(file, ['in'], { tag: '1' as never }), TYPE, 'tag');
  expectRefusal(() => epoll.add(file, ['in'], { edge: 1 as never }), TYPE, 'edge');
  expectRefusal(() => epoll.add(file, ['in'], { oneshot: true } as object), VALUE, 'oneShot');
  expectRefusal(() => epoll.wait({ timeoutMs: -1 }), RANGE, 'timeoutMs');
  expectRefusal(() => epoll.wait({ timeoutMs: Number.NaN }), RANGE, 'timeoutMs');
  expectRefusal(() => epoll.wait({ signalMask: ['SIGNOT' as 'SIGINT'] }), VALUE, 'signalMask');
  expectRefusal(() => epoll.handle(1 as never), TYPE, 'handler');
  expectRefusal(() => epoll.waitAsync({ timeoutMs: 2 ** 31 }), RANGE, 'timeoutMs');
  expect(epoll.stats.registered).toBe(0);
  epoll.close();
  epoll.close();
  expect(() => epoll.add(file, ['in'])).toThrow('closed');
});

test('signals that the mask blocks wait until the wait is over', () => {
  const epoll = openEpoll();
  // Only that it is taken, and changes nothing: a signal's own way is tested in a process apart.
  expect(epoll.wait({ timeoutMs: 0.5, signalMask: ['SIGUSR2', 'SIGTERM'] })).toEqual([]);
});

test('busy polling: read back as it was set', () => {
  const epoll = openEpoll();
  let now: unknown;
  try {
    now = epoll.busyPoll;
  } catch (error) {
    expect(error).toMatchObject({ syscall: 'EPIOCGPARAMS' });
    return;
  }
  expect(now).toEqual({ microseconds: 0, budget: 0, prefer: false });
  epoll.setBusyPoll({ microseconds: 50, budget: 16, prefer: true });
  expect(epoll.busyPoll).toEqual({ microseconds: 50, budget: 16, prefer: true });
  expectRefusal(
    () => epoll.setBusyPoll({ microseconds: 50, budget: 70_000, prefer: true }),
    RANGE,
    'budget',
  );
});

test('descriptors up to the limit, and none left behind', () => {
  const epoll = openEpoll();
  const source = `/proc/self/fd/${pipe().fd}`;
  const files: OwnedFd[] = [];
  let refusal: unknown;
  try {
    while (files.length < 100_000) {
      files.push(OwnedFd.adopt(openSync(source, 'r+')));
      epoll.add(files.at(-1) as OwnedFd, ['out'], { edge: true });
    }
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toMatchObject({ code: 'EMFILE' });
  expect(() => Epoll.open()).toThrow(
    expect.objectContaining({ code: 'EMFILE', syscall: 'epoll_create1' }),
  );
  const seen = new Set<number>();
  while (epoll.waitEach((tag) => seen.add(tag), NOW) > 0);
  expect(seen.size).toBe(files.length);
  for (const file of files) file.close();
  expect(epoll.stats).toMatchObject({ registered: 0, stale: 0, delivered: files.length });
});
