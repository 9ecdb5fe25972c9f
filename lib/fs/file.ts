/** An open file: reads, writes and what else is done to it, each as a promise. */
import { EINVAL } from '../abi.js';
import { SystemError, systemError } from '../errors.js';
import type { DirectFd } from '../fd/fd.js';
import { asFd, type BorrowedFd, OwnedFd } from '../fd/fd.js';
import { type LockOptions, type LockRange, lock, tryLock, unlock } from '../fd/locks.js';
import type { WaitOptions } from '../fd/waitable.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { ADVICE_NAMES, ALLOCATE_FLAGS, type FileAdvice } from '../ring/ops/file-bits.js';
import type { FileStatus } from '../ring/ops/file-status.js';
import { bytesView, integer, invalidType, invalidValue } from '../validate.js';
import type { AllocateOptions, FileCalls, Signal } from './calls.js';
import { calls, fileRing } from './choose.js';
import { type Alignment, alignmentOf, requireAligned } from './direct.js';
import { type About, about } from './failure.js';
import {
  type FileOpenOptions,
  type OpenLetters,
  openPlan,
  type SignalOptions,
  signalOf,
} from './options.js';

const OFFSET_MAX = Number.MAX_SAFE_INTEGER;
const VIEWS_MAX = 1024;
export interface OffsetOptions extends SignalOptions {
  /** Bytes from the start of the file. Default: the file's own position, which moves. */
  offset?: number;
}

export interface AdviseOptions extends SignalOptions {
  /** Bytes from the start of the file. Default 0. */
  offset?: number;
  /** Bytes. Default 0: to the end. */
  length?: number;
}

/**
 * A file that is open. Disposing of it closes it; so does the end of the thread.
 *
 * A call in flight when it is closed fails with ECANCELED (over io_uring), or is carried out (on a
 * helper thread); its number is nobody else's meanwhile.
 */
export class File implements AsyncDisposable, Disposable {
  readonly fd: OwnedFd;
  readonly path: string;
  /** Opened with O_DIRECT: past the page cache. */
  readonly direct: boolean;
  /** What direct I/O has to be aligned to. */
  readonly alignment: Alignment | undefined;
  readonly #calls: FileCalls;
  #slot: DirectFd | undefined = undefined;
  #registration: Disposable | undefined = undefined;

  /** @internal */
  constructor(fd: OwnedFd, path: string, direct: boolean, alignment: Alignment | undefined) {
    this.fd = fd;
    this.path = path;
    this.direct = direct;
    this.alignment = alignment;
    this.#calls = calls();
  }

  get closed(): boolean {
    return this.fd.closed;
  }

  /** @internal The file in a slot of the ring's table, for operations by the thousand. */
  registered(): DirectFd | undefined {
    if (this.#slot !== undefined && !this.#slot.closed) return this.#slot;
    const ring = fileRing();
    if (ring === undefined) return undefined;
    try {
      const registered = ring.registerFiles([this.fd]);
      this.#registration = registered;
      this.#slot = registered.files[0];
    } catch (error) {
      // The table is full, or RLIMIT_NOFILE leaves no room for one: the number does as well.
      if (!(error instanceof RangeError) && !SystemError.is(error)) throw error;
    }
    return this.#slot;
  }

  #about(syscall: string): About {
    if (this.closed) throw closedFile();
    return { syscall, fd: this.fd.fd, facts: { direct: this.direct } };
  }

