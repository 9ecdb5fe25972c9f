/** Makes what was written to a file durable. */
import { IORING_FSYNC_DATASYNC, IORING_OP_FSYNC } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { boolean } from '../../validate.js';
import { type CommonOptions, kind, nothing, Operation } from '../operation.js';

const FSYNC = kind<void>({
  name: 'fsync',
  code: IORING_OP_FSYNC,
  since: '5.1',
  inWorker: true,
  decode: nothing,
});

export interface FsyncOptions extends CommonOptions {
  /**
   * Leave out metadata that is not needed to read the data back, as fdatasync(2) does. Default
   * false.
   */
  datasync?: boolean;
}

/**
 * Flushes `fd` to its device.
 *
 * In a chain its failure ends nothing: the kernel (seen on 6.18) goes on with what is linked behind
 * it. What must not happen without it, such as a rename, is to be started when it has succeeded.
 *
 * @kernel 5.1 IORING_OP_FSYNC
 * @man fsync(2)
 */
export function fsync(fd: FdLike | DirectFd, options: FsyncOptions = {}): Operation<void> {
  const operation = new Operation(FSYNC, descriptor('fd', fd)).common(options, 'datasync');
  if (boolean('datasync', options.datasync ?? false)) {
    operation.operationFlags = IORING_FSYNC_DATASYNC;
  }
  return operation;
}
