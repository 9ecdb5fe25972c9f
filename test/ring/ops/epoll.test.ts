/** epoll_ctl and epoll_wait: an epoll set under the ring. */
import { type DirectFd, OwnedFd, op, type Ring } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { O_CLOEXEC, SYS_epoll_create1 } from '../../../lib/abi.js';
import { native } from '../../../lib/native.js';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

/** A set that nobody keeps books of, as another library would have made it. */
function openSet(): OwnedFd {
  const set = OwnedFd.adopt(native.syscall(SYS_epoll_create1, O_CLOEXEC));
  onTestFinished(() => set.close());
  return set;
}

const quiet = { in: false, out: false, pri: false, rdhup: false, err: false, hup: false };

const readAll = (ring: Ring, from: ReturnType<typeof pipe>): Promise<number> =>
  ring.read(from, new Uint8Array(100));

test('adds, changes and takes out; waits for what is there', async () => {
  needs('op:EPOLL_WAIT');
  const ring = openRing();
  const set = openSet();
  const [one, two] = [pipe(), pipe()];
  await ring.epollCtl(set, 'add', one, ['in'], { data: 2 ** 40 + 5 });
  await ring.epollCtl(set, 'add', two, ['in'], { edge: true });
  const waiting = ring.epollWait(set);
  await ring.write(one, bytesOf('x'));
  expect(await waiting).toEqual([{ ...quiet, in: true, data: 2 ** 40 + 5 }]);
  await ring.write(two, bytesOf('x'));
  const both = await ring.epollWait(set);
  expect(both.map(({ data }) => data).sort((a, b) => a - b)).toEqual([two.fd, 2 ** 40 + 5]);
  await ring.epollCtl(set, 'mod', one, ['in', 'out'], { data: 1 });
  expect(await ring.epollWait(set, { maxEvents: 1 })).toEqual([
    { ...quiet, in: true, out: true, data: 1 },
  ]);
  await ring.epollCtl(set, 'del', one);
  await readAll(ring, two);
  const later = ring.epollWait(set);
  await ring.write(two, bytesOf('y'));
  expect(await later).toEqual([{ ...quiet, in: true, data: two.fd }]);
});

test('waits on a registered set, and gives up when told to', async () => {
  needs('op:EPOLL_WAIT');
  const ring = openRing();
  const set = openSet();
  using registered = ring.registerFiles([set]);
  const direct = registered.files[0] as DirectFd;
  const through = pipe();
  await ring.epollCtl(set, 'add', through, ['in'], { data: 3 });
  await expect(ring.epollWait(direct, { timeoutMs: 5 })).rejects.toMatchObject({
    code: 'ETIMEDOUT',
  });
  const aborted = later(ring.epollWait(set, { signal: AbortSignal.timeout(5) }));
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  await ring.write(through, bytesOf('x'));
  expect(await ring.epollWait(direct)).toEqual([{ ...quiet, in: true, data: 3 }]);
});

test('the kernel refuses what is there already, not there, or no set', async () => {
  needs('op:EPOLL_WAIT');
  const ring = openRing();
  const set = openSet();
  const through = pipe();
  await ring.epollCtl(set, 'add', through);
  await expect(ring.epollCtl(set, 'add', through)).rejects.toMatchObject({
    code: 'EEXIST',
    syscall: 'io_uring:epoll_ctl',
  });
  await expect(ring.epollCtl(set, 'mod', pipe())).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(ring.epollCtl(set, 'add', openWith('x'))).rejects.toMatchObject({ code: 'EPERM' });
  await expect(ring.epollCtl(through, 'add', through)).rejects.toMatchObject({ code: 'EINVAL' });
  await expect(ring.epollWait(through)).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:epoll_wait',
  });
});

test('refuses wrong arguments by name', () => {
  const set = openSet();
  const through = pipe();
  expectRefusal(() => op.epollCtl(3 as never, 'add', through), TYPE, '"epoll"');
  expectRefusal(() => op.epollCtl(set, 'put' as never, through), VALUE, "'mod'");
  expectRefusal(() => op.epollCtl(set, 'add', 3 as never), TYPE, '"fd"');
  expectRefusal(() => op.epollCtl(set, 'add', through, ['read' as never]), VALUE, '"events"');
  expectRefusal(() => op.epollCtl(set, 'add', through, [], { data: -1 }), RANGE, '"data"');
  expectRefusal(() => op.epollCtl(set, 'add', through, [], { edge: 1 as never }), TYPE, '"edge"');
  expectRefusal(
    () => op.epollCtl(set, 'add', through, ['pri'], { exclusive: true }),
    VALUE,
    '"exclusive"',
  );
  expectRefusal(() => op.epollWait(set, { maxEvents: 0 }), RANGE, '"maxEvents"');
  expectRefusal(() => op.epollWait(set, { max: 1 } as never), VALUE, '"max"');
});
