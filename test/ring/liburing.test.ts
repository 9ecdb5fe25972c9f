/** Behaviours that liburing's own tests are named for, as they are here. */
import { readFileSync } from 'node:fs';
import { op, RawRing } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  connection,
  fileOf,
  later,
  openPlain,
  openRing,
  pattern,
  pipe,
  turn,
  until,
} from '../support/ring.js';

/** How many of these promises ended well, and how many with an error of these codes. */
async function tally(all: Promise<unknown>[], codes: string[]): Promise<[number, number]> {
  let [done, failed] = [0, 0];
  for (const one of await Promise.allSettled(all)) {
    if (one.status === 'fulfilled') done++;
    else {
      expect(codes).toContain(one.reason.code);
      failed++;
    }
  }
  return [done, failed];
}

test('cancel-race: completed or cancelled, never both, never neither', async () => {
  const ring = openRing();
  const total = 5000;
  const all: Promise<unknown>[] = [];
  for (let count = 0; count < total; count++) {
    const abort = new AbortController();
    all.push(later(ring.timeout(count % 3 === 0 ? 0 : 60_000, { signal: abort.signal })));
    if (count % 2 === 0) queueMicrotask(() => abort.abort());
    else abort.abort();
    if (count % 100 === 0) await turn();
  }
  const [done, cancelled] = await tally(all, ['ABORT_ERR']);
  expect(done + cancelled).toBe(total);
  expect(cancelled).toBeGreaterThan(0);
  await until(() => ring.stats.inFlight === 0);
  expect(ring.stats.stale).toBe(0);
});

test('poll-cancel-all: every poll of a file is found', async () => {
  const ring = openRing();
  const file = pipe();
  const all = Array.from({ length: 200 }, () => later(ring.pollAdd(file, ['in'])));
  expect(await ring.asyncCancel(file)).toBe(200);
  expect(await tally(all, ['ECANCELED'])).toEqual([0, 200]);
});

test('cq-overflow: 1000 completions for a queue of 4 come once each', async () => {
  const ring = openRing({ entries: 4, completionEntries: 4 });
  const seen = new Uint8Array(1000);
  const handler = ring.handler((tag, result) => {
    expect(result).toBe(0);
    seen[tag]!++;
  });
  const nop = op.nop();
  for (let tag = 0; tag < seen.length; tag++) ring.start(nop, handler, tag);
  await until(() => ring.stats.inFlight === 0);
  expect(seen.every((count) => count === 1)).toBe(true);
});

test('wakeup-hang: no wake-up of an idle ring is slept through', async () => {
  for (const loop of ['uv', 'thread'] as const) {
    const ring = openRing({ loop });
    const other = openRing();
    const file = pipe();
    const bytes = new Uint8Array(1);
    for (let round = 0; round < 300; round++) {
      const read = ring.read(file, bytes);
      if (round % 3 === 0) await turn();
      await other.write(file, bytesOf('x'));
      expect(await read).toBe(1);
    }
  }
});

test('submit-reuse: arguments may be changed as soon as they are submitted', async () => {
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  const bytes = new Uint8Array(100).fill(1);
  const write = op.write(file, bytes, { offset: 0 });
  const all: number[] = [];
  const handler = ring.handler((tag, result) => {
    all[tag] = result;
  });
  for (let tag = 0; tag < 10; tag++) {
    bytes.fill(tag);
    write.offset = tag * 100;
    ring.start(write, handler, tag);
    if (tag % 2 === 0) ring.submit();
    bytes.fill(0xff);
    write.offset = 0;
  }
  await until(() => ring.stats.inFlight === 0);
  expect(all).toEqual(Array(10).fill(100));
  const written = readFileSync(path);
  expect(written).toEqual(
    Buffer.from(Array.from({ length: 1000 }, (_, at) => Math.floor(at / 100))),
  );
});

