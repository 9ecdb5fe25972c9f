/** The PROXY protocol, versions 1 and 2: who a connection is from, told in front of its bytes. */
import { isIP, isIPv4 } from 'node:net';
import type { InternetAddress } from 'nearmetal/net';

const SIGNATURE = Uint8Array.from([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const START = Buffer.from('PROXY ');
/** Of a line, with its end. */
const LINE_MAX = 107;
/** Of version 2 with whatever a proxy adds to it: more is no header of anybody's. */
export const HEADER_MAX = 4096;

export interface Ends {
  readonly source: InternetAddress;
  readonly target: InternetAddress;
}

export interface Header {
  /** Bytes of it. */
  readonly length: number;
  /** Undefined where the proxy speaks for itself, or does not know. */
  readonly ends: Ends | undefined;
}

// --- writing -------------------------------------------------------------------------------------

function hostBytes(host: string, family: 4 | 6): number[] {
  if (family === 4) return host.split('.').map(Number);
  const [text = ''] = host.split('%');
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap((word) => wordBytes(word));
  const [before, after] = [words(head), words(tail ?? '')];
  return [...before, ...Array(16 - before.length - after.length).fill(0), ...after];
}

function wordBytes(word: string): number[] {
  if (word.includes('.')) return word.split('.').map(Number);
  const number = Number.parseInt(word, 16);
  return [number >> 8, number & 255];
}

export function headerOf(version: 'v1' | 'v2', { source, target }: Ends): Uint8Array {
  const four = isIPv4(source.host);
  const known = four === isIPv4(target.host);
  if (version === 'v1') {
    const family = four ? 'TCP4' : 'TCP6';
    const words = `${family} ${source.host} ${target.host} ${source.port} ${target.port}`;
    return Buffer.from(`PROXY ${known ? words : 'UNKNOWN'}\r\n`);
  }
  if (!known) return Uint8Array.from([...SIGNATURE, 0x20, 0, 0, 0]);
  const family = four ? 4 : 6;
  const hosts = [source, target].flatMap(({ host }) => hostBytes(host, family));
  const ports = [source, target].flatMap(({ port }) => [port >> 8, port & 255]);
  const length = hosts.length + ports.length;
  return Uint8Array.from([...SIGNATURE, 0x21, four ? 0x11 : 0x21, 0, length, ...hosts, ...ports]);
}

// --- reading -------------------------------------------------------------------------------------

const startsAs = (bytes: Uint8Array, start: Uint8Array): boolean =>
  bytes.subarray(0, start.length).every((byte, index) => byte === start[index]);

/** The header that `bytes` begin with; 'more' when they may become one, 'none' when not. */
export function headerIn(bytes: Uint8Array): Header | 'more' | 'none' {
  if (bytes.length === 0) return 'more';
  if (startsAs(bytes, START)) return bytes.length < START.length ? 'more' : lineIn(bytes);
  if (!startsAs(bytes, SIGNATURE)) return 'none';
  return bytes.length < 16 ? 'more' : binaryIn(bytes);
}

function lineIn(bytes: Uint8Array): Header | 'more' | 'none' {
  const end = bytes.subarray(0, LINE_MAX).indexOf(10);
  if (end < 0) return bytes.length < LINE_MAX ? 'more' : 'none';
  const line = Buffer.from(bytes.subarray(0, end + 1)).toString('latin1');
  if (/^PROXY UNKNOWN( [\x20-\x7e]*)?\r\n$/.test(line)) return { length: end + 1, ends: undefined };
  const found = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line);
  if (found === null) return 'none';
  const [, family, from = '', to = '', fromPort, toPort] = found;
  const source = { host: from, port: Number(fromPort) };
  const target = { host: to, port: Number(toPort) };
  for (const { host, port } of [source, target]) {
    if (isIP(host) !== Number(family) || port > 65_535) return 'none';
  }
  return { length: end + 1, ends: { source, target } };
}

function binaryIn(bytes: Uint8Array): Header | 'more' | 'none' {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const [command, family, rest] = [view[12], view[13], view.readUInt16BE(14)];
  const length = 16 + rest;
  if ((command !== 0x20 && command !== 0x21) || length > HEADER_MAX) return 'none';
  const width = family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  if (command === 0x21 && rest < width * 2 + 4 && width > 0) return 'none';
  if (bytes.length < length) return 'more';
  if (command === 0x20 || width === 0) return { length, ends: undefined };
  const at = 16 + width * 2;
  const source = { host: hostIn(view, 16, width), port: view.readUInt16BE(at) };
  const target = { host: hostIn(view, 16 + width, width), port: view.readUInt16BE(at + 2) };
  return { length, ends: { source, target } };
}

function hostIn(view: Buffer, start: number, width: number): string {
  if (width === 4) return view.subarray(start, start + 4).join('.');
  const words = Array.from({ length: 8 }, (_, index) => view.readUInt16BE(start + index * 2));
  const text = words.map((word) => word.toString(16)).join(':');
  // The shortest form, as the kernel writes it.
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}
