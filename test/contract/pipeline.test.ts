/** A stream of a file that is piped into a socket of ours: past JavaScript, with Node's manners. */
import { once } from 'node:events';
import { appendFileSync, readdirSync } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createReadStream, open } from 'nearmetal/fs';
import { connect, createServer, type Socket } from 'nearmetal/net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { fileOf, pattern, until } from '../support/ring.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

async function pairOf(backend: 'io_uring' | 'epoll'): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ backend });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const far = connect({ port, host: '127.0.0.1', backend });
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  onTestFinished(() => {
    near.destroy();
    far.destroy();
  });
  return { near, far };
}

async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

onEachBackend((backend) => {
  test('nothing of the file comes here, and both ends end', async () => {
    const { near, far } = await pairOf(backend);
    const contents = pattern(3_000_001);
    const received = readAll(far);
    near.write('before ');
    const reading = createReadStream(fileOf(contents));
    const pushed = vi.spyOn(reading, 'push');
    await pipeline(reading, near);
    const all = await received;
    expect(all.subarray(0, 7).toString()).toBe('before ');
    expect(all.subarray(7).equals(contents)).toBe(true);
    expect(pushed.mock.calls.map(([chunk]) => chunk)).toEqual([null]);
    expect(near.bytesWritten).toBe(contents.length + 7);
    expect((reading as unknown as { bytesRead: number }).bytesRead).toBe(contents.length);
  });

  test('a part, of a file that is open, into a socket that is not yet connected', async () => {
    const contents = pattern(100_000);
    const server = createServer({ backend });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await using file = await open(fileOf(contents));
    const client = connect({ port, host: '127.0.0.1', backend });
    const done = pipeline(createReadStream(file, { start: 7, end: 90_000 }), client);
    const [near] = (await once(server, 'connection')) as [Socket];
    const all = await readAll(near);
    await done;
    server.close();
    expect(all.equals(contents.subarray(7, 90_001))).toBe(true);
    expect(file.closed).toBe(false);
  });

  test('without `end` the socket stays open, and what was added meanwhile goes, too', async () => {
    const { near, far } = await pairOf(backend);
    const contents = pattern(20_000_000);
    const path = fileOf(contents);
    const reading = createReadStream(path);
    reading.pipe(near, { end: false });
    await until(() => near.bytesWritten > 0 || near.writableLength > 0 || far.readableLength > 0);
    appendFileSync(path, 'added');
    const received = readAll(far);
    await once(reading, 'end');
    near.end(' last');
    const all = await received;
    expect(all.length).toBe(contents.length + 10);
    expect(all.subarray(0, contents.length).equals(contents)).toBe(true);
    expect(all.subarray(contents.length).toString()).toBe('added last');
  });

  test('who reads with it in the same turn gets all of it', async () => {
    const { near, far } = await pairOf(backend);
    const contents = pattern(500_000);
    const received = readAll(far);
    const reading = createReadStream(fileOf(contents));
    const other = new PassThrough();
    const copy = readAll(other);
    reading.pipe(near);
    reading.pipe(other);
    expect((await received).equals(contents)).toBe(true);
    expect((await copy).equals(contents)).toBe(true);
  });

  test('a heir that writes otherwise is written to', async () => {
    const { near, far } = await pairOf(backend);
    const received = readAll(far);
    const { write } = near;
    let bytes = 0;
    near.write = ((chunk: Buffer): boolean => {
      bytes += chunk.length;
      return Reflect.apply(write, near, [chunk]);
    }) as typeof near.write;
    await pipeline(createReadStream(fileOf(pattern(100_000))), near);
    expect((await received).length).toBe(100_000);
    expect(bytes).toBe(100_000);
  });

  test('given up in the middle, or left by the peer: an error, and nothing open', async () => {
    needs('proc');
    const path = fileOf(pattern(20_000_000));
    const before = descriptors();
    for (const how of ['signal', 'peer'] as const) {
      const { near, far } = await pairOf(backend);
      const stop = new AbortController();
      const reading = createReadStream(path);
      const piped = pipeline(reading, near, { signal: stop.signal });
      const failed = expect(piped).rejects.toMatchObject(
        how === 'signal'
          ? { name: 'AbortError' }
          : { code: expect.stringMatching(/EPIPE|RESET|CLOSE/) },
      );
      far.once('data', () => {
        if (how === 'signal') stop.abort();
        else far.resetAndDestroy();
      });
      await failed;
      expect(reading.destroyed).toBe(true);
      expect(near.destroyed).toBe(true);
      far.destroy();
    }
    await until(() => descriptors() <= before);
  });

  test('unpiped in the middle it goes on from there', async () => {
    needs('ticks');
    const { near, far } = await pairOf(backend);
    const contents = pattern(20_000_000);
    const reading = createReadStream(fileOf(contents));
    reading.pipe(near);
    await once(far, 'data').then(([first]) => far.unshift(first));
    far.pause();
    reading.unpipe(near);
    const rest = await readAll(reading);
    near.end();
    const sent = await readAll(far);
    expect(rest.length).toBeGreaterThan(0);
    expect(Buffer.concat([sent, rest]).equals(contents)).toBe(true);
  });
});
