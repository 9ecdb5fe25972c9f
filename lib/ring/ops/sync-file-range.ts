/** Starts or awaits the writing back of a part of a file. */
import {
  IORING_OP_SYNC_FILE_RANGE,
  SYNC_FILE_RANGE_WAIT_AFTER,
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { integer } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { flagBits } from './flags.js';

const SYNC_FILE_RANGE = kind<void>({
  name: 'sync_file_range',
  code: IORING_OP_SYNC_FILE_RANGE,
  since: '5.2',
  inWorker: true,
  decode: nothing,
});

const FLAGS = {
  waitBefore: SYNC_FILE_RANGE_WAIT_BEFORE,
  write: SYNC_FILE_RANGE_WRITE,
  waitAfter: SYNC_FILE_RANGE_WAIT_AFTER,
} as const;

/** With none of the three flags it does nothing. */
export interface SyncFileRangeOptions extends CommonOptions {
  /** Bytes from the start of the file. Default 0. */
  offset?: number;
  /** Bytes, below 4 GiB. Default 0: to the end. */
  length?: number;
  /** Wait first for what is being written already. */
  waitBefore?: boolean;
  /** Start to write what is not yet being written. */
  write?: boolean;
  /** Wait until it is written. */
  waitAfter?: boolean;
}

/**
 * Brings written pages on their way to the device, to bound how much waits there. It makes nothing
 * durable: neither metadata nor the device's own cache is flushed. For that, `fsync`.
 *
 * @errno ESPIPE it is not a file
 * @kernel 5.2 IORING_OP_SYNC_FILE_RANGE
 * @man sync_file_range(2)
 */
export function syncFileRange(
  fd: FdLike | DirectFd,
  options: SyncFileRangeOptions = {},
): Operation<void> {
  const operation = new Operation(SYNC_FILE_RANGE, descriptor('fd', fd));
  operation.common(options, 'offset', 'length', ...Object.keys(FLAGS));
  operation.offset = integer('offset', options.offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  operation.length = integer('length', options.length ?? 0, 0, 2 ** 32 - 1) | 0;
  operation.operationFlags = flagBits(FLAGS, options);
  return operation;
}
