/** What this process has open, and the way to close ranges of it: proc(5), close_range(2). */
import { readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, O_CLOEXEC } from '../abi.js';
import { check } from '../errors.js';
import { fstat } from '../fstat.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys } from '../validate.js';
import { type FdFlags, flagsIn } from './fcntl.js';
import { type FdLike, plainDescriptor } from './fd.js';
import { FD_MAX, isOwned } from './owned-bits.js';

export type DescriptorKind =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'blockDevice'
  | 'characterDevice'
  | 'pipe'
  | 'socket'
  | 'memfd'
  | 'epoll'
  | 'eventfd'
  | 'timerfd'
  | 'signalfd'
  | 'pidfd'
  | 'inotify'
  | 'fanotify'
  | 'io_uring'
  | 'other';

/** One open descriptor. */
export interface OpenDescriptor {
  readonly fd: number;
  readonly kind: DescriptorKind;
  /** What /proc calls it: a path, 'socket:[123]', 'anon_inode:[eventpoll]'. */
  readonly target: string;
  readonly flags: FdFlags;
  /** Where the next read(2) would read. */
  readonly position: number;
  /** True for what this library owns in this thread; other threads have their own. */
  readonly owned: boolean;
}

const ANONYMOUS: Readonly<Record<string, DescriptorKind>> = {
  eventpoll: 'epoll',
  eventfd: 'eventfd',
  timerfd: 'timerfd',
  signalfd: 'signalfd',
  pidfd: 'pidfd',
  inotify: 'inotify',
  fanotify: 'fanotify',
  io_uring: 'io_uring',
};

/**
 * Every open descriptor of this process, in the order of their numbers, as they are while it looks.
 *
 * @man proc_pid_fd(5), proc_pid_fdinfo(5)
 */
export function openDescriptors(): OpenDescriptor[] {
  const numbers = readdirSync('/proc/self/fd').map(Number);
  const found: OpenDescriptor[] = [];
  for (const fd of numbers.sort((left, right) => left - right)) {
    const one = describe(fd);
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** What one descriptor is: 'file', 'socket', 'eventfd' and so on. */
export function kindOf(fd: FdLike): DescriptorKind {
  const { fd: number } = plainDescriptor('fd', fd);
  return kindBy(fstat(number), readlinkSync(`/proc/self/fd/${number}`));
}

/** Undefined where it has been closed meanwhile, as the folder that was listed. */
function describe(fd: number): OpenDescriptor | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
    const status = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '0', 8);
    return {
      fd,
      kind: kindBy(fstat(fd), target),
      target,
      flags: flagsIn(status, (status & O_CLOEXEC) !== 0),
      position: Number(/^pos:\s*(\d+)$/m.exec(info)?.[1] ?? 0),
      owned: isOwned(fd),
    };
  } catch {
    return undefined;
  }
}

function kindBy(status: Stats, target: string): DescriptorKind {
  const [, name] = /^anon_inode:\[?([\w]+)/.exec(target) ?? [];
  if (name !== undefined) return ANONYMOUS[name] ?? 'other';
  if (target.startsWith('/memfd:')) return 'memfd';
  if (/^pidfd:|^anon_inode:\[pidfd\]/.test(target)) return 'pidfd';
  if (status.isFile()) return 'file';
  if (status.isDirectory()) return 'directory';
  if (status.isSocket()) return 'socket';
  if (status.isFIFO()) return 'pipe';
  if (status.isCharacterDevice()) return 'characterDevice';
  if (status.isBlockDevice()) return 'blockDevice';
  return status.isSymbolicLink() ? 'symlink' : 'other';
}

export interface CloseRangeOptions {
  /** Closes nothing, and marks what is there to be closed on exec (5.11). Default false. */
  cloexec?: boolean;
  /** First gives this thread a table of descriptors of its own. Default false. */
  unshare?: boolean;
  /**
   * Closes also what this library owns, and what Node's own loop may consist of: without its
   * descriptors it aborts or hangs. Default false.
   */
  force?: boolean;
}

/** What is nobody's wake-up: Node's loop is made of the other kinds. */
const HARMLESS: readonly DescriptorKind[] = ['file', 'directory', 'symlink', 'memfd'];

/**
 * Closes every descriptor from `first` to `last`, both included.
 *
 * Refused, without `force`, where one of them is owned by this library in this thread, or is of a
 * kind that Node's loop is made of (epoll, eventfd, pipe, socket, device ...). What other threads
 * have opened is not known here.
 *
 * @errno EINVAL `cloexec` before 5.11
 * @kernel 5.9
 * @man close_range(2)
 */
export function closeRange(first: number, last: number, options: CloseRangeOptions = {}): void {
  onlyKeys('options', options, ['cloexec', 'unshare', 'force']);
  const from = integer('first', first, 0, FD_MAX);
  const to = integer('last', last, from, FD_MAX);
  const cloexec = boolean('cloexec', options.cloexec ?? false);
  const unshare = boolean('unshare', options.unshare ?? false);
  if (!boolean('force', options.force ?? false) && (unshare || !cloexec)) {
    refuse(from, to, unshare);
  }
  const flags = (cloexec ? CLOSE_RANGE_CLOEXEC : 0) | (unshare ? CLOSE_RANGE_UNSHARE : 0);
  check(native.closeRange(from, to, flags), 'close_range');
}

function refuse(first: number, last: number, unshare: boolean): void {
  const because = (why: string): Error & { code: string } => {
    const error = new TypeError(`${why}: leave it out of the range, or say force: true`);
    return Object.assign(error, { code: 'ERR_INVALID_STATE' });
  };
  // Node's helper threads, and the other workers, would go on with the old table.
  if (unshare) throw because('a table of its own cuts this thread off from the rest of Node');
  for (const { fd, kind, target, owned } of openDescriptors()) {
    if (fd < first || fd > last) continue;
    if (owned) throw because(`descriptor ${fd} (${target}) is owned by nearmetal`);
    if (!HARMLESS.includes(kind)) throw because(`descriptor ${fd} (${target}) may be Node's own`);
  }
}
