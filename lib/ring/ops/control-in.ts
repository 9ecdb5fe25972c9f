/** Control messages that came beside the bytes of a message (`struct cmsghdr`), as typed values. */
import * as abi from '../../abi.js';
import { OwnedFd } from '../../fd/fd.js';
import { hostText } from '../../socket/address.js';
import type { FdVisitor } from '../operation.js';
import { align8, CONTROL_HEADER_BYTES, type Credentials, type RawControl } from './control-out.js';

/** A point in time: whole seconds since 1970, and the rest. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What came along; what did not is undefined. Each kind has to be asked for of the socket. */
export interface ReceivedControl {
  /** SCM_RIGHTS: files that the peer has sent; they are the receiver's to close. */
  readonly rights: readonly OwnedFd[];
  /** SCM_CREDENTIALS (SO_PASSCRED). */
  readonly credentials?: Credentials;
  /** SCM_PIDFD (SO_PASSPIDFD, 6.5): the sending process; it is the receiver's to close. */
  readonly pidfd?: OwnedFd;
  /**
   * IP_PKTINFO, IPV6_PKTINFO: where it came in, to which address it was sent, and, over IPv4, the
   * address of this machine to answer from, which differs when it was sent to many.
   */
  readonly pktinfo?: {
    readonly interfaceIndex: number;
    readonly address: string;
    readonly local?: string;
  };
  /** UDP_GRO: the bytes are datagrams of this size in a row, the last one perhaps shorter. */
  readonly segmentSize?: number;
  /** SO_TIMESTAMP, SO_TIMESTAMPNS: when it was received. */
  readonly timestamp?: Timestamp;
  /** SO_TIMESTAMPING: by the kernel, and by the network card. */
  readonly timestamping?: { readonly software?: Timestamp; readonly hardware?: Timestamp };
  /** IP_RECVTTL, IPV6_RECVHOPLIMIT. */
  readonly hopLimit?: number;
  /** IP_RECVTOS, IPV6_RECVTCLASS. */
  readonly trafficClass?: number;
  /** SO_RXQ_OVFL: how many were dropped at this socket before. */
  readonly dropped?: number;
  /** All others, as copies. */
  readonly raw: readonly RawControl[];
}

type Found = { -readonly [Key in keyof ReceivedControl]: ReceivedControl[Key] } & {
  rights: OwnedFd[];
  raw: RawControl[];
};

/** Calls `visit` for each control message among `length` bytes from `start` on. */
function eachControl(
  view: DataView,
  start: number,
  length: number,
  visit: (level: number, type: number, offset: number, length: number) => void,
): void {
  const end = start + length;
  for (let offset = start; offset + CONTROL_HEADER_BYTES <= end; ) {
    const size = view.getUint32(offset, true);
    if (size < CONTROL_HEADER_BYTES || offset + size > end) return;
    const level = view.getInt32(offset + 8, true);
    const type = view.getInt32(offset + 12, true);
    visit(level, type, offset + CONTROL_HEADER_BYTES, size - CONTROL_HEADER_BYTES);
    offset += align8(size);
  }
}

/** Calls `visit` for each descriptor among them. */
export function eachControlFd(
  view: DataView,
  start: number,
  length: number,
  visit: FdVisitor,
): void {
  eachControl(view, start, length, (level, type, offset, size) => {
    if (level !== abi.SOL_SOCKET || (type !== abi.SCM_RIGHTS && type !== abi.SCM_PIDFD)) return;
    for (let at = 0; at + 4 <= size; at += 4) {
      const fd = view.getInt32(offset + at, true);
      if (fd >= 0) visit(fd);
    }
  });
}

export function decodeControl(view: DataView, start: number, length: number): ReceivedControl {
  const found: Found = { rights: [], raw: [] };
  eachControl(view, start, length, (level, type, offset, size) => {
    if (!decodeOne(found, view, level, type, offset, size)) {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, size).slice();
      found.raw.push({ level, type, bytes });
    }
  });
  return found;
}

function decodeOne(
  found: Found,
  view: DataView,
  level: number,
  type: number,
  offset: number,
  size: number,
): boolean {
  if (level === abi.SOL_SOCKET) return decodeSocket(found, view, type, offset, size);
  if (level === abi.IPPROTO_UDP && type === abi.UDP_GRO && size >= 4) {
    found.segmentSize = view.getInt32(offset, true);
  } else if (level === abi.IPPROTO_IP && type === abi.IP_PKTINFO && size >= 12) {
    found.pktinfo = {
      interfaceIndex: view.getInt32(offset, true),
      address: hostText(abi.AF_INET, bytesAt(view, offset + 8, 4)),
      local: hostText(abi.AF_INET, bytesAt(view, offset + 4, 4)),
    };
  } else if (level === abi.IPPROTO_IPV6 && type === abi.IPV6_PKTINFO && size >= 20) {
    found.pktinfo = {
      interfaceIndex: view.getInt32(offset + 16, true),
      address: hostText(abi.AF_INET6, bytesAt(view, offset, 16)),
    };
  } else if (
    size >= 4 &&
    ((level === abi.IPPROTO_IP && type === abi.IP_TTL) ||
      (level === abi.IPPROTO_IPV6 && type === abi.IPV6_HOPLIMIT))
  ) {
    found.hopLimit = view.getInt32(offset, true);
  } else if (
    size >= 1 &&
    ((level === abi.IPPROTO_IP && type === abi.IP_TOS) ||
      (level === abi.IPPROTO_IPV6 && type === abi.IPV6_TCLASS))
  ) {
    found.trafficClass = view.getUint8(offset);
  } else return false;
  return true;
}

function decodeSocket(
  found: Found,
  view: DataView,
  type: number,
  offset: number,
  size: number,
): boolean {
  if (type === abi.SCM_RIGHTS) {
    for (let at = 0; at + 4 <= size; at += 4) {
      const fd = view.getInt32(offset + at, true);
      if (fd >= 0) found.rights.push(OwnedFd.adopt(fd));
    }
  } else if (type === abi.SCM_PIDFD && size >= 4) {
    const fd = view.getInt32(offset, true);
    if (fd >= 0) found.pidfd = OwnedFd.adopt(fd);
  } else if (type === abi.SCM_CREDENTIALS && size >= 12) {
    const id = (at: number): number => view.getUint32(offset + at, true);
    found.credentials = { pid: id(0), uid: id(4), gid: id(8) };
  } else if (type === abi.SO_TIMESTAMPNS && size >= 16) {
    found.timestamp = timespec(view, offset);
  } else if (type === abi.SO_TIMESTAMP && size >= 16) {
    const { seconds, nanoseconds: microseconds } = timespec(view, offset);
    found.timestamp = { seconds, nanoseconds: microseconds * 1000 };
  } else if (type === abi.SO_TIMESTAMPING && size >= 48) {
    // Three of them; the second one has not been used since 2.6.
    const [software, hardware] = [timespec(view, offset), timespec(view, offset + 32)];
    found.timestamping = {
      ...(isSet(software) && { software }),
      ...(isSet(hardware) && { hardware }),
    };
  } else if (type === abi.SO_RXQ_OVFL && size >= 4) found.dropped = view.getUint32(offset, true);
  else return false;
  return true;
}

function timespec(view: DataView, offset: number): Timestamp {
  return {
    seconds: Number(view.getBigInt64(offset, true)),
    nanoseconds: view.getUint32(offset + 8, true),
  };
}

const isSet = ({ seconds, nanoseconds }: Timestamp): boolean => seconds !== 0 || nanoseconds !== 0;

const bytesAt = (view: DataView, offset: number, length: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + offset, length);
