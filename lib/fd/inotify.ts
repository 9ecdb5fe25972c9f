/** Tells what happens to files and folders: inotify(7). */
import {
  EAGAIN,
  IN_CLOEXEC,
  IN_DONT_FOLLOW,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_MASK_CREATE,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_NONBLOCK,
  IN_ONESHOT,
  IN_ONLYDIR,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { boolean, onlyKeys } from '../validate.js';
import {
  eventMask,
  INOTIFY_EVENTS,
  type InotifyEventName,
  type InotifyEventType,
  isFolder,
  parseInotify,
  type RawInotifyEvent,
  typeOf,
} from './inotify-events.js';
import { adoptedNumber } from './owned-bits.js';
import { WaitableFd, type WaitOptions } from './waitable.js';

/** Room for some hundred events; one of the longest name takes 272 bytes. */
const READ_BYTES = 16_384;

export interface InotifyOptions {
  /** False for reads through a ring that wait in the kernel; `read` then blocks. Default true. */
  nonblocking?: boolean;
}

export interface InotifyWatchOptions {
  /** Fails with ENOTDIR unless it is a folder. Default false. */
  onlyDirectory?: boolean;
  /** Watches a symbolic link itself. Default true: what it points to. */
  follow?: boolean;
  /** Leaves out what happens to files that are deleted and still open. Default false. */
  excludeUnlinked?: boolean;
  /** Ends after one event. Default false. */
  oneshot?: boolean;
}

/** One watched file or folder. */
export class InotifyWatch {
  /** As it was given to `addWatch`; it does not follow renames. */
  readonly path: string;
  /** The kernel's number of it, within its inotify. */
  readonly number: number;
  /** @internal */
  ended = false;
  readonly #remove: () => void;

  /** @internal */
  constructor(path: string, number: number, remove: () => void) {
    this.path = path;
    this.number = number;
    this.#remove = remove;
  }

  /** False once it has been removed, or has ended because its file is gone. */
  get active(): boolean {
    return !this.ended;
  }

  /** Ends the watch. Events that wait to be read still come, and an 'ignored' after them. */
  remove(): void {
    if (!this.ended) this.#remove();
  }
}

/** The file or folder that an event is about. */
export interface InotifyPlace {
  /** Undefined for an overflow, and for a watch of which the end has been read. */
  readonly watch: InotifyWatch | undefined;
  /** Within the watched folder; undefined when it is about what is watched itself. */
  readonly name: string | undefined;
  /** The same as the kernel has it, for names that are not UTF-8. */
  readonly nameBytes: Uint8Array;
  /** The watch's path, and the name after it. */
  readonly path: string | undefined;
}

export interface InotifyEvent extends InotifyPlace {
  readonly type: InotifyEventType;
  readonly directory: boolean;
  /** Common to the two halves of a rename; otherwise 0. */
  readonly cookie: number;
  /** Of a 'rename': what it was called before. */
  readonly from: InotifyPlace | undefined;
  /** The kernel's own bits. */
  readonly mask: number;
}

/**
 * Watches files and folders, not what is in folders below.
 *
 * A rename within what is watched comes as one 'rename', where both 'movedFrom' and 'movedTo' are
 * asked for; one that leaves it as 'movedFrom', one that enters it as 'movedTo'.
 *
 * @man inotify(7)
 */
export class Inotify extends WaitableFd implements AsyncIterable<InotifyEvent> {
  readonly #bytes = new Uint8Array(READ_BYTES);
  readonly #watches = new Map<number, InotifyWatch>();
  /** Read, and not iterated yet. */
  #queued: InotifyEvent[] = [];

  /**
   * @errno EMFILE fs.inotify.max_user_instances, or the limit of descriptors, is reached
   * @kernel 2.6.27
   * @man inotify_init1(2)
   */
  static open(options: InotifyOptions = {}): Inotify {
    onlyKeys('options', options, ['nonblocking']);
    const nonblocking = boolean('nonblocking', options.nonblocking ?? true);
    const flags = IN_CLOEXEC | (nonblocking ? IN_NONBLOCK : 0);
    return new Inotify(check(native.inotifyInit1(flags), 'inotify_init1'));
  }

  /** Takes ownership of an inotify that came from elsewhere; its watches have no objects here. */
  static override adopt(fd: number): Inotify {
    return new Inotify(adoptedNumber(fd));
  }

  /** What is watched now. */
  get watches(): readonly InotifyWatch[] {
    return [...this.#watches.values()].filter((watch) => watch.active);
  }

  /**
   * Watches `path` for `events`.
   *
   * @errno ENOENT there is nothing at `path`
   * @errno EEXIST what is there is watched already
   * @errno ENOSPC fs.inotify.max_user_watches is reached
   * @man inotify_add_watch(2)
   */
  addWatch(
    path: PathLike,
    events: readonly InotifyEventName[],
    options: InotifyWatchOptions = {},
  ): InotifyWatch {
    onlyKeys('options', options, ['onlyDirectory', 'follow', 'excludeUnlinked', 'oneshot']);
    const bytes = pathBytes('path', path);
    const shown = shownPath(path);
    let mask = eventMask(events, INOTIFY_EVENTS) | IN_MASK_CREATE;
    if (boolean('onlyDirectory', options.onlyDirectory ?? false)) mask |= IN_ONLYDIR;
    if (!boolean('follow', options.follow ?? true)) mask |= IN_DONT_FOLLOW;
    if (boolean('excludeUnlinked', options.excludeUnlinked ?? false)) mask |= IN_EXCL_UNLINK;
    if (boolean('oneshot', options.oneshot ?? false)) mask |= IN_ONESHOT;
    const fd = this.openFd();
    const result = native.inotifyAddWatch(fd, bytes, mask >>> 0);
    const number = check(result, 'inotify_add_watch', { path: shown });
    const watch = new InotifyWatch(shown, number, () => this.#remove(watch));
    this.#watches.set(number, watch);
    return watch;
  }

  /** What has happened since the last read, in order; undefined when nothing has. */
  read(): readonly InotifyEvent[] | undefined {
    const queued = this.#queued;
    if (queued.length === 0) return this.#readAll();
    this.#queued = [];
    return queued;
  }

  /** Resolves with what `read` answers once something has happened. */
  wait(options: WaitOptions = {}): Promise<readonly InotifyEvent[]> {
    return this.waitFor(() => this.read(), options);
  }

  /** One event after the other; ends when it is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<InotifyEvent> {
    return this.each(() => {
      if (this.#queued.length === 0) this.#queued = this.#readAll() ?? [];
      return this.#queued.shift();
    });
  }

  #readAll(): InotifyEvent[] | undefined {
    const records = this.#readOnce();
    const last = records.at(-1);
    if (last === undefined) return undefined;
    // The kernel queues both halves of a rename together, but a read may end between them.
    if (last.mask & IN_MOVED_FROM) records.push(...this.#readOnce());
    return this.#paired(records);
  }

  #readOnce(): RawInotifyEvent[] {
    const fd = this.openFd();
    const result = native.read(fd, this.#bytes);
    if (result === -EAGAIN) return [];
    check(result, 'read', { fd });
    return parseInotify(this.#bytes.subarray(0, result));
  }

  #paired(records: readonly RawInotifyEvent[]): InotifyEvent[] {
    const events: InotifyEvent[] = [];
    const halves = new Map<number, number>();
    for (const record of records) {
      const event = this.#event(record);
      if (record.mask & IN_MOVED_FROM) halves.set(record.cookie, events.length);
      const half = record.mask & IN_MOVED_TO ? halves.get(record.cookie) : undefined;
      if (half === undefined) events.push(event);
      else {
        const { watch, name, nameBytes, path } = events[half] as InotifyEvent;
        events[half] = { ...event, type: 'rename', from: { watch, name, nameBytes, path } };
        halves.delete(record.cookie);
      }
    }
    return events;
  }

  #event({ watch: number, mask, cookie, name: nameBytes }: RawInotifyEvent): InotifyEvent {
    const watch = this.#watches.get(number);
    if (mask & IN_IGNORED && watch !== undefined) {
      watch.ended = true;
      this.#watches.delete(number);
    }
    const name = nameBytes.length === 0 ? undefined : Buffer.from(nameBytes).toString();
    const path = name === undefined ? watch?.path : watch && `${watch.path}/${name}`;
    const type = typeOf(mask);
    const directory = isFolder(mask);
    return { type, watch, name, nameBytes, path, directory, cookie, from: undefined, mask };
  }

  #remove(watch: InotifyWatch): void {
    const fd = this.openFd();
    check(native.inotifyRmWatch(fd, watch.number), 'inotify_rm_watch', { path: watch.path });
    // It stays known by its number until the 'ignored' that follows has been read.
    watch.ended = true;
  }
}
