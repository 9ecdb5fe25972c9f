/** When what a socket sent has left: stamps off its error queue. */
import {
  IORING_CQE_F_TSTAMP_HW,
  IORING_OP_URING_CMD,
  SOCKET_URING_OP_TX_TIMESTAMP,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { cqeExtra, hasMore } from '../cqe.js';
import { type CommonOptions, kind, MultishotOperation } from '../operation.js';
import type { Timestamp } from './control-in.js';

/** SCM_TSTAMP_*, in the kernel's order. */
const MOMENTS = ['sent', 'scheduled', 'acknowledged', 'completed'] as const;
/** Behind IORING_CQE_F_TSTAMP_HW. */
const MOMENT_SHIFT = 17;

/** When something was sent. */
export interface TxTimestamp {
  /**
   * Of what: with SOF_TIMESTAMPING_OPT_ID datagrams are counted from 0, and bytes of a stream; the
   * last byte of the send is named. Modulo 2^32.
   */
  readonly id: number;
  /**
   * 'scheduled': handed to the queue; 'sent': to the card, or by the card with `hardware`;
   * 'acknowledged' by the peer; 'completed': the card has told that it is gone.
   */
  readonly moment: (typeof MOMENTS)[number] | undefined;
  /** The clock is the card's. */
  readonly hardware: boolean;
  readonly time: Timestamp;
}

const TX_TIMESTAMP = kind<TxTimestamp>({
  name: 'uring_cmd',
  code: IORING_OP_URING_CMD,
  since: '6.17',
  unsignedMore: true,
  decode: (result, flags) => ({
    id: result >>> 0,
    moment: MOMENTS[flags >>> MOMENT_SHIFT],
    hardware: (flags & IORING_CQE_F_TSTAMP_HW) !== 0,
    time: { seconds: Number(cqeExtra[0]), nanoseconds: Number(cqeExtra[1]) },
  }),
});

class TxTimestamps extends MultishotOperation<TxTimestamp> {
  /** @internal Only an error or the end comes without more to follow. */
  override ends(_result: number, flags: number): boolean {
    return !hasMore(flags);
  }
}

/**
 * Tells when what is sent on `socket` leaves, for as long as it is kept going. The socket has to be
 * asked for stamps (its option `timestamping`) with SOF_TIMESTAMPING_OPT_TSONLY: those that bring
 * the bytes back stay in the socket's error queue. The ring must have been made with `cqe32` or
 * `cqeMixed`.
 *
 * @errno EINVAL the ring has small completions only
 * @errno EOPNOTSUPP the kernel is older than 6.17, or `socket` is no socket
 * @kernel 6.17 SOCKET_URING_OP_TX_TIMESTAMP
 * @man socket(7)
 */
export function txTimestampMultishot(
  socket: FdLike | DirectFd,
  options: CommonOptions = {},
): MultishotOperation<TxTimestamp> {
  const operation = new TxTimestamps(TX_TIMESTAMP, descriptor('socket', socket)).common(options);
  operation.offsetLow = SOCKET_URING_OP_TX_TIMESTAMP;
  return operation;
}