  #place(options: OffsetOptions): { offset: number; signal: Signal } {
    const signal = signalOf(options, 'offset');
    const { offset } = options;
    if (offset === undefined) return { offset: -1, signal };
    return { offset: integer('offset', offset, 0, OFFSET_MAX), signal };
  }

  /**
   * Reads into `target`; resolves with the bytes read, 0 at the end.
   *
   * @errno EINVAL a `direct` file wants offset, length and address aligned: see `alignment`
   * @errno EISDIR it is a directory
   * @kernel 5.6 IORING_OP_READ
   * @man pread(2)
   */
  read(target: ArrayBufferView, options: OffsetOptions = {}): Promise<number> {
    const { offset, signal } = this.#place(options);
    bytesView('target', target);
    const what = this.#about('read');
    if (this.alignment !== undefined) requireAligned('target', target, offset, this.alignment);
    return about(this.#calls.read(this.fd, target, offset, signal), what);
  }

  /**
   * Writes `source`; resolves with the bytes written, which may be fewer. `writeAll` goes on.
   *
   * @errno ENOSPC there is no room
   * @kernel 5.6 IORING_OP_WRITE
   * @man pwrite(2)
   */
  write(source: ArrayBufferView, options: OffsetOptions = {}): Promise<number> {
    const { offset, signal } = this.#place(options);
    bytesView('source', source);
    const what = this.#about('write');
    if (this.alignment !== undefined) requireAligned('source', source, offset, this.alignment);
    return about(this.#calls.write(this.fd, source, offset, signal), what);
  }

  /** Writes all of `source`, in as many writes as that takes. */
  async writeAll(source: Uint8Array, options: OffsetOptions = {}): Promise<void> {
    for (let done = 0; done < source.byteLength; ) {
      const place = options.offset === undefined ? options : shifted(options, done);
      const count = await this.write(source.subarray(done), place);
      if (count === 0) throw systemError(-EINVAL, 'write', { fd: this.fd.fd });
      done += count;
    }
  }

  /**
   * Reads into several views, one after the other.
   *
   * @kernel 5.1 IORING_OP_READV
   * @man preadv2(2)
   */
  readv(targets: readonly ArrayBufferView[], options: OffsetOptions = {}): Promise<number> {
    const { offset, signal } = this.#place(options);
    checkViews('targets', targets);
    const what = this.#about('readv');
    return about(this.#calls.readv(this.fd, targets, offset, signal), what);
  }

  /**
   * Writes several views, one after the other.
   *
   * @kernel 5.1 IORING_OP_WRITEV
   * @man pwritev2(2)
   */
  writev(sources: readonly ArrayBufferView[], options: OffsetOptions = {}): Promise<number> {
    const { offset, signal } = this.#place(options);
    checkViews('sources', sources);
    const what = this.#about('writev');
    return about(this.#calls.writev(this.fd, sources, offset, signal), what);
  }

  /** @man statx(2) */
  stat(options: SignalOptions = {}): Promise<FileStatus> {
    const signal = signalOf(options);
    return about(this.#calls.statx(this.fd, false, signal), this.#about('fstat'));
  }

  /** Makes it `length` bytes long. @man ftruncate(2) */
  truncate(length = 0, options: SignalOptions = {}): Promise<void> {
    const signal = signalOf(options);
    const size = integer('length', length, 0, OFFSET_MAX);
    return about(this.#calls.ftruncate(this.fd, size, signal), this.#about('ftruncate'));
  }

  /**
   * Makes sure that `length` bytes from `offset` have room, or what the options say instead.
   *
   * @errno ENOSPC there is no room
   * @errno EOPNOTSUPP the file system cannot do it
   * @man fallocate(2)
   */
  allocate(
    offset: number,
    length: number,
    options: AllocateOptions & SignalOptions = {},
  ): Promise<void> {
    const { signal: _signal, ...own } = options;
    const signal = signalOf(options, ...Object.keys(ALLOCATE_FLAGS));
    integer('offset', offset, 0, OFFSET_MAX);
    integer('length', length, 1, OFFSET_MAX);
    const what = this.#about('fallocate');
    return about(this.#calls.fallocate(this.fd, offset, length, own, signal), what);
  }

  /** Waits until data and metadata are durable. @man fsync(2) */
  sync(options: SignalOptions = {}): Promise<void> {
    const signal = signalOf(options);
    return about(this.#calls.fsync(this.fd, false, signal), this.#about('fsync'));
  }

  /**
   * Waits until the data is durable, and as much metadata as reading it needs.
   *
   * @man fdatasync(2)
   */
  datasync(options: SignalOptions = {}): Promise<void> {
    const signal = signalOf(options);
    return about(this.#calls.fsync(this.fd, true, signal), this.#about('fdatasync'));
  }

  /** Tells the kernel how it will be read. @man posix_fadvise(2) */
  advise(advice: FileAdvice, options: AdviseOptions = {}): Promise<void> {
    const signal = signalOf(options, 'offset', 'length');
    if (!ADVICE_NAMES.includes(advice)) {
      throw invalidValue('advice', `must be one of ${ADVICE_NAMES.join(', ')}`, advice);
    }
    const offset = integer('offset', options.offset ?? 0, 0, OFFSET_MAX);
    const length = integer('length', options.length ?? 0, 0, OFFSET_MAX);
    const what = this.#about('fadvise');
    return about(this.#calls.fadvise(this.fd, advice, offset, length, signal), what);
  }

  /** Waits for a lock of its bytes (open file description locks). @man fcntl(2) */
  lock(options: LockOptions & WaitOptions = {}): Promise<void> {
    this.#about('fcntl');
    return lock(this.fd, options);
  }

  /** As `lock`, at once or not at all. */
  tryLock(options: LockOptions = {}): boolean {
    this.#about('fcntl');
    return tryLock(this.fd, options);
  }

  unlock(range: LockRange = {}): void {
    this.#about('fcntl');
    unlock(this.fd, range);
  }

  /** Closes it; a second call does nothing. */
  close(): void {
    this.#registration?.[Symbol.dispose]();
    this.#registration = undefined;
    this.fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function shifted(options: OffsetOptions, by: number): OffsetOptions {
  return { ...options, offset: (options.offset ?? 0) + by };
}

function closedFile(): TypeError {
  return Object.assign(new TypeError('the file has been closed'), { code: 'ERR_INVALID_STATE' });
}

function checkViews(name: string, views: unknown): void {
  if (!Array.isArray(views)) throw invalidType(name, 'an array of views', views);
  if (views.length < 1 || views.length > VIEWS_MAX) {
    throw invalidValue(name, `must have 1 to ${VIEWS_MAX} views`, views);
  }
  for (const [index, view] of views.entries()) bytesView(`${name}[${index}]`, view);
}

/**
 * Opens a file: with Node's letters ('r', 'w+', 'ax' ...) or with options.
 *
 * @errno ENOENT there is no such file, and `create` was not asked for
 * @errno EINVAL the file system has no O_DIRECT, and `direct` was asked for
 * @errno EMFILE the limit of descriptors is reached
 * @kernel 5.6 IORING_OP_OPENAT
 * @man openat(2)
 */
export async function open(
  path: PathLike,
  how: OpenLetters | FileOpenOptions = 'r',
): Promise<File> {
  pathBytes('path', path);
  const { flags, mode, direct, signal } = openPlan(how);
  const shown = shownPath(path);
  const now = calls();
  const opening = now.open(path, flags, mode, signal);
  const fd = await about(opening, { syscall: 'open', path: shown, facts: { direct } });
  try {
    return new File(fd, shown, direct, direct ? await alignmentOf(fd, now) : undefined);
  } catch (error) {
    fd.close();
    throw error;
  }
}

/** Makes a `File` of a descriptor, which it owns from now on. */
export function adopt(fd: OwnedFd, path = ''): File {
  if (!(fd instanceof OwnedFd) || fd.closed) throw invalidType('fd', 'an open OwnedFd', fd);
  return new File(fd, path, false, undefined);
}

/** @internal The file's number for calls that neither close nor keep it. */
export function borrowed(file: File): BorrowedFd {
  return asFd(file.fd.fd);
}
