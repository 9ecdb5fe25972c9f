/**
 * Plain reads and writes, without a ring: read(2), pread(2), preadv2(2) and their other halves.
 * They block the thread where the descriptor does.
 */
import {
  EAGAIN,
  RWF_APPEND,
  RWF_ATOMIC,
  RWF_DONTCACHE,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, bytesView, integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import { type FdLike, plainDescriptor } from './fd.js';

const VECTOR_MAX = 1024;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/**
 * Reads at the file's own position; 0 at the end, undefined where it would have to wait (EAGAIN).
 *
 * @man read(2)
 */
export function read(fd: FdLike, target: ArrayBufferView): number | undefined {
  const { fd: number } = plainDescriptor('fd', fd);
  return unlessAgain(native.read(number, bytesOf('target', target)), 'read', number);
}

/**
 * Writes at the file's own position; undefined where it would have to wait (EAGAIN).
 *
 * @man write(2)
 */
export function write(fd: FdLike, source: ArrayBufferView): number | undefined {
  const { fd: number } = plainDescriptor('fd', fd);
  return unlessAgain(native.write(number, bytesOf('source', source)), 'write', number);
}

/**
 * Reads at `offset`, and leaves the file's own position where it is.
 *
 * @man pread(2)
 */
export function pread(fd: FdLike, target: ArrayBufferView, offset: number): number {
  const { fd: number } = plainDescriptor('fd', fd);
  const from = integer('offset', offset, 0, OFFSET_MAX);
  return check(native.pread(number, bytesOf('target', target), from), 'pread', { fd: number });
}

/**
 * Writes at `offset`, and leaves the file's own position where it is.
 *
 * @man pwrite(2)
 */
export function pwrite(fd: FdLike, source: ArrayBufferView, offset: number): number {
  const { fd: number } = plainDescriptor('fd', fd);
  const to = integer('offset', offset, 0, OFFSET_MAX);
  return check(native.pwrite(number, bytesOf('source', source), to), 'pwrite', { fd: number });
}

const READ_FLAGS = { hipri: RWF_HIPRI, nowait: RWF_NOWAIT, dontcache: RWF_DONTCACHE } as const;
const WRITE_FLAGS = {
  ...READ_FLAGS,
  dsync: RWF_DSYNC,
  sync: RWF_SYNC,
  append: RWF_APPEND,
  noappend: RWF_NOAPPEND,
  atomic: RWF_ATOMIC,
} as const;

export interface PreadvOptions {
  /** Default: the file's own position, which moves. */
  offset?: number;
  /** Polls the device, on files opened for direct I/O. */
  hipri?: boolean;
  /** Answers undefined where it would have to wait for the device (4.14). */
  nowait?: boolean;
  /** Leaves nothing in the page cache (6.14). */
  dontcache?: boolean;
}

export interface PwritevOptions extends PreadvOptions {
  /** As if the file were open with O_DSYNC, for this write. */
  dsync?: boolean;
  /** As if the file were open with O_SYNC, for this write. */
  sync?: boolean;
  /** At the end of the file, wherever `offset` is (4.16). */
  append?: boolean;
  /** At `offset`, although the file is open to append (6.9). */
  noappend?: boolean;
  /** All or nothing after a power failure, on devices that can (6.11). */
  atomic?: boolean;
}

/**
 * Reads into several views, one after the other. 0 at the end of the file, undefined where it would
 * have to wait.
 *
 * @errno EOPNOTSUPP the file, or this kernel, does not do what a flag asks for
 * @kernel 4.6
 * @man preadv2(2)
 */
export function preadv2(
  fd: FdLike,
  targets: readonly ArrayBufferView[],
  options: PreadvOptions = {},
): number | undefined {
  const { fd: number } = plainDescriptor('fd', fd);
  const flags = flagsOf(options, READ_FLAGS);
  const offset = offsetOf(options);
  const views = viewsOf('targets', targets);
  return unlessAgain(native.preadv2(number, views, offset, flags), 'preadv2', number);
}

/**
 * Writes several views, one after the other; undefined where it would have to wait.
 *
 * @errno EOPNOTSUPP the file, or this kernel, does not do what a flag asks for
 * @kernel 4.6
 * @man pwritev2(2)
 */
export function pwritev2(
  fd: FdLike,
  sources: readonly ArrayBufferView[],
  options: PwritevOptions = {},
): number | undefined {
  const { fd: number } = plainDescriptor('fd', fd);
  const flags = flagsOf(options, WRITE_FLAGS);
  const offset = offsetOf(options);
  const views = viewsOf('sources', sources);
  return unlessAgain(native.pwritev2(number, views, offset, flags), 'pwritev2', number);
}

function unlessAgain(result: number, syscall: string, fd: number): number | undefined {
  return result === -EAGAIN ? undefined : check(result, syscall, { fd });
}

/** An empty view may have no address that a call could take. */
function bytesOf(name: string, value: unknown): ArrayBufferView {
  const view = bytesView(name, value);
  if (view.byteLength > 0) return view;
  throw invalidValue(name, 'must not be empty', value);
}

function viewsOf(name: string, views: unknown): ArrayBufferView[] {
  if (!Array.isArray(views)) throw invalidType(name, 'an array of views', views);
  if (views.length < 1 || views.length > VECTOR_MAX) {
    throw invalidValue(name, `must have 1 to ${VECTOR_MAX} views`, views);
  }
  return views.map((view, index) => bytesView(`${name}[${index}]`, view));
}

function offsetOf(options: PreadvOptions): number {
  return options.offset === undefined ? -1 : integer('offset', options.offset, 0, OFFSET_MAX);
}

function flagsOf(options: object, table: Readonly<Record<string, number>>): number {
  onlyKeys('options', options, ['offset', ...Object.keys(table)]);
  let flags = 0;
  for (const [name, bit] of Object.entries(table)) {
    if (boolean(name, Reflect.get(options, name) ?? false)) flags |= bit;
  }
  return flags;
}
