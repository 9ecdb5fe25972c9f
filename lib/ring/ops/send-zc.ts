/** Sends on a socket out of the memory itself, without copying it into the kernel first. */
import { IORING_OP_SEND_ZC, IORING_RECVSEND_FIXED_BUF } from '../../abi.js';
import type { DirectFd, FdLike } from '../../fd/fd.js';
import { boolean } from '../../validate.js';
import { kind, type Operation } from '../operation.js';
import { type ZeroCopySend, zeroCopyKind } from '../zero-copy.js';
import { sending } from './send.js';
import {
  SEND_KEYS,
  type SendOptions,
  type ZeroCopyOptions,
  zeroCopyFlags,
} from './send-options.js';

const SEND_ZC = kind<ZeroCopySend>({
  name: 'send_zc',
  code: IORING_OP_SEND_ZC,
  since: '6.0',
  ...zeroCopyKind,
});
const SEND_ZC_FIXED = kind<ZeroCopySend>({
  name: 'send_zc',
  code: IORING_OP_SEND_ZC,
  since: '6.0',
  fixedBuffer: true,
  ...zeroCopyKind,
});

export interface SendZcOptions extends SendOptions, ZeroCopyOptions {
  /**
   * IORING_RECVSEND_FIXED_BUF: `source` is memory registered with the ring (`registerBuffers`), so
   * that it need not be pinned for each send. Default false.
   */
  fixed?: boolean;
}

/**
 * Sends `source` without copying it. There are two moments: the promise gives the bytes sent, and
 * its `released` resolves when the kernel will not read the memory any more, with TCP when the peer
 * has acknowledged it. In between `source` must not change: the peer would get the change. An error
 * comes when the memory is free.
 *
 * It pays from some 10 KiB on, over a network card: over loopback the kernel copies all the same,
 * later. `zeroCopySender` chooses by itself. Only views of a `Mapping` go without a copy: other
 * memory is copied at submission, and is the caller's again at once.
 *
 * A handler gets two completions: the second has IORING_CQE_F_NOTIF in its flags.
 *
 * @errno EOPNOTSUPP a socket that cannot send so, such as a Unix socket
 * @errno ENOMEM more than net.core.optmem_max allows to be pinned
 * @kernel 6.0 IORING_OP_SEND_ZC
 * @man send(2), io_uring_enter(2)
 */
export function sendZc(
  socket: FdLike | DirectFd,
  source: ArrayBufferView,
  options: SendZcOptions = {},
): Operation<ZeroCopySend> {
  const fixed = boolean('fixed', options?.fixed ?? false);
  const keys = [...SEND_KEYS, 'reportUsage', 'fixed'];
  const operation = sending(fixed ? SEND_ZC_FIXED : SEND_ZC, socket, options, keys);
  operation.addPriority(zeroCopyFlags(options));
  if (!fixed) return operation.bytes('source', source, 'source');
  return operation.addPriority(IORING_RECVSEND_FIXED_BUF).fixed('source', source);
}
