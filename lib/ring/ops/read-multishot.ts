/** Reads all that comes from a pipe or the like, with one submission. */
import { IORING_OP_READ, IORING_OP_READ_MULTISHOT } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { opSupported } from '../../features.js';
import { invalidType } from '../../validate.js';
import { BufferRing } from '../buffer-ring.js';
import type { Lease } from '../lease.js';
import { type CommonOptions, kind, MultishotOperation } from '../operation.js';

const READ_MULTISHOT = kind<Lease>({
  name: 'read_multishot',
  code: IORING_OP_READ_MULTISHOT,
  since: '6.7',
  decode: (result, flags, operation) =>
    (operation.bufferRing as BufferRing).leaseOf(flags, result, operation.site),
});

const OPCODE_MASK = 0xff;

/**
 * Reads all that comes from what can be polled (a pipe, a terminal, an eventfd; not a file), each
 * time into a buffer that the kernel takes from `buffers`.
 *
 * Each completion gives a `Lease`, to be released by its receiver. It ends with the file; without a
 * free buffer it pauses until one is returned.
 *
 * @errno EBADFD the file cannot be polled
 * @kernel 6.7 IORING_OP_READ_MULTISHOT; one by one on older kernels
 * @man read(2), io_uring_enter(2)
 */
export function readMultishot(
  fd: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferRing },
): MultishotOperation<Lease> {
  if (!(options?.buffers instanceof BufferRing)) {
    throw invalidType('options.buffers', 'a BufferRing', options?.buffers);
  }
  const operation = new MultishotOperation(READ_MULTISHOT, descriptor('fd', fd));
  operation.common(options, 'buffers').select(options.buffers);
  operation.offset = -1;
  operation.endsAtZero = true;
  const lower = () => {
    operation.head = (operation.head & ~OPCODE_MASK) | IORING_OP_READ;
  };
  // Before 6.16 what is refused at once makes the kernel lose count where a drained one waits.
  if (opSupported(IORING_OP_READ_MULTISHOT)) operation.lower = lower;
  else lower();
  return operation;
}
