/** What may be said of a datagram that is sent, as control messages. */
import { AF_INET6 } from '../abi.js';
import { encodeControl } from '../ring/ops/control-out.js';
import { integer, onlyKeys } from '../validate.js';

export interface SendOptions {
  /** The address of this machine that it is sent from. Default: the socket's, or the way's. */
  from?: string;
  /** The number of the interface that it is sent by. Default: the way's. */
  interfaceIndex?: number;
  /**
   * The bytes are cut into datagrams of this size, the last one perhaps shorter, by the kernel or
   * the network card (UDP_SEGMENT, 4.18). There may be any number of bytes.
   */
  segmentSize?: number;
}

/** UDP_MAX_SEGMENTS of every kernel that has it. */
const SEGMENTS_MAX = 64;
/** What IPv4 has room for, which is less than what IPv6 has. */
const PAYLOAD_MAX = 65_507;
const REMEMBERED = 64;

export interface SendPlan {
  readonly control: Uint8Array | undefined;
  /** More bytes than that are sent as several. */
  readonly most: number;
}

/** For datagrams about which there is nothing to say. */
export const PLAIN: SendPlan = { control: undefined, most: Number.POSITIVE_INFINITY };

const plans = new Map<string, SendPlan>();

/** Options, checked. Most programs say the same again and again. */
export function planSend(options: SendOptions, family: number): SendPlan {
  onlyKeys('options', options, ['from', 'interfaceIndex', 'segmentSize']);
  const { from, interfaceIndex, segmentSize } = options;
  if (segmentSize === undefined && from === undefined && interfaceIndex === undefined) return PLAIN;
  const key = `${family} ${String(from)} ${String(interfaceIndex)} ${String(segmentSize)}`;
  const found = plans.get(key);
  if (found !== undefined) return found;
  if (segmentSize !== undefined) integer('segmentSize', segmentSize, 1, PAYLOAD_MAX);
  const source = from ?? (family === AF_INET6 ? '::' : '0.0.0.0');
  const { bytes } = encodeControl('options', {
    ...(from === undefined && interfaceIndex === undefined
      ? {}
      : { pktinfo: { source, ...(interfaceIndex === undefined ? {} : { interfaceIndex }) } }),
    ...(segmentSize === undefined ? {} : { segmentSize }),
  });
  const most =
    segmentSize === undefined
      ? PLAIN.most
      : segmentSize * Math.min(SEGMENTS_MAX, Math.floor(PAYLOAD_MAX / segmentSize));
  const plan = { control: bytes, most };
  if (plans.size >= REMEMBERED) plans.clear();
  plans.set(key, plan);
  return plan;
}
