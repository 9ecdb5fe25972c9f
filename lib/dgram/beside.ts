/** What comes beside the bytes of a datagram: which of it is wanted, and how much room it takes. */
import {
  AF_INET6,
  AF_UNIX,
  SOF_TIMESTAMPING_RAW_HARDWARE,
  SOF_TIMESTAMPING_RX_HARDWARE,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
} from '../abi.js';
import type { SocketOptions } from '../socket/options.js';
import { boolean, invalidValue } from '../validate.js';

/** Each costs a control message with every datagram: ask for what is used. */
export interface BesideOptions {
  /**
   * `message.to` and `message.interfaceIndex`: to which of this machine's addresses it was sent
   * (IP_PKTINFO); `reply` then answers from there. Default false.
   */
  packetInfo?: boolean;
  /**
   * `message.timestamp`: when it was received (SO_TIMESTAMPNS), or also when the network card did
   * (SO_TIMESTAMPING). Default false.
   */
  timestamps?: boolean | 'hardware';
  /** `message.trafficClass` and `message.ecn` (IP_RECVTOS). Default false. */
  trafficClass?: boolean;
  /** `message.hopLimit` (IP_RECVTTL). Default false. */
  hopLimit?: boolean;
  /**
   * What was sent in one piece comes in one piece, of datagrams of `message.segmentSize` bytes
   * (UDP_GRO, 5.0). Default false.
   */
  offload?: boolean;
  /** `message.dropped`: how many the socket had no room for so far (SO_RXQ_OVFL). Default false. */
  dropped?: boolean;
}

export const BESIDE_KEYS = [
  'packetInfo',
  'timestamps',
  'trafficClass',
  'hopLimit',
  'offload',
  'dropped',
] as const;

export interface Beside {
  readonly controlBytes: number;
  readonly settings: SocketOptions;
}

const HEADER_BYTES = 16;
const WORD_BYTES = HEADER_BYTES + 8;
/** `struct in6_pktinfo`, `struct timespec`, three of them. */
const PACKET_INFO_BYTES = HEADER_BYTES + 24;
const TIMESTAMP_BYTES = HEADER_BYTES + 16;
const TIMESTAMPING_BYTES = HEADER_BYTES + 48;

const TIMESTAMPING =
  SOF_TIMESTAMPING_RX_HARDWARE |
  SOF_TIMESTAMPING_RAW_HARDWARE |
  SOF_TIMESTAMPING_RX_SOFTWARE |
  SOF_TIMESTAMPING_SOFTWARE;

/** Options, checked, as settings of a socket of `family`. */
export function planBeside(family: number, options: BesideOptions): Beside {
  const { timestamps = false } = options;
  if (timestamps !== 'hardware') boolean('timestamps', timestamps);
  const wants = (key: (typeof BESIDE_KEYS)[number]): boolean => {
    const wanted =
      key === 'timestamps' ? timestamps !== false : boolean(key, options[key] ?? false);
    if (wanted && family === AF_UNIX && key !== 'timestamps') {
      throw invalidValue(key, 'must not be asked of a Unix socket', true);
    }
    return wanted;
  };
  const inet6 = family === AF_INET6;
  const settings: SocketOptions = {};
  let controlBytes = 0;
  const add = (bytes: number, more: SocketOptions): void => {
    controlBytes += bytes;
    Object.assign(settings, more);
  };
  if (wants('packetInfo')) {
    add(PACKET_INFO_BYTES, inet6 ? { receivePacketInfo6: true } : { receivePacketInfo: true });
  }
  if (wants('timestamps')) {
    if (timestamps === 'hardware') add(TIMESTAMPING_BYTES, { timestamping: TIMESTAMPING });
    else add(TIMESTAMP_BYTES, { receiveTimestamps: true });
  }
  if (wants('trafficClass')) {
    add(WORD_BYTES, inet6 ? { receiveTrafficClass: true } : { receiveTos: true });
  }
  if (wants('hopLimit')) add(WORD_BYTES, inet6 ? { receiveHopLimit: true } : { receiveTtl: true });
  if (wants('offload')) add(WORD_BYTES, { receiveOffload: true });
  if (wants('dropped')) add(WORD_BYTES, { receiveDropped: true });
  return { controlBytes, settings };
}
