/** Asks for a file's facts. */
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_STATX_FORCE_SYNC,
  AT_STATX_SYNC_AS_STAT,
  AT_SYMLINK_NOFOLLOW,
  IORING_OP_STATX,
  STATX_ATIME,
  STATX_BASIC_STATS,
  STATX_BLOCKS,
  STATX_BTIME,
  STATX_CTIME,
  STATX_DIO_READ_ALIGN,
  STATX_DIOALIGN,
  STATX_GID,
  STATX_INO,
  STATX_MNT_ID,
  STATX_MODE,
  STATX_MTIME,
  STATX_NLINK,
  STATX_SIZE,
  STATX_SUBVOL,
  STATX_TYPE,
  STATX_UID,
  STATX_WRITE_ATOMIC,
} from '../../abi.js';
import { Descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { invalidValue, oneOf } from '../../validate.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import { type FileStatus, STATX_BYTES, statusFrom } from './file-status.js';
import { flagBits } from './flags.js';
import { type DirectoryOptions, inDirectory, type PathLike, pathBytes, shownPath } from './path.js';

const STATX = kind<FileStatus>({
  name: 'statx',
  code: IORING_OP_STATX,
  since: '5.6',
  inWorker: true,
  decode: (_result, _flags, _operation, block) => statusFrom((block as Block).bytes),
});

const FLAGS = { noFollow: AT_SYMLINK_NOFOLLOW, noAutomount: AT_NO_AUTOMOUNT } as const;
const SYNC = {
  asStat: AT_STATX_SYNC_AS_STAT,
  force: AT_STATX_FORCE_SYNC,
  dont: AT_STATX_DONT_SYNC,
} as const;
/** What can be asked for, by the kernel's names without STATX_. */
const MASK = {
  type: STATX_TYPE,
  mode: STATX_MODE,
  nlink: STATX_NLINK,
  uid: STATX_UID,
  gid: STATX_GID,
  atime: STATX_ATIME,
  mtime: STATX_MTIME,
  ctime: STATX_CTIME,
  ino: STATX_INO,
  size: STATX_SIZE,
  blocks: STATX_BLOCKS,
  basic: STATX_BASIC_STATS,
  btime: STATX_BTIME,
  mntId: STATX_MNT_ID,
  dioalign: STATX_DIOALIGN,
  subvol: STATX_SUBVOL,
  writeAtomic: STATX_WRITE_ATOMIC,
  dioReadAlign: STATX_DIO_READ_ALIGN,
} as const;

const ALL = Object.values(MASK).reduce((mask, bit) => mask | bit, 0);

export type StatxField = keyof typeof MASK;

export interface StatxOptions extends CommonOptions, DirectoryOptions {
  /** AT_SYMLINK_NOFOLLOW: answer for a symbolic link itself. Default false. */
  noFollow?: boolean;
  /** AT_NO_AUTOMOUNT: do not mount what would be mounted by being looked at. Default false. */
  noAutomount?: boolean;
  /** For network file systems: 'force' asks the server, 'dont' does not. Default 'asStat'. */
  sync?: keyof typeof SYNC;
  /** Which facts are wanted, where others would cost. Default: all. */
  mask?: readonly StatxField[];
}

/**
 * Facts about a path, relative to `dirfd` or the working directory, or about an open descriptor.
 *
 * @kernel 5.6 IORING_OP_STATX; alignments from 6.1
 * @man statx(2)
 */
export function statx(
  target: PathLike | FdLike,
  options: StatxOptions = {},
): Operation<FileStatus> {
  const open = target instanceof Descriptor ? plainDescriptor('target', target) : undefined;
  const path = open === undefined ? pathBytes('target', target) : new Uint8Array(1);
  const operation =
    open === undefined
      ? inDirectory(STATX, 'dirfd', options?.dirfd)
      : new Operation<FileStatus>(STATX, open);
  operation.common(options, 'dirfd', 'sync', 'mask', ...Object.keys(FLAGS));
  const sync = SYNC[oneOf('sync', options.sync ?? 'asStat', ['asStat', 'force', 'dont'] as const)];
  operation.operationFlags = flagBits(FLAGS, options) | sync | (open ? AT_EMPTY_PATH : 0);
  if (open === undefined) operation.about = { path: shownPath(target as PathLike) };
  operation.length = maskOf(options.mask);
  // The answer comes first, since it is the part with an alignment.
  return operation.arguments(STATX_BYTES + path.length, (self, block) => {
    block.bytes.set(path, STATX_BYTES);
    const low = (block.addressLow >>> 0) + STATX_BYTES;
    self.addressLow = low | 0;
    self.addressHigh = block.addressHigh + highWord(low);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
  });
}

function maskOf(fields: readonly StatxField[] | undefined): number {
  if (fields === undefined) return ALL;
  if (!Array.isArray(fields) || fields.some((field) => !Object.hasOwn(MASK, field))) {
    throw invalidValue('mask', `must be an array of ${Object.keys(MASK).join(', ')}`, fields);
  }
  return fields.reduce((mask, field) => mask | MASK[field as StatxField], 0);
}
