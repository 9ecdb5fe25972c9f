/** Asks for a file's facts. */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  IORING_OP_STATX,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_DIOALIGN,
} from '../../abi.js';
import { Descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { boolean } from '../../validate.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import { type PathLike, pathBytes, shownPath } from './path.js';

/** `struct statx`. */
const STATX_BYTES = 256;

/**
 * Facts about a file. Sizes and counts above 2^53 are rounded; times are milliseconds since 1970.
 */
export interface FileStatus {
  readonly mode: number;
  readonly size: number;
  readonly blocks: number;
  readonly blockSize: number;
  readonly inode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly mountId: number;
  readonly atimeMs: number;
  readonly btimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /**
   * What direct I/O must be aligned to, in memory and in the file; 0 where unknown or impossible.
   */
  readonly directMemoryAlignment: number;
  readonly directOffsetAlignment: number;
}

const STATX = kind<FileStatus>({
  name: 'statx',
  code: IORING_OP_STATX,
  since: '5.6',
  inWorker: true,
  decode: (_result, _flags, _operation, block) => statusFrom(block as Block),
});

export interface StatxOptions extends CommonOptions {
  /** Answer for a symbolic link itself. Default false. */
  noFollow?: boolean;
}

/**
 * Facts about a path or an open descriptor.
 *
 * @kernel 5.6 IORING_OP_STATX; alignments from 6.1
 * @man statx(2)
 */
export function statx(
  target: PathLike | FdLike,
  options: StatxOptions = {},
): Operation<FileStatus> {
  const open = target instanceof Descriptor ? plainDescriptor('target', target) : undefined;
  const operation = new Operation(STATX, open).common(options, 'noFollow');
  const path = open === undefined ? pathBytes('target', target) : new Uint8Array(1);
  if (open === undefined) {
    operation.fd = AT_FDCWD;
    operation.about = { path: shownPath(target as PathLike) };
  } else operation.operationFlags |= AT_EMPTY_PATH;
  if (boolean('noFollow', options.noFollow ?? false))
    operation.operationFlags |= AT_SYMLINK_NOFOLLOW;
  // The answer comes first, since it is the part with an alignment.
  return operation.arguments(STATX_BYTES + path.length, (self, block) => {
    block.bytes.set(path, STATX_BYTES);
    const low = (block.addressLow >>> 0) + STATX_BYTES;
    self.addressLow = low | 0;
    self.addressHigh = block.addressHigh + highWord(low);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
    self.length = STATX_BASIC_STATS | STATX_BTIME | STATX_DIOALIGN;
  });
}

function statusFrom({ bytes }: Block): FileStatus {
  const view = new DataView(bytes.buffer, bytes.byteOffset, STATX_BYTES);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): number => Number(view.getBigUint64(offset, true));
  // `struct statx_timestamp`: seconds, nanoseconds.
  const time = (offset: number): number =>
    Number(view.getBigInt64(offset, true)) * 1000 + u32(offset + 8) / 1e6;
  return {
    mode: view.getUint16(28, true),
    size: u64(40),
    blocks: u64(48),
    blockSize: u32(4),
    inode: u64(32),
    links: u32(16),
    uid: u32(20),
    gid: u32(24),
    deviceMajor: u32(136),
    deviceMinor: u32(140),
    mountId: u64(144),
    atimeMs: time(64),
    btimeMs: time(80),
    ctimeMs: time(96),
    mtimeMs: time(112),
    directMemoryAlignment: u32(152),
    directOffsetAlignment: u32(156),
  };
}
