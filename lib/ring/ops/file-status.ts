/** `struct statx` as an object. */
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  STATX_ATTR_APPEND,
  STATX_ATTR_AUTOMOUNT,
  STATX_ATTR_COMPRESSED,
  STATX_ATTR_DAX,
  STATX_ATTR_ENCRYPTED,
  STATX_ATTR_IMMUTABLE,
  STATX_ATTR_MOUNT_ROOT,
  STATX_ATTR_NODUMP,
  STATX_ATTR_VERITY,
  STATX_ATTR_WRITE_ATOMIC,
} from '../../abi.js';

export const STATX_BYTES = 256;

const TYPES = {
  [S_IFREG]: 'file',
  [S_IFDIR]: 'directory',
  [S_IFLNK]: 'symlink',
  [S_IFCHR]: 'character-device',
  [S_IFBLK]: 'block-device',
  [S_IFIFO]: 'fifo',
  [S_IFSOCK]: 'socket',
} as const;

export type FileType = (typeof TYPES)[keyof typeof TYPES] | 'unknown';

const ATTRIBUTES = {
  compressed: STATX_ATTR_COMPRESSED,
  immutable: STATX_ATTR_IMMUTABLE,
  append: STATX_ATTR_APPEND,
  nodump: STATX_ATTR_NODUMP,
  encrypted: STATX_ATTR_ENCRYPTED,
  automount: STATX_ATTR_AUTOMOUNT,
  mountRoot: STATX_ATTR_MOUNT_ROOT,
  verity: STATX_ATTR_VERITY,
  dax: STATX_ATTR_DAX,
  writeAtomic: STATX_ATTR_WRITE_ATOMIC,
} as const;

/**
 * Facts about a file. Sizes and counts above 2^53 are rounded; times are milliseconds since 1970.
 * What the file system does not know, or was not asked for, is 0; `mask` tells which.
 */
export interface FileStatus {
  readonly type: FileType;
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
  /** Of a device file: the device that it stands for. */
  readonly specialMajor: number;
  readonly specialMinor: number;
  readonly mountId: number;
  readonly subvolume: number;
  readonly atimeMs: number;
  readonly btimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /**
   * What direct I/O must be aligned to, in memory and in the file; 0 where unknown or impossible.
   */
  readonly directMemoryAlignment: number;
  readonly directOffsetAlignment: number;
  /** The same for reads, where less is enough (6.14). */
  readonly directReadOffsetAlignment: number;
  /** Bytes that a write with `atomic` must at least and may at most have; 0: none (6.11). */
  readonly atomicWriteMin: number;
  readonly atomicWriteMax: number;
  readonly atomicWriteSegmentsMax: number;
  /** Attributes that the file system knows of, and whether the file has them. */
  readonly attributes: Readonly<Partial<Record<keyof typeof ATTRIBUTES, boolean>>>;
  /** STATX_* bits of what was found. */
  readonly mask: number;
}

/** What the mode of a file says it is. */
export function fileType(mode: number): FileType {
  return TYPES[(mode & S_IFMT) as keyof typeof TYPES] ?? 'unknown';
}

export function statusFrom(bytes: Uint8Array): FileStatus {
  const view = new DataView(bytes.buffer, bytes.byteOffset, STATX_BYTES);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): number => Number(view.getBigUint64(offset, true));
  // `struct statx_timestamp`: seconds, nanoseconds.
  const time = (offset: number): number =>
    Number(view.getBigInt64(offset, true)) * 1000 + u32(offset + 8) / 1e6;
  const mode = view.getUint16(28, true);
  return {
    type: fileType(mode),
    mode,
    size: u64(40),
    blocks: u64(48),
    blockSize: u32(4),
    inode: u64(32),
    links: u32(16),
    uid: u32(20),
    gid: u32(24),
    deviceMajor: u32(136),
    deviceMinor: u32(140),
    specialMajor: u32(128),
    specialMinor: u32(132),
    mountId: u64(144),
    subvolume: u64(160),
    atimeMs: time(64),
    btimeMs: time(80),
    ctimeMs: time(96),
    mtimeMs: time(112),
    directMemoryAlignment: u32(152),
    directOffsetAlignment: u32(156),
    directReadOffsetAlignment: u32(180),
    atomicWriteMin: u32(168),
    atomicWriteMax: u32(172),
    atomicWriteSegmentsMax: u32(176),
    // All that there are fit the low halves.
    attributes: attributesOf(u32(8), u32(56)),
    mask: u32(0),
  };
}

function attributesOf(set: number, known: number): FileStatus['attributes'] {
  const attributes: Partial<Record<keyof typeof ATTRIBUTES, boolean>> = {};
  for (const [name, bit] of Object.entries(ATTRIBUTES) as [keyof typeof ATTRIBUTES, number][]) {
    if ((known & bit) !== 0) attributes[name] = (set & bit) !== 0;
  }
  return attributes;
}
