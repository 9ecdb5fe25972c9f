/** The options of reads and writes: where in the file, and the flags of one call (RWF_*). */
import {
  RWF_APPEND,
  RWF_ATOMIC,
  RWF_DONTCACHE,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
} from '../../abi.js';
import { type CommonOptions, fileOffset, type Operation } from '../operation.js';
import { flagBits } from './flags.js';

const READ_FLAGS = { hipri: RWF_HIPRI, nowait: RWF_NOWAIT, dontcache: RWF_DONTCACHE } as const;
const WRITE_FLAGS = {
  ...READ_FLAGS,
  dsync: RWF_DSYNC,
  sync: RWF_SYNC,
  append: RWF_APPEND,
  noappend: RWF_NOAPPEND,
  atomic: RWF_ATOMIC,
} as const;

/** What a kernel or file system does not know fails with EOPNOTSUPP, or EINVAL. */
export interface ReadFlags {
  /** RWF_HIPRI: by polling, as all on a ring made with `iopoll` is; EINVAL elsewhere. */
  hipri?: boolean;
  /** RWF_NOWAIT: EAGAIN rather than wait for the device. Default false. */
  nowait?: boolean;
  /** RWF_DONTCACHE (6.14): do not keep in the page cache what was not there. Default false. */
  dontcache?: boolean;
}

export interface WriteFlags extends ReadFlags {
  /** RWF_DSYNC: completes when the data is durable, as with O_DSYNC. Default false. */
  dsync?: boolean;
  /** RWF_SYNC: completes when data and metadata are durable, as with O_SYNC. Default false. */
  sync?: boolean;
  /** RWF_APPEND: to the end of the file, wherever `offset` is. Default false. */
  append?: boolean;
  /** RWF_NOAPPEND (6.9): at `offset`, though the file was opened to append. Default false. */
  noappend?: boolean;
  /** RWF_ATOMIC (6.11): all of it or nothing, even when the power fails. Default false. */
  atomic?: boolean;
}

const READ_KEYS = ['offset', ...Object.keys(READ_FLAGS)];
const WRITE_KEYS = ['offset', ...Object.keys(WRITE_FLAGS)];

export interface ReadOptions extends CommonOptions, ReadFlags {
  /**
   * Bytes from the start of the file. Default -1: the file's own position, as pipes and sockets
   * need.
   */
  offset?: number;
}

export interface WriteOptions extends CommonOptions, WriteFlags {
  /**
   * Bytes from the start of the file. Default -1: the file's own position, as pipes and sockets
   * need.
   */
  offset?: number;
}

/** Checks the options of a read, and takes them over. */
export function forRead(operation: Operation<number>, options: ReadOptions): Operation<number> {
  operation.common(options, ...READ_KEYS).offset = fileOffset('offset', options.offset ?? -1);
  operation.operationFlags = flagBits(READ_FLAGS, options);
  return operation;
}

/** Checks the options of a write, and takes them over. */
export function forWrite(operation: Operation<number>, options: WriteOptions): Operation<number> {
  operation.common(options, ...WRITE_KEYS).offset = fileOffset('offset', options.offset ?? -1);
  operation.operationFlags = flagBits(WRITE_FLAGS, options);
  return operation;
}
