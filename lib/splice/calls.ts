/**
 * Bytes from descriptor to descriptor, as plain calls: sendfile(2), splice(2), tee(2), vmsplice(2)
 * and copy_file_range(2). Each waits where its descriptors do, and for the disk where a file is not
 * in the page cache.
 */
import {
  EAGAIN,
  F_GETFL,
  O_ACCMODE,
  O_RDONLY,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import { boolean, bytesView, integer, invalidType, invalidValue, onlyKeys } from '../validate.js';

const LENGTH_MAX = Number.MAX_SAFE_INTEGER;
const VIEWS_MAX = 1024;

export interface SendfileOptions {
  /** Bytes from the start of the source. Default: its own position, which moves. */
  offset?: number;
}

export interface TeeOptions {
  /** Does not wait for the pipes (SPLICE_F_NONBLOCK). Default false. */
  nonblock?: boolean;
}

export interface SpliceOptions extends TeeOptions {
  /** Bytes from the start of the source. Default: its own position, as a pipe needs. */
  sourceOffset?: number;
  /** Bytes from the start of the target. Default: its own position, as a pipe needs. */
  targetOffset?: number;
  /** Moves pages where that can be done (SPLICE_F_MOVE). Default false. */
  move?: boolean;
  /** More follows at once, which a socket waits for (SPLICE_F_MORE). Default false. */
  more?: boolean;
}

export interface CopyRangeOptions {
  /** Bytes from the start of the source. Default: its own position, which moves. */
  sourceOffset?: number;
  /** Bytes from the start of the target. Default: its own position, which moves. */
  targetOffset?: number;
}

/** As the calls want them; made by the functions below. */
export interface SplicePlan {
  readonly sourceOffset: number;
  readonly targetOffset: number;
  readonly flags: number;
}

/**
 * Moves up to `length` bytes of the file `source` to `target`: what was moved, 0 at the end of the
 * file, undefined where `target` has no room (EAGAIN). One call moves at most 2 GiB less a page.
 *
 * @errno EINVAL `source` cannot be read through the page cache, or `target` is open to append
 * @errno EPIPE nobody reads at the other end
 * @kernel 2.6.33 for targets other than sockets
 * @man sendfile(2)
 */
export function sendfileSync(
  target: FdLike,
  source: FdLike,
  length: number,
  options: SendfileOptions = {},
): number | undefined {
  const { fd } = plainDescriptor('target', target);
  const { fd: from } = plainDescriptor('source', source);
  const offset = sendfileOffset(options);
  return unlessAgain(native.sendfile(fd, from, offset, byteCount(length)), 'sendfile', fd);
}

/**
 * Moves up to `length` bytes from `source` to `target`, one of which is a pipe: what was moved, 0
 * at the end of `source`, undefined where it would have to wait (EAGAIN).
 *
 * @errno EINVAL neither is a pipe, or one of them cannot be spliced
 * @errno ESPIPE an offset was given for a pipe
 * @kernel 2.6.17, 2.6.31 from pipe to pipe
 * @man splice(2)
 */
export function spliceSync(
  source: FdLike,
  target: FdLike,
  length: number,
  options: SpliceOptions = {},
): number | undefined {
  const { fd: from } = plainDescriptor('source', source);
  const { fd: to } = plainDescriptor('target', target);
  const { sourceOffset, targetOffset, flags } = splicePlan(options, 'nonblock');
  const bytes = byteCount(length);
  const moved = native.splice(from, sourceOffset, to, targetOffset, bytes, flags);
  return unlessAgain(moved, 'splice', from);
}

/**
 * Copies up to `length` bytes from one pipe to another and leaves them in the first: what was
 * copied, 0 where nobody will write any more, undefined where it would have to wait (EAGAIN).
 *
 * @errno EINVAL one of them is not a pipe, or both are the same
 * @kernel 2.6.17
 * @man tee(2)
 */
export function teeSync(
  source: FdLike,
  target: FdLike,
  length: number,
  options: TeeOptions = {},
): number | undefined {
  const { fd: from } = plainDescriptor('source', source);
  const { fd: to } = plainDescriptor('target', target);
  const flags = teeFlags(options, 'nonblock');
  return unlessAgain(native.tee(from, to, byteCount(length), flags), 'tee', from);
}

/**
 * Puts the pages of `views` into a pipe, or with `views` of a pipe's read end fills them: what was
 * moved, undefined where it would have to wait (EAGAIN).
 *
 * Into a pipe the views must be of a `Mapping`: the pipe shows its pages, not a copy, so what is
 * written there before they are read is what the reader gets. They live until they were read,
 * whatever becomes of the mapping.
 *
 * @errno EBADF `pipe` is not one
 * @kernel 2.6.17
 * @man vmsplice(2)
 */
export function vmspliceSync(
  pipe: FdLike,
  views: readonly ArrayBufferView[],
  options: TeeOptions = {},
): number | undefined {
  const { fd } = plainDescriptor('pipe', pipe);
  const flags = teeFlags(options, 'nonblock');
  return unlessAgain(vmspliceNow(fd, isReadEnd(fd), views, flags), 'vmsplice', fd);
}

/**
 * Copies up to `length` bytes from file to file, by sharing blocks where the file system can: what
 * was copied, 0 at the end of the source. One call copies at most 2 GiB less a page.
 *
 * @errno EXDEV they are on two file systems, and the kernel is older than 5.3 or these two cannot
 * @errno EINVAL the ranges of one file overlap, or one of them is no file
 * @kernel 4.5
 * @man copy_file_range(2)
 */
export function copyFileRangeSync(
  source: FdLike,
  target: FdLike,
  length: number,
  options: CopyRangeOptions = {},
): number {
  const { fd: from } = plainDescriptor('source', source);
  const { fd: to } = plainDescriptor('target', target);
  const { sourceOffset, targetOffset } = copyPlan(options);
  const bytes = byteCount(length);
  const copied = native.copyFileRange(from, sourceOffset, to, targetOffset, bytes);
  return check(copied, 'copy_file_range', { fd: from });
}

/** What one call moves at most. */
export function byteCount(length: unknown): number {
  return Math.min(integer('length', length, 0, LENGTH_MAX), 0x7ffff000);
}

/** Here and below, `more` are names of options that the caller looks at. */
export function sendfileOffset(options: SendfileOptions, ...more: string[]): number {
  onlyKeys('options', options, ['offset', ...more]);
  return offsetOf('offset', options.offset);
}

export function splicePlan(options: SpliceOptions, ...more: string[]): SplicePlan {
  onlyKeys('options', options, ['sourceOffset', 'targetOffset', 'move', 'more', ...more]);
  const { nonblock = false, move = false, more: follows = false } = options;
  const flags =
    (boolean('nonblock', nonblock) ? SPLICE_F_NONBLOCK : 0) |
    (boolean('move', move) ? SPLICE_F_MOVE : 0) |
    (boolean('more', follows) ? SPLICE_F_MORE : 0);
  return { ...offsetsOf(options), flags };
}

export function copyPlan(options: CopyRangeOptions, ...more: string[]): Omit<SplicePlan, 'flags'> {
  onlyKeys('options', options, ['sourceOffset', 'targetOffset', ...more]);
  return offsetsOf(options);
}

export function teeFlags(options: TeeOptions, ...more: string[]): number {
  onlyKeys('options', options, more);
  return boolean('nonblock', options.nonblock ?? false) ? SPLICE_F_NONBLOCK : 0;
}

function offsetsOf(options: CopyRangeOptions): Omit<SplicePlan, 'flags'> {
  return {
    sourceOffset: offsetOf('sourceOffset', options.sourceOffset),
    targetOffset: offsetOf('targetOffset', options.targetOffset),
  };
}

function offsetOf(name: string, offset: number | undefined): number {
  return offset === undefined ? -1 : integer(name, offset, 0, LENGTH_MAX);
}

/** Of a read end vmsplice copies to memory, at once: that may be anybody's. */
export function isReadEnd(fd: number): boolean {
  return (check(native.fcntl(fd, F_GETFL, 0), 'fcntl', { fd }) & O_ACCMODE) === O_RDONLY;
}

/** vmsplice(2), the views being looked at first; answers bytes or `-errno`. */
export function vmspliceNow(
  fd: number,
  readEnd: boolean,
  views: readonly ArrayBufferView[],
  flags: number,
): number {
  return native.vmsplice(fd, checkViews(views, readEnd), flags);
}

function checkViews(views: unknown, into: boolean): ArrayBufferView[] {
  if (!Array.isArray(views)) throw invalidType('views', 'an array of views', views);
  if (views.length < 1 || views.length > VIEWS_MAX) {
    throw invalidValue('views', `must have 1 to ${VIEWS_MAX} views`, views);
  }
  return views.map((view, index) => {
    const checked = bytesView(`views[${index}]`, view);
    if (checked.byteLength === 0) throw invalidValue(`views[${index}]`, 'must not be empty', view);
    if (into || Mapping.of(checked) !== undefined) return checked;
    throw invalidValue(`views[${index}]`, 'must be of a Mapping: the pipe shows its pages', view);
  });
}

function unlessAgain(result: number, syscall: string, fd: number): number | undefined {
  return result === -EAGAIN ? undefined : check(result, syscall, { fd });
}