test('recv-mshot-fair: a connection that floods leaves others their turn', async () => {
  needs('linux:6.8');
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 64, size: 1024 });
  const pairs = await Promise.all([connection(ring), connection(ring), connection(ring)]);
  const counts = pairs.map(() => 0);
  const total = 2_000_000;
  let firstDone: number[] | undefined;
  await Promise.all(
    pairs.map(async ({ client, server }, index) => {
      const sending = ring
        .sendAll(client, pattern(total))
        .then(() => ring.shutdown(client, 'write'));
      for await (using lease of ring.recvMultishot(server, { buffers })) {
        counts[index] = (counts[index] as number) + lease.length;
      }
      firstDone ??= [...counts];
      await sending;
    }),
  );
  expect(counts).toEqual(pairs.map(() => total));
  // Each had received something when the first was done.
  expect(Math.min(...(firstDone as number[]))).toBeGreaterThan(0);
});

test('mshot-shutdown-race: a receive ends once, whenever its socket is shut down', async () => {
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 16, size: 64 });
  for (let round = 0; round < 100; round++) {
    const { client, server } = await connection(ring);
    let received = 0;
    const ends: unknown[] = [];
    ring.startMultishot(op.recvMultishot(server, { buffers }), {
      each: (result, flags) => {
        received += result;
        buffers.take(flags, result);
        buffers.recycle(flags >>> 16);
      },
      end: (error) => ends.push(error),
    });
    const sending = later(ring.send(client, pattern(200)));
    if (round % 3 === 0) await turn();
    const shut = later(ring.shutdown(round % 2 === 0 ? client : server, 'both'));
    await Promise.allSettled([sending, shut]);
    await until(() => ends.length > 0);
    await turn();
    expect(ends).toHaveLength(1);
    expect(received).toBeLessThanOrEqual(200);
    expect(buffers.available).toBe(16);
  }
});

test('drop-submit: an operation that is refused when submitted fails alone', async () => {
  const ring = openRing();
  const wrong = op.nop();
  wrong.head = 200;
  const all = [ring.nop(), ring.run(wrong), ring.nop(), ring.run(wrong), ring.nop()].map(later);
  expect(await tally(all, ['EINVAL'])).toEqual([3, 2]);
});

test('fixed-reuse: a slot that is closed and used again names the new file', async () => {
  const ring = openRing();
  const bytes = new Uint8Array(1);
  for (let round = 0; round < 20; round++) {
    const file = openPlain(fileOf(`${round % 10}`));
    using registered = ring.registerFiles([file]);
    expect(await ring.read(registered.files[0]!, bytes, { offset: 0 })).toBe(1);
    expect(String.fromCharCode(bytes[0]!)).toBe(`${round % 10}`);
  }
});

test('pipe-eof: a read that waits ends with 0 when the last writer is gone', async () => {
  needs('op:PIPE');
  const ring = openRing();
  for (let round = 0; round < 20; round++) {
    const { read: readEnd, write: writeEnd } = await ring.pipe();
    const read = ring.read(readEnd, new Uint8Array(8));
    await turn();
    writeEnd.close();
    expect(await read).toBe(0);
    readEnd.close();
  }
});

test('short-read: the rest of a file is what is read of it', async () => {
  const ring = openRing();
  const file = openPlain(fileOf('0123456789'));
  const offsets = [0, 5, 9, 10, 11];
  const counts = await Promise.all(
    offsets.map((offset) => ring.read(file, new Uint8Array(100), { offset })),
  );
  expect(counts).toEqual([10, 5, 1, 0, 0]);
});

test('500f9fbadef8: submitting and waiting in one call never hangs', () => {
  using ring = RawRing.open({ entries: 4 });
  const nop = op.nop();
  for (let round = 0; round < 5000; round++) {
    const count = 1 + (round % 4);
    for (let number = 0; number < count; number++) ring.push(nop, number);
    expect(ring.submit(count)).toBe(count);
    expect(ring.reap(() => undefined)).toBe(count);
  }
});
