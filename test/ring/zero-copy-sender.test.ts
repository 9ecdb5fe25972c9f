/** zeroCopySender: plain sends of little, of other memory, and where the kernel copies anyway. */
import { Mapping, ZeroCopySend } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { connection, expectRefusal, openRing, pattern, RANGE, VALUE } from '../support/ring.js';
import { unixPair } from '../support/sockets.js';

function mapped(size: number): { bytes: Uint8Array } {
  const mapping = Mapping.anonymous({ size });
  onTestFinished(() => mapping.dispose());
  const bytes = mapping.bytes.subarray(0, size);
  bytes.set(pattern(size));
  return { bytes };
}

test('small sends and user memory are plain ones, free at once', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const sender = ring.zeroCopySender(client, { threshold: 1000 });
  const mapping = mapped(4096);
  for (const source of [mapping.bytes.subarray(0, 999), pattern(2000)]) {
    const sent = await sender.send(source);
    expect(sent).toBeInstanceOf(ZeroCopySend);
    expect(sent.byteCount).toBe(source.length);
    expect(await sent.released).toEqual({ copied: true });
    const target = new Uint8Array(source.length);
    await ring.recv(server, target, { waitAll: true });
    expect(Buffer.compare(target, source)).toBe(0);
  }
  expect(sender.counts).toEqual({ zeroCopy: 0, plain: 2, copied: 0 });
});

test('backs off when the kernel reports copies, and tries again, ever more rarely', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const sender = ring.zeroCopySender(client, { threshold: 1000 });
  const mapping = mapped(2000);
  const target = new Uint8Array(2000);
  const tries: number[] = [];
  for (let index = 0; index < 120; index++) {
    const before = sender.counts.zeroCopy;
    const sent = await sender.send(mapping.bytes);
    await ring.recv(server, target, { waitAll: true });
    await sent.released;
    if (sender.counts.zeroCopy > before) tries.push(index);
  }
  // Loopback copies always: after the first, 16 plain ones, then 32, then 64.
  expect(tries).toEqual([0, 17, 50, 115]);
  expect(sender.counts).toEqual({ zeroCopy: 4, plain: 116, copied: 4 });
});

test('goes on with plain sends on a socket that cannot', async () => {
  const ring = openRing();
  const [left, right] = await unixPair(ring);
  const sender = ring.zeroCopySender(left, { threshold: 0 });
  const mapping = mapped(1000);
  for (let count = 0; count < 3; count++) {
    expect((await sender.send(mapping.bytes)).byteCount).toBe(1000);
    await ring.recv(right, new Uint8Array(1000), { waitAll: true });
  }
  expect(sender.counts).toEqual({ zeroCopy: 0, plain: 3, copied: 0 });
});

test('other errors are the caller’s', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const sender = ring.zeroCopySender(client, { threshold: 0 });
  await ring.shutdown(client, 'write');
  await expect(sender.send(mapped(10).bytes)).rejects.toMatchObject({ code: 'EPIPE' });
  expectRefusal(() => ring.zeroCopySender(client, { threshold: -1 }), RANGE, '"threshold"');
  expectRefusal(() => ring.zeroCopySender(client, { size: 1 } as never), VALUE, '"size"');
});
