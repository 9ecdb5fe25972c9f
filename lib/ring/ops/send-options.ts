/** What the sending operations have in common: options that are bits, and where to. */
import {
  IORING_RECVSEND_POLL_FIRST,
  IORING_SEND_ZC_REPORT_USAGE,
  MSG_CONFIRM,
  MSG_DONTROUTE,
  MSG_EOR,
  MSG_MORE,
  MSG_OOB,
  MSG_WAITALL,
} from '../../abi.js';
import type { SocketAddress } from '../../socket/address.js';
import { boolean } from '../../validate.js';
import type { CommonOptions } from '../operation.js';
import { flagBits } from './flags.js';

const MESSAGE_FLAGS = {
  waitAll: MSG_WAITALL,
  more: MSG_MORE,
  endOfRecord: MSG_EOR,
  outOfBand: MSG_OOB,
  dontRoute: MSG_DONTROUTE,
  confirm: MSG_CONFIRM,
} as const;

export interface SendOptions extends CommonOptions {
  /** Where to, on a socket that is not connected (sendto(2)). */
  to?: SocketAddress;
  /** MSG_WAITALL (5.19): the kernel goes on by itself until all is sent. Default false. */
  waitAll?: boolean;
  /** MSG_MORE: more follows at once, so do not send a part-filled packet. Default false. */
  more?: boolean;
  /** MSG_EOR: a record ends here (seqpacket sockets). Default false. */
  endOfRecord?: boolean;
  /** MSG_OOB: urgent data. Default false. */
  outOfBand?: boolean;
  /** MSG_DONTROUTE: to hosts of directly connected networks only. Default false. */
  dontRoute?: boolean;
  /** MSG_CONFIRM: the neighbour has answered, do not ask whether it is there. Default false. */
  confirm?: boolean;
  /** IORING_RECVSEND_POLL_FIRST (5.19): do not try before there is room. Default false. */
  pollFirst?: boolean;
}

export const SEND_KEYS: readonly string[] = ['to', 'pollFirst', ...Object.keys(MESSAGE_FLAGS)];

/** MSG_* bits, and IORING_RECVSEND_* bits. */
export function sendFlags(options: SendOptions): { flags: number; priority: number } {
  const pollFirst = boolean('pollFirst', options.pollFirst ?? false);
  return {
    flags: flagBits(MESSAGE_FLAGS, options),
    priority: pollFirst ? IORING_RECVSEND_POLL_FIRST : 0,
  };
}

export interface ZeroCopyOptions {
  /**
   * IORING_SEND_ZC_REPORT_USAGE (6.2): `released` tells whether the kernel copied after all.
   * Default false.
   */
  reportUsage?: boolean;
}

export function zeroCopyFlags(options: ZeroCopyOptions): number {
  return boolean('reportUsage', options.reportUsage ?? false) ? IORING_SEND_ZC_REPORT_USAGE : 0;
}
