/** What the kernel knows about a TCP connection (TCP_INFO), decoded. */
import { IPPROTO_TCP, TCP_INFO } from '../abi.js';
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';

const STATES = [
  'unknown',
  'established',
  'syn-sent',
  'syn-received',
  'fin-wait-1',
  'fin-wait-2',
  'time-wait',
  'close',
  'close-wait',
  'last-ack',
  'listen',
  'closing',
  'new-syn-received',
] as const;
const CONGESTION_STATES = ['open', 'disorder', 'cwr', 'recovery', 'loss'] as const;

export type TcpState = (typeof STATES)[number];

/** Name, offset and size in `struct tcp_info` (asserted in native/uapi_check.cc). */
const FIELDS = [
  ['retransmits', 2, 1],
  ['probes', 3, 1],
  ['backoff', 4, 1],
  ['rtoUs', 8, 4],
  ['atoUs', 12, 4],
  ['sendMss', 16, 4],
  ['receiveMss', 20, 4],
  ['unacked', 24, 4],
  ['sacked', 28, 4],
  ['lost', 32, 4],
  ['retransmitting', 36, 4],
  ['lastDataSentMs', 44, 4],
  ['lastDataReceivedMs', 52, 4],
  ['lastAckReceivedMs', 56, 4],
  ['pathMtu', 60, 4],
  ['receiveSlowStartThreshold', 64, 4],
  ['rttUs', 68, 4],
  ['rttVarianceUs', 72, 4],
  ['sendSlowStartThreshold', 76, 4],
  ['congestionWindow', 80, 4],
  ['advertisedMss', 84, 4],
  ['reordering', 88, 4],
  ['receiveRttUs', 92, 4],
  ['receiveSpace', 96, 4],
  ['totalRetransmits', 100, 4],
  ['pacingRate', 104, 8],
  ['maxPacingRate', 112, 8],
  ['bytesAcked', 120, 8],
  ['bytesReceived', 128, 8],
  ['segmentsSent', 136, 4],
  ['segmentsReceived', 140, 4],
  ['bytesNotSent', 144, 4],
  ['minRttUs', 148, 4],
  ['dataSegmentsReceived', 152, 4],
  ['dataSegmentsSent', 156, 4],
  ['deliveryRate', 160, 8],
  ['busyUs', 168, 8],
  ['receiverLimitedUs', 176, 8],
  ['senderLimitedUs', 184, 8],
  ['delivered', 192, 4],
  ['deliveredCe', 196, 4],
  ['bytesSent', 200, 8],
  ['bytesRetransmitted', 208, 8],
  ['duplicateSacks', 216, 4],
  ['reorderingsSeen', 220, 4],
  ['receivedOutOfOrder', 224, 4],
  ['sendWindow', 228, 4],
  ['receiveWindow', 232, 4],
  ['rehashes', 236, 4],
] as const;

type Figure = (typeof FIELDS)[number][0];

/**
 * Times in the units that their names end in, sizes in bytes, rates in bytes per second; the rest
 * counts segments or events. A figure that this kernel does not have yet is `undefined`.
 */
export type TcpInfo = {
  readonly state: TcpState;
  readonly congestionState: (typeof CONGESTION_STATES)[number] | 'unknown';
  readonly timestamps: boolean;
  readonly sack: boolean;
  readonly ecn: boolean;
  /** Data came with the SYN, and was accepted. */
  readonly synData: boolean;
  readonly sendWindowScale: number;
  readonly receiveWindowScale: number;
} & { readonly [Name in Figure]: number | undefined };

const ROOM = 512;

/**
 * What the kernel knows about a TCP connection.
 *
 * @errno EOPNOTSUPP it is no TCP socket
 * @man tcp(7)
 */
export function tcpInfo(socket: FdLike): TcpInfo {
  const { fd } = plainDescriptor('socket', socket);
  const bytes = new Uint8Array(ROOM);
  const result = native.getsockopt(fd, IPPROTO_TCP, TCP_INFO, bytes);
  const length = check(result, 'getsockopt', { fd, facts: { option: 'TCP_INFO' } });
  const view = new DataView(bytes.buffer);
  const options = view.getUint8(5);
  const scales = view.getUint8(6);
  const figures = FIELDS.map(([name, offset, size]) => [name, figure(view, offset, size, length)]);
  return {
    state: STATES[view.getUint8(0)] ?? 'unknown',
    congestionState: CONGESTION_STATES[view.getUint8(1)] ?? 'unknown',
    timestamps: (options & 1) !== 0,
    sack: (options & 2) !== 0,
    ecn: (options & 8) !== 0,
    synData: (options & 32) !== 0,
    sendWindowScale: scales & 15,
    receiveWindowScale: scales >> 4,
    ...Object.fromEntries(figures),
  } as TcpInfo;
}

function figure(view: DataView, offset: number, size: number, length: number): number | undefined {
  if (offset + size > length) return undefined;
  if (size === 1) return view.getUint8(offset);
  return size === 4 ? view.getUint32(offset, true) : Number(view.getBigUint64(offset, true));
}
