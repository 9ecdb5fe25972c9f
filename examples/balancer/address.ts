/** Addresses as they are written: `host:port`, and `[host]:port` of IPv6. */
import { isIP, isIPv4 } from 'node:net';
import type { InternetAddress } from 'nearmetal/net';

/** Undefined when it is none. */
export function addressIn(text: string): InternetAddress | undefined {
  const [, six, four, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? (four === 'localhost' ? '127.0.0.1' : four);
  const port = Number(digits);
  if (host === undefined || isIP(host) !== (six === undefined ? 4 : 6)) return undefined;
  return port <= 65_535 ? { host, port } : undefined;
}

export const shown = ({ host, port }: InternetAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** An IPv4 address that came in on a socket of IPv6 is one of IPv4. */
export function unmapped({ host, port }: InternetAddress): InternetAddress {
  const four = host.startsWith('::ffff:') ? host.slice(7) : '';
  return { host: isIPv4(four) ? four : host, port };
}
