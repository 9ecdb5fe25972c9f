/** Hundreds of connections and few buffers: nobody starves, nobody spins, no byte is lost. */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { BufferRing, Lease, OwnedFd, Ring } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { connection, openRing, pattern, turn, until } from '../support/ring.js';

const CONNECTIONS = 200;
const BYTES = 48 * 1024;
const SIZE = 2048;

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What client `index` sends: no two send the same. */
const bytesOf = (index: number): Uint8Array => pattern(BYTES, index + 1);

async function connections(ring: Ring): Promise<{ client: OwnedFd; server: OwnedFd }[]> {
  const all = [];
  for (let count = 0; count < CONNECTIONS; count++) all.push(await connection(ring));
  return all;
}

/** Fits into the sockets: nobody has to receive for it. */
function sendAll(clients: readonly OwnedFd[]): void {
  clients.forEach((client, index) => {
    expect(writeSync(client.fd, bytesOf(index))).toBe(BYTES);
  });
}

test('streams that hold what they got: each ends, in order, and few are asked', async () => {
  needs('register:PBUF_RING');
  const ring = openRing({ entries: 512 });
  const all = await connections(ring);
  using buffers = ring.provideBuffers({ count: 2, size: SIZE, maxCount: 8 });
  sendAll(all.map(({ client }) => client));
  for (const { client } of all) await ring.shutdown(client, 'write');
  const { submitted } = ring.stats;
  let receives = 0;
  let most = 0;
  const receive = async (socket: OwnedFd): Promise<string> => {
    const hash = createHash('sha256');
    const held: Lease[] = [];
    for await (const lease of ring.recvMultishot(socket, { buffers })) {
      receives++;
      most = Math.max(most, buffers.lent);
      hash.update(lease.bytes);
      held.push(lease);
      // Holds it, and others, while the rest want one.
      await new Promise((resolve) => setImmediate(resolve));
      if (held.length > 1) held.shift()?.release();
      else if (buffers.available === 0) held.shift()?.release();
    }
    for (const lease of held) lease.release();
    return hash.digest('hex');
  };
  const hashes = await Promise.all(all.map(({ server }) => receive(server)));
  expect(hashes).toEqual(all.map((_, index) => hashOf(bytesOf(index))));
  expect([buffers.count, buffers.lent, most]).toEqual([8, 0, 8]);
  expect(ring.stats.bufferShortages).toBeGreaterThan(CONNECTIONS);
  // One for each buffer, and few more: not one of everybody for each buffer.
  expect(ring.stats.submitted - submitted).toBeLessThan(2 * receives);
});

test('while all buffers are held, nobody asks the kernel; then each gets its share', async () => {
  needs('register:PBUF_RING');
  const ring = openRing({ entries: 512 });
  const all = await connections(ring);
  using buffers: BufferRing = ring.provideBuffers({ count: 4, size: SIZE });
  const parts = all.map((): Uint8Array[] => []);
  const waiting: Lease[] = [];
  const order: number[] = [];
  const streams = all.map(async ({ server }, index) => {
    for await (const lease of ring.recvMultishot(server, { buffers })) {
      parts[index]?.push(lease.copy());
      order.push(index);
      waiting.push(lease);
    }
  });
  sendAll(all.map(({ client }) => client));
  for (const { client } of all) await ring.shutdown(client, 'write');
  await until(() => waiting.length === 4 && ring.stats.bufferShortages >= CONNECTIONS);
  await turn();
  const { submitted } = ring.stats;
  for (let count = 0; count < 20; count++) await turn();
  expect(ring.stats.submitted).toBe(submitted);
  let over = false;
  const done = Promise.all(streams).then(() => {
    over = true;
  });
  while (!over) {
    waiting.shift()?.release();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  expect(parts.map((each) => hashOf(Buffer.concat(each)))).toEqual(
    all.map((_, index) => hashOf(bytesOf(index))),
  );
  expect(ring.stats.submitted - submitted).toBeLessThan(2 * order.length);
  // Who waits longest is first: all had something before anybody had much more than all others.
  const first = new Set<number>();
  const needed = order.findIndex((index) => first.add(index).size === CONNECTIONS);
  expect(needed).toBeLessThan(8 * CONNECTIONS);
  expect(buffers.lent).toBe(0);
});
