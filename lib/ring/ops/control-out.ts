/** Control messages to be sent beside the bytes of a message, as typed values: `cmsghdr`. */
import {
  AF_INET,
  AF_INET6,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_UDP,
  IPV6_PKTINFO,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SCM_TXTIME,
  SOL_SOCKET,
  UDP_SEGMENT,
} from '../../abi.js';
import { type Descriptor, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { hostBytes } from '../../socket/address.js';
import { bytesView, integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import { asBytes } from '../operation.js';

/** Who sends, as the kernel will vouch: another's numbers need CAP_SYS_ADMIN, SETUID or SETGID. */
export interface Credentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** A control message as its bytes. */
export interface RawControl {
  readonly level: number;
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface SendControl {
  /** SCM_RIGHTS: files for the peer of a Unix socket, which gets descriptors of its own. */
  rights?: readonly FdLike[];
  /** SCM_CREDENTIALS. */
  credentials?: Credentials;
  /**
   * IP_PKTINFO or IPV6_PKTINFO: the interface to send on (0: any), and the address to send from.
   */
  pktinfo?: { interfaceIndex?: number; source: string };
  /** UDP_SEGMENT: cut the bytes into datagrams of this size (4.18). */
  segmentSize?: number;
  /** SCM_TXTIME: send at this time, in nanoseconds of the clock that SO_TXTIME chose. */
  txtimeNs?: bigint;
  /** Any others. */
  raw?: readonly RawControl[];
}

const KEYS = ['rights', 'credentials', 'pktinfo', 'segmentSize', 'txtimeNs', 'raw'] as const;
/** The kernel's SCM_MAX_FD. */
const RIGHTS_MAX = 253;
const ID_MAX = 2 ** 32 - 2;
/** net.core.optmem_max is smaller than this everywhere. */
const CONTROL_BYTES_MAX = 1 << 20;

/** `cmsg_len`, `cmsg_level`, `cmsg_type`. */
export const CONTROL_HEADER_BYTES = 16;
export const align8 = (bytes: number): number => (bytes + 7) & ~7;

/** Control messages ready to be copied in front of a message. */
export interface EncodedControl {
  readonly bytes: Uint8Array;
  /** Files that are sent along: they must be open when the kernel takes the message. */
  readonly files: readonly Descriptor[];
}

const NONE: EncodedControl = { bytes: new Uint8Array(0), files: [] };

export function encodeControl(name: string, control: SendControl | undefined): EncodedControl {
  if (control === undefined) return NONE;
  onlyKeys(name, control, KEYS);
  const files = rightsOf(`${name}.rights`, control.rights);
  const parts: RawControl[] = [];
  if (files.length > 0) {
    const numbers = Int32Array.from(files, ({ fd }) => fd);
    parts.push(part(SOL_SOCKET, SCM_RIGHTS, numbers));
  }
  if (control.credentials !== undefined) {
    parts.push(credentialsPart(`${name}.credentials`, control.credentials));
  }
  if (control.pktinfo !== undefined) parts.push(pktinfoPart(`${name}.pktinfo`, control.pktinfo));
  if (control.segmentSize !== undefined) {
    const size = integer(`${name}.segmentSize`, control.segmentSize, 1, 65_535);
    parts.push(part(IPPROTO_UDP, UDP_SEGMENT, Uint16Array.of(size)));
  }
  if (control.txtimeNs !== undefined) {
    if (typeof control.txtimeNs !== 'bigint') {
      throw invalidType(`${name}.txtimeNs`, 'a bigint', control.txtimeNs);
    }
    parts.push(part(SOL_SOCKET, SCM_TXTIME, BigUint64Array.of(control.txtimeNs)));
  }
  parts.push(...rawParts(`${name}.raw`, control.raw));
  return { bytes: joined(name, parts), files };
}

function part(level: number, type: number, data: ArrayBufferView): RawControl {
  return { level, type, bytes: asBytes(data) };
}

function rightsOf(name: string, rights: readonly FdLike[] | undefined): Descriptor[] {
  if (rights === undefined) return [];
  if (!Array.isArray(rights) || rights.length > RIGHTS_MAX) {
    throw invalidValue(name, `must be an array of at most ${RIGHTS_MAX} descriptors`, rights);
  }
  return rights.map((fd, index) => plainDescriptor(`${name}[${index}]`, fd));
}

function credentialsPart(name: string, credentials: Credentials): RawControl {
  onlyKeys(name, credentials, ['pid', 'uid', 'gid']);
  const id = (key: keyof Credentials): number =>
    integer(`${name}.${key}`, credentials[key], 0, ID_MAX);
  return part(SOL_SOCKET, SCM_CREDENTIALS, Uint32Array.of(id('pid'), id('uid'), id('gid')));
}

function pktinfoPart(name: string, pktinfo: NonNullable<SendControl['pktinfo']>): RawControl {
  onlyKeys(name, pktinfo, ['interfaceIndex', 'source']);
  const index = integer(`${name}.interfaceIndex`, pktinfo.interfaceIndex ?? 0, 0, 2 ** 31 - 1);
  const { family, bytes } = hostBytes(`${name}.source`, pktinfo.source);
  if (family === AF_INET6) {
    // `struct in6_pktinfo`: address, interface.
    const data = new Uint8Array(20);
    data.set(bytes);
    new DataView(data.buffer).setInt32(16, index, true);
    return part(IPPROTO_IPV6, IPV6_PKTINFO, data);
  }
  if (family !== AF_INET) throw invalidValue(name, 'must be a numeric address', pktinfo.source);
  // `struct in_pktinfo`: interface, address to send from, address in the header.
  const data = new Uint8Array(12);
  new DataView(data.buffer).setInt32(0, index, true);
  data.set(bytes, 4);
  return part(IPPROTO_IP, IP_PKTINFO, data);
}

function rawParts(name: string, raw: readonly RawControl[] | undefined): RawControl[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) throw invalidType(name, 'an array', raw);
  return raw.map((each: RawControl, index) => {
    onlyKeys(`${name}[${index}]`, each, ['level', 'type', 'bytes']);
    const level = integer(`${name}[${index}].level`, each.level, 0, 2 ** 31 - 1);
    const type = integer(`${name}[${index}].type`, each.type, 0, 2 ** 31 - 1);
    // Their numbers would be looked up later, when they may be somebody else's.
    if (level === SOL_SOCKET && type === SCM_RIGHTS) {
      throw invalidValue(`${name}[${index}]`, 'must not be SCM_RIGHTS: use `rights`', each);
    }
    return part(level, type, bytesView(`${name}[${index}].bytes`, each.bytes));
  });
}

function joined(name: string, parts: readonly RawControl[]): Uint8Array {
  const total = parts.reduce(
    (sum, { bytes }) => sum + CONTROL_HEADER_BYTES + align8(bytes.length),
    0,
  );
  integer(`total length of ${name}`, total, 0, CONTROL_BYTES_MAX);
  const result = new Uint8Array(total);
  const view = new DataView(result.buffer);
  let offset = 0;
  for (const { level, type, bytes } of parts) {
    view.setUint32(offset, CONTROL_HEADER_BYTES + bytes.length, true);
    view.setInt32(offset + 8, level, true);
    view.setInt32(offset + 12, type, true);
    result.set(bytes, offset + CONTROL_HEADER_BYTES);
    offset += CONTROL_HEADER_BYTES + align8(bytes.length);
  }
  return result;
}
