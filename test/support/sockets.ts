/** Sockets that the tests of messages share: pairs, datagram sockets, and counts of descriptors. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, type InternetAddress } from 'nearmetal/net';
import type { OwnedFd, Ring } from 'nearmetal/ring';
import { onTestFinished } from 'vitest';
import { folder } from './ring.js';

export const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Two connected Unix sockets. */
export async function unixPair(ring: Ring): Promise<[OwnedFd, OwnedFd]> {
  const path = join(folder(), 'socket');
  using listener = await ring.socket('unix');
  await ring.bind(listener, { path });
  await ring.listen(listener);
  const client = await ring.socket('unix');
  const [server] = await Promise.all([ring.accept(listener), ring.connect(client, { path })]);
  onTestFinished(() => {
    client.close();
    server.close();
  });
  return [client, server];
}

/** A bound UDP socket, and its address. */
export async function udp(
  ring: Ring,
  host = '127.0.0.1',
): Promise<{ socket: OwnedFd; address: InternetAddress }> {
  const socket = await ring.socket(host.includes(':') ? 'inet6' : 'inet', { type: 'dgram' });
  onTestFinished(() => socket.close());
  await ring.bind(socket, { host, port: 0 });
  return { socket, address: addressOf(socket) as InternetAddress };
}
