/** Socket addresses: host and port, or a Unix path, as the kernel's bytes and back. */
import { AF_INET, AF_INET6, AF_UNIX, EINVAL } from '../abi.js';
import { malformed } from '../errors/malformed.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../validate.js';

/** `sun_path` has room for 108 bytes, of which the last is zero for a path in the file system. */
const UNIX_PATH_MAX = 107;
const PORT_MAX = 65_535;
const IPV4_BYTES = 16;
const IPV6_BYTES = 28;
/** Room for any address that the kernel answers. */
export const ADDRESS_BYTES_MAX = 128;

/** An internet address: `host` is numeric ('127.0.0.1', '::1'). */
export interface InternetAddress {
  readonly host: string;
  readonly port: number;
}

/** A Unix socket: a path, or an abstract name when it begins with a zero character. */
export interface UnixAddress {
  readonly path: string;
}

export type SocketAddress = InternetAddress | UnixAddress;

export interface EncodedAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
}

export function encodeAddress(name: string, address: SocketAddress): EncodedAddress {
  if (typeof address !== 'object' || address === null) {
    throw invalidType(name, '{ host, port } or { path }', address);
  }
  if ('path' in address) return encodeUnix(name, address);
  onlyKeys(name, address, ['host', 'port']);
  const port = integer(`${name}.port`, address.port, 0, PORT_MAX);
  const { family, bytes: host } = hostBytes(`${name}.host`, address.host);
  const bytes = new Uint8Array(family === AF_INET6 ? IPV6_BYTES : IPV4_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  bytes.set(host, family === AF_INET6 ? 8 : 4);
  return { family, bytes };
}

/** Of addresses that nobody can change. */
const encoded = new WeakMap<SocketAddress, EncodedAddress>();

/** As `encodeAddress`, once for a frozen address; the bytes are not to be changed. */
export function encodeOnce(name: string, address: SocketAddress): EncodedAddress {
  const known = encoded.get(address);
  if (known !== undefined) return known;
  const fresh = encodeAddress(name, address);
  if (Object.isFrozen(address)) encoded.set(address, fresh);
  return fresh;
}

/** A numeric address as its bytes. */
export function hostBytes(name: string, host: unknown): EncodedAddress {
  if (typeof host !== 'string') throw invalidType(name, 'a string', host);
  const family = host.includes(':') ? AF_INET6 : AF_INET;
  const bytes = new Uint8Array(family === AF_INET6 ? 16 : 4);
  if (native.inetPton(family, host, bytes) !== 1) {
    throw invalidValue(name, 'must be a numeric IPv4 or IPv6 address', host);
  }
  return { family, bytes };
}

/** And back. */
export function hostText(family: number, bytes: Uint8Array): string {
  const host = native.inetNtop(family, bytes);
  return typeof host === 'string' ? host : '';
}

/** An address as the errors about it show it. */
export function addressDetail(
  address: SocketAddress,
): { address: string } | { address: string; port: number } {
  return 'path' in address
    ? { address: address.path }
    : { address: address.host, port: address.port };
}

export function decodeAddress(bytes: Uint8Array): SocketAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = bytes.byteLength >= 2 ? view.getUint16(0, true) : 0;
  if (family === AF_UNIX) {
    const path = bytes.subarray(2);
    // An abstract name starts with a zero and is as long as the kernel says.
    const end = path[0] === 0 ? path.length : path.indexOf(0);
    return { path: Buffer.from(end < 0 ? path : path.subarray(0, end)).toString() };
  }
  if (family !== AF_INET && family !== AF_INET6) check(-EINVAL, 'getsockname');
  if (bytes.length < (family === AF_INET6 ? IPV6_BYTES : IPV4_BYTES)) throw malformed('address');
  const at = family === AF_INET6 ? bytes.subarray(8, 24) : bytes.subarray(4, 8);
  return { host: hostText(family, at), port: view.getUint16(2) };
}

function encodeUnix(name: string, address: UnixAddress): EncodedAddress {
  onlyKeys(name, address, ['path']);
  if (typeof address.path !== 'string') throw invalidType(`${name}.path`, 'a string', address.path);
  const path = Buffer.from(address.path);
  if (path.length === 0 || path.length > UNIX_PATH_MAX) {
    throw invalidValue(`${name}.path`, `must be 1 to ${UNIX_PATH_MAX} bytes`, address.path);
  }
  if (path.indexOf(0, 1) >= 0 && path[0] !== 0) {
    throw invalidValue(`${name}.path`, 'must be without null bytes', address.path);
  }
  const terminator = path[0] === 0 ? 0 : 1;
  const bytes = new Uint8Array(2 + path.length + terminator);
  new DataView(bytes.buffer).setUint16(0, AF_UNIX, true);
  bytes.set(path, 2);
  return { family: AF_UNIX, bytes };
}
