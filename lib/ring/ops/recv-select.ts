/** Receives once, into a buffer that the kernel picks when data is there. */
import { IORING_OP_RECV, IORING_RECVSEND_BUNDLE, IOSQE_BUFFER_SELECT } from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { requireFeature } from '../../features.js';
import { invalidType, invalidValue } from '../../validate.js';
import { BufferRing } from '../buffer-ring.js';
import { bufferId } from '../cqe.js';
import type { Lease } from '../lease.js';
import { type CommonOptions, kind, Operation } from '../operation.js';
import { type BufferGroup, checkGroup } from './provide-buffers.js';

const RECV_SELECT = kind<Lease | undefined>({
  name: 'recv',
  code: IORING_OP_RECV,
  since: '5.7',
  decode: (result, flags, { bufferRing, site }) => {
    if (bufferId(flags) < 0) return undefined;
    const lease = (bufferRing as BufferRing).leaseOf(flags, result, site);
    if (result > 0) return lease;
    lease.release();
    return undefined;
  },
});

const RECV_GROUP = kind<GroupBytes | undefined>({
  name: 'recv',
  code: IORING_OP_RECV,
  since: '5.7',
  decode: (result, flags) => {
    const id = bufferId(flags);
    return id < 0 ? undefined : { id, byteCount: result };
  },
});

const RECV_BUNDLE = kind<readonly Lease[]>({
  name: 'recv',
  code: IORING_OP_RECV,
  since: '6.10',
  decode: (result, flags, { bufferRing, site }) =>
    bufferId(flags) < 0 ? [] : (bufferRing as BufferRing).leasesOf(flags, result, site),
});

/** Where bytes are that were received into a `BufferGroup`: in the buffer `id` of it. */
export interface GroupBytes {
  readonly id: number;
  readonly byteCount: number;
}

/**
 * Receives into one buffer of `buffers`; gives a `Lease`, or undefined when the peer has ended its
 * side. Of a `BufferGroup` it gives which buffer was used, to be provided again.
 *
 * @errno ENOBUFS no buffer is free
 * @kernel 5.7 IOSQE_BUFFER_SELECT
 * @man recv(2), io_uring_enter(2)
 */
export function recvSelect(
  socket: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferRing },
): Operation<Lease | undefined>;
export function recvSelect(
  socket: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferGroup },
): Operation<GroupBytes | undefined>;
export function recvSelect(
  socket: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferRing | BufferGroup },
): Operation<Lease | undefined> | Operation<GroupBytes | undefined> {
  const buffers = options?.buffers;
  if (buffers instanceof BufferRing) {
    const operation = new Operation(RECV_SELECT, descriptor('socket', socket));
    return operation.common(options, 'buffers').select(buffers);
  }
  if (typeof buffers !== 'object' || buffers === null) {
    throw invalidType('options.buffers', 'a BufferRing or a BufferGroup', buffers);
  }
  const { mapping, group, size } = checkGroup(buffers);
  const operation = new Operation(RECV_GROUP, descriptor('socket', socket));
  operation.common(options, 'buffers').mapping = mapping;
  operation.buffer = group;
  operation.length = size;
  return operation.addFlags(IOSQE_BUFFER_SELECT);
}

/**
 * As `recvSelect`, into as many buffers as one receive can fill (IORING_RECVSEND_BUNDLE); gives a
 * `Lease` for each, none when the peer has ended its side. Where data comes in small pieces it wins
 * nothing over `recvMultishot`.
 *
 * @errno ENOBUFS no buffer is free
 * @kernel 6.10 IORING_RECVSEND_BUNDLE
 * @man recv(2), io_uring_enter(2)
 */
export function recvBundle(
  socket: FdLike | DirectFd,
  options: CommonOptions & { buffers: BufferRing },
): Operation<readonly Lease[]> {
  if (!(options?.buffers instanceof BufferRing)) {
    throw invalidType('options.buffers', 'a BufferRing', options?.buffers);
  }
  if (options.buffers.incremental) {
    throw invalidValue('options.buffers', 'must not be incremental', options.buffers);
  }
  requireFeature('ring:RECVSEND_BUNDLE');
  const operation = new Operation(RECV_BUNDLE, descriptor('socket', socket));
  operation.common(options, 'buffers').addPriority(IORING_RECVSEND_BUNDLE);
  return operation.select(options.buffers);
}
