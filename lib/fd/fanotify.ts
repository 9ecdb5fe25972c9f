/** Tells what happens on whole mounts and file systems, and who did it: fanotify(7). */
import { readlinkSync } from 'node:fs';
import {
  AT_FDCWD,
  EAGAIN,
  ESTALE,
  FAN_CLASS_NOTIF,
  FAN_CLOEXEC,
  FAN_EVENT_ON_CHILD,
  FAN_MARK_ADD,
  FAN_MARK_DONT_FOLLOW,
  FAN_MARK_EVICTABLE,
  FAN_MARK_FILESYSTEM,
  FAN_MARK_FLUSH,
  FAN_MARK_INODE,
  FAN_MARK_MOUNT,
  FAN_MARK_ONLYDIR,
  FAN_MARK_REMOVE,
  FAN_NONBLOCK,
  FAN_ONDIR,
  FAN_REPORT_DIR_FID,
  FAN_REPORT_FID,
  FAN_REPORT_NAME,
  FAN_REPORT_TARGET_FID,
  FAN_REPORT_TID,
  FAN_UNLIMITED_MARKS,
  FAN_UNLIMITED_QUEUE,
  O_CLOEXEC,
  O_PATH,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { boolean, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import {
  FANOTIFY_EVENTS,
  type FanotifyEvent,
  type FanotifyEventName,
  type FanotifyPlace,
  type FileHandle,
  fsidAt,
  handleBytes,
  parseFanotify,
} from './fanotify-events.js';
import { type FdLike, plainDescriptor } from './fd.js';
import { eventMask } from './inotify-events.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

const READ_BYTES = 65_536;
const STATFS_BYTES = 120;
const STATFS_FSID = 56;
const SCOPES = {
  inode: FAN_MARK_INODE,
  mount: FAN_MARK_MOUNT,
  filesystem: FAN_MARK_FILESYSTEM,
} as const;

export interface FanotifyOptions {
  /** Also tells the handle of the file itself (FAN_REPORT_TARGET_FID, 5.17). Default false. */
  target?: boolean;
  /** `pid` of events is that of the thread. Default false. */
  reportTid?: boolean;
  /** No limit to events that wait; needs CAP_SYS_ADMIN. Default false. */
  unlimitedQueue?: boolean;
  /** No limit to marks; needs CAP_SYS_ADMIN. Default false. */
  unlimitedMarks?: boolean;
  /** False for reads through a ring that wait in the kernel; `read` then blocks. Default true. */
  nonblocking?: boolean;
}

export interface FanotifyMarkOptions {
  /** What `path` stands for; all but 'inode' need CAP_SYS_ADMIN. Default 'inode'. */
  scope?: keyof typeof SCOPES;
  /** Also events of what is directly in the folder. Default true. */
  onChild?: boolean;
  /** Also events of folders. Default false. */
  onDirectory?: boolean;
  /** Fails with ENOTDIR unless it is a folder. Default false. */
  onlyDirectory?: boolean;
  /** Marks a symbolic link itself. Default true: what it points to. */
  follow?: boolean;
  /** The mark does not keep its file in memory, and goes with it (5.19). Default false. */
  evictable?: boolean;
}

/**
 * Events of files by handle and name. Permission events, which stop whoever opens or reads a file
 * until they are answered, are not offered: one that this thread causes itself would stop it for
 * good.
 *
 * @man fanotify(7)
 */
export class Fanotify extends WaitableFd implements AsyncIterable<FanotifyEvent> {
  readonly #bytes = new Uint8Array(READ_BYTES);
  #queued: FanotifyEvent[] = [];

  /**
   * @errno EPERM needs CAP_SYS_ADMIN, before 5.13 in any case
   * @errno EINVAL this kernel does not tell handles and names (5.9)
   * @kernel 5.9 FAN_REPORT_DIR_FID and FAN_REPORT_NAME
   * @man fanotify_init(2)
   */
  static open(options: FanotifyOptions = {}): Fanotify {
    onlyKeys('options', options, [
      'target',
      'reportTid',
      'unlimitedQueue',
      'unlimitedMarks',
      'nonblocking',
    ]);
    const flag = (name: keyof FanotifyOptions, bits: number, usual = false): number =>
      boolean(name, options[name] ?? usual) ? bits : 0;
    const flags =
      FAN_CLASS_NOTIF |
      FAN_CLOEXEC |
      FAN_REPORT_DIR_FID |
      FAN_REPORT_NAME |
      flag('target', FAN_REPORT_FID | FAN_REPORT_TARGET_FID) |
      flag('reportTid', FAN_REPORT_TID) |
      flag('unlimitedQueue', FAN_UNLIMITED_QUEUE) |
      flag('unlimitedMarks', FAN_UNLIMITED_MARKS) |
      flag('nonblocking', FAN_NONBLOCK, true);
    return new Fanotify(check(native.fanotifyInit(flags, 0), 'fanotify_init'));
  }

  /** Not one that came from elsewhere: its events may hold open files, or wait for an answer. */
  static override adopt(fd: number): never {
    throw invalidType('fd', 'read by whoever opened it: a fanotify cannot be adopted', fd);
  }

  /**
   * Asks for `events` of `path`, in addition to what was asked for before.
   *
   * @errno EPERM a mount or a file system needs CAP_SYS_ADMIN
   * @errno EXDEV or ENODEV or EOPNOTSUPP the file system has no handles
   * @errno ENOSPC fs.fanotify.max_user_marks is reached
   * @man fanotify_mark(2)
   */
  mark(
    path: PathLike,
    events: readonly FanotifyEventName[],
    options: FanotifyMarkOptions = {},
  ): void {
    this.#mark(FAN_MARK_ADD, path, events, options);
  }

  /** Takes back what `mark` asked for; with the same options. */
  unmark(
    path: PathLike,
    events: readonly FanotifyEventName[],
    options: FanotifyMarkOptions = {},
  ): void {
    this.#mark(FAN_MARK_REMOVE, path, events, options);
  }

  /** Takes back every mark of one scope. */
  flush(scope: keyof typeof SCOPES = 'inode'): void {
    const chosen = SCOPES[oneOf('scope', scope, Object.keys(SCOPES) as (keyof typeof SCOPES)[])];
    const root = Uint8Array.of(0x2f, 0);
    const fd = this.openFd();
    check(native.fanotifyMark(fd, FAN_MARK_FLUSH | chosen, 0, AT_FDCWD, root), 'fanotify_mark');
  }

  /** What has happened since the last read, in order; undefined when nothing has. */
  read(): readonly FanotifyEvent[] | undefined {
    const queued = this.#queued;
    if (queued.length === 0) return this.#readAll();
    this.#queued = [];
    return queued;
  }

  /** Resolves with what `read` answers once something has happened. */
  wait(options: WaitOptions = {}): Promise<readonly FanotifyEvent[]> {
    return this.waitFor(() => this.read(), options);
  }

  /** One event after the other; ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FanotifyEvent> {
    return this.each(() => {
      if (this.#queued.length === 0) this.#queued = this.#readAll() ?? [];
      return this.#queued.shift();
    });
  }

  #readAll(): FanotifyEvent[] | undefined {
    const fd = this.openFd();
    const result = native.read(fd, this.#bytes);
    if (result === -EAGAIN) return undefined;
    check(result, 'read', { fd });
    return parseFanotify(this.#bytes.subarray(0, result));
  }

  #mark(how: number, path: PathLike, events: unknown, options: FanotifyMarkOptions): void {
    onlyKeys('options', options, [
      'scope',
      'onChild',
      'onDirectory',
      'onlyDirectory',
      'follow',
      'evictable',
    ]);
    const bytes = pathBytes('path', path);
    const scopes = Object.keys(SCOPES) as (keyof typeof SCOPES)[];
    const scope = oneOf('scope', options.scope ?? 'inode', scopes);
    let flags = how | SCOPES[scope];
    if (boolean('onlyDirectory', options.onlyDirectory ?? false)) flags |= FAN_MARK_ONLYDIR;
    if (!boolean('follow', options.follow ?? true)) flags |= FAN_MARK_DONT_FOLLOW;
    if (boolean('evictable', options.evictable ?? false)) flags |= FAN_MARK_EVICTABLE;
    let mask = eventMask(events, FANOTIFY_EVENTS);
    if (boolean('onChild', options.onChild ?? scope === 'inode')) mask |= FAN_EVENT_ON_CHILD;
    if (boolean('onDirectory', options.onDirectory ?? false)) mask |= FAN_ONDIR;
    const fd = this.openFd();
    const result = native.fanotifyMark(fd, flags, mask >>> 0, AT_FDCWD, bytes);
    check(result, 'fanotify_mark', { path: shownPath(path), facts: { scope } });
  }
}

/**
 * Where a file is now, by its handle; undefined when it is gone. `mount` is an open file or folder
 * of the same file system.
 *
 * @errno EPERM needs CAP_DAC_READ_SEARCH
 * @man open_by_handle_at(2)
 */
export function pathOfHandle(place: FanotifyPlace | FileHandle, mount: FdLike): string | undefined {
  const { fd } = plainDescriptor('mount', mount);
  const handle = 'handle' in place ? place.handle : place;
  const status = new DataView(new ArrayBuffer(STATFS_BYTES));
  check(native.fstatfs(fd, status), 'fstatfs', { fd });
  // Another file system might know the same bytes as one of its own files.
  if (fsidAt(status, STATFS_FSID) !== handle.fsid) {
    throw invalidValue('mount', `must be of file system ${handle.fsid}`, fd);
  }
  const opened = native.openByHandleAt(fd, handleBytes(handle), O_PATH | O_CLOEXEC);
  if (opened === -ESTALE) return undefined;
  check(opened, 'open_by_handle_at', { fd });
  try {
    const path = readlinkSync(`/proc/self/fd/${opened}`);
    const name = 'handle' in place ? place.name : undefined;
    return name === undefined ? path : `${path === '/' ? '' : path}/${name}`;
  } finally {
    native.close(opened);
  }
}
