/** Sockets that the tests of messages share: pairs, datagram sockets, and counts of descriptors. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import type { OwnedFd, Ring } from 'nearmetal/ring';
import { onTestFinished } from 'vitest';
import { native } from '../../lib/native.js';
import { encodeAddress } from '../../lib/socket/address.js';
import { folder } from './ring.js';
import { openSocket } from './socket.js';

export const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Two connected Unix sockets. */
export async function unixPair(ring: Ring): Promise<[OwnedFd, OwnedFd]> {
  const path = join(folder(), 'socket');
  using listener = listen({ path });
  const client = openSocket('unix');
  const [server] = await Promise.all([ring.accept(listener), ring.connect(client, { path })]);
  onTestFinished(() => {
    client.close();
    server.close();
  });
  return [client, server];
}

/** A bound UDP socket, and its address. */
export function udp(host = '127.0.0.1'): { socket: OwnedFd; address: InternetAddress } {
  const socket = openSocket(host.includes(':') ? 'inet6' : 'inet', 'dgram');
  onTestFinished(() => socket.close());
  const bound = native.bind(socket.fd, encodeAddress('address', { host, port: 0 }).bytes);
  if (bound !== 0) throw new Error(`bind answers ${bound}`);
  return { socket, address: addressOf(socket) as InternetAddress };
}
