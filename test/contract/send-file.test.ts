/** Files sent to connections: in their place, whole, and with an honest end; on both backends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type File, open } from 'nearmetal/fs';
import {
  Connection,
  connect,
  createServer,
  type ServedConnection,
  type Socket,
  serve,
} from 'nearmetal/net';
import { type SendFileError, sendFile } from 'nearmetal/zerocopy';
import { expect, onTestFinished, test } from 'vitest';
import { native } from '../../lib/native.js';
import { onEachBackend } from '../support/backends.js';
import { pairOf } from '../support/connections.js';
import { needs } from '../support/needs.js';
import { fileOf, folder, later, pattern, until } from '../support/ring.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function opened(path: string): Promise<File> {
  const file = await open(path);
  onTestFinished(() => file.close());
  return file;
}

/** Takes a file's pages out of the cache: what follows has to wait for the disk. */
async function makeCold(path: string): Promise<void> {
  needs('syscall:cachestat');
  const file = await open(path, 'r+');
  await file.sync();
  await file.advise('dontneed');
  expect(native.cachestat(file.fd.fd, 0, 1 << 30)).toBe(0);
  file.close();
}

async function readAll(connection: Connection): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  return Buffer.concat(chunks);
}

onEachBackend((backend) => {
  test('headers, file and trailers come in their order', async () => {
    const { near, far } = await pairOf(backend);
    const contents = pattern(3_000_001);
    const received = readAll(far);
    void near.write('first ');
    const sent = await sendFile(near, fileOf(contents), { headers: 'head ', trailers: ' tail' });
    await near.end(' last');
    const all = await received;
    expect(sent).toBe(contents.length);
    expect(near.bytesSent).toBe(contents.length + 21);
    expect(all.subarray(0, 11).toString()).toBe('first head ');
    expect(digest(all.subarray(11, 11 + sent))).toBe(digest(contents));
    expect(all.subarray(11 + sent).toString()).toBe(' tail last');
  });

  test('what is written while a file is on its way comes behind it, and so do others', async () => {
    const { near, far } = await pairOf(backend);
    const file = await opened(fileOf(pattern(2_000_000)));
    const received = readAll(far);
    const sending = [sendFile(near, file, { length: 1_500_000 })];
    await Promise.resolve();
    // Its size is asked for first: from here on it is queued.
    sending.push(sendFile(near, file, { offset: 1_500_000, length: 500_000 }));
    const written = later(near.write('between'));
    sending.push(sendFile(near, file, { length: 3 }));
    expect(await Promise.all(sending)).toEqual([1_500_000, 500_000, 3]);
    await written;
    await near.end();
    const all = await received;
    expect(digest(all.subarray(0, 2_000_000))).toBe(digest(pattern(2_000_000)));
    expect(all.subarray(2_000_000, 2_000_007).toString()).toBe('between');
    expect(all.length).toBe(2_000_010);
  });

  test('a cold file comes whole, and this thread does not read it', async () => {
    const { near, far } = await pairOf(backend);
    const contents = pattern(5_000_000, 7);
    const path = fileOf(contents);
    await makeCold(path);
    const received = readAll(far);
    expect(await sendFile(near, path, { offset: 1, length: 4_999_990 })).toBe(4_999_990);
    await near.end();
    expect(digest(await received)).toBe(digest(contents.subarray(1, 4_999_991)));
  });

  test('an empty part sends nothing, and the end of our side waits for files', async () => {
    const { near, far } = await pairOf(backend);
    const file = await opened(fileOf(pattern(300_000)));
    const received = readAll(far);
    expect(await sendFile(near, file, { offset: 400_000, headers: 'head' })).toBe(0);
    const sending = sendFile(near, file, { length: 300_000 });
    await Promise.all([near.end(), sending]);
    expect((await received).length).toBe(300_004);
  });

  test('handlers of serve and sockets of node:net send files, too', async () => {
    const contents = pattern(700_000, 3);
    const path = fileOf(contents);
    const file = await opened(path);
    let sent = 0;
    const server = serve({
      backend,
      data: (connection: ServedConnection) => {
        void sendFile(connection, file, { headers: 'served ' }).then((bytes) => {
          sent = bytes;
          connection.end();
        });
      },
    });
    onTestFinished(() => server.stop());
    const asking = await Connection.open({ port: server.port as number, backend });
    void asking.write('please');
    const received = await readAll(asking);
    expect([received.subarray(0, 7).toString(), sent]).toEqual(['served ', 700_000]);
    expect(digest(received.subarray(7))).toBe(digest(contents));

    const node = createServer({ backend }, (socket: Socket) => {
      socket.write('before ');
      void sendFile(socket, file, { trailers: ' after' }).then(() => socket.end());
    });
    node.listen(0, '127.0.0.1');
    await once(node, 'listening');
    onTestFinished(() => void node.close());
    const { port } = node.address() as { port: number };
    const client = connect({ port, host: '127.0.0.1', backend });
    const chunks: Buffer[] = [];
    client.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(client, 'end');
    const whole = Buffer.concat(chunks);
    expect([whole.length, client.bytesRead]).toEqual([700_013, 700_013]);
    expect(whole.subarray(0, 7).toString() + whole.subarray(-6)).toBe('before  after');
  });

  test('a file that becomes shorter ends with what was sent', async () => {
    const { near, far } = await pairOf(backend);
    const path = fileOf(pattern(1_000_000));
    const sending = sendFile(near, path, { length: 2_000_000 }).catch((error) => error);
    const error = (await sending) as SendFileError;
    expect([error.code, error.bytesSent]).toEqual(['ERR_NEARMETAL_SHORT', 1_000_000]);
    // The connection goes on.
    void near.write('still here');
    await near.end();
    expect((await readAll(far)).subarray(1_000_000).toString()).toBe('still here');
  });

  test('truncated while the peer does not read', async () => {
    const { near, far } = await pairOf(backend);
    const path = fileOf(pattern(32 << 20));
    const sending = sendFile(near, path).catch((error) => error);
    await until(() => near.pending > 0 && near.pending < 32 << 20);
    truncateSync(path, 100);
    const received = readAll(far);
    const error = (await sending) as SendFileError;
    expect(error.code).toBe('ERR_NEARMETAL_SHORT');
    await near.end();
    expect((await received).length).toBe(error.bytesSent);
  });

  test('given up in the middle it says how far it came, and nothing stays open', async () => {
    needs('proc');
    const { near, far } = await pairOf(backend);
    const path = fileOf(pattern(32 << 20));
    // Pipes are kept for the next time.
    await makeCold(path);
    const before = descriptors();
    const controller = new AbortController();
    const sending = later(sendFile(near, path, { signal: controller.signal }));
    await until(() => near.pending > 0 && near.pending < 32 << 20);
    controller.abort();
    const error = (await sending.catch((reason) => reason)) as SendFileError;
    expect([error.name, error.code]).toEqual(['AbortError', 'ABORT_ERR']);
    const received = readAll(far);
    await near.end();
    expect((await received).length).toBe(error.bytesSent);
    await until(() => descriptors() <= before + 2);
  });

  test('a peer that goes away is an error of the call and of the connection', async () => {
    const { near, far } = await pairOf(backend);
    const path = fileOf(pattern(32 << 20));
    const sending = later(sendFile(near, path));
    await until(() => near.pending > 0 && near.pending < 32 << 20);
    far.reset();
    const error = (await sending.catch((reason) => reason)) as SendFileError;
    expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
    expect(error.bytesSent).toBeGreaterThan(0);
    await near.closed;
  });

  test('closed in flight: the connection, and the file', async () => {
    const { near } = await pairOf(backend);
    const path = fileOf(pattern(32 << 20));
    const sending = later(sendFile(near, path));
    await until(() => near.pending > 0);
    near.close();
    await expect(sending).rejects.toMatchObject({ code: 'ECANCELED' });
    await expect(sendFile(near, path)).rejects.toMatchObject({ code: 'ECANCELED', bytesSent: 0 });

    const other = await pairOf(backend);
    const file = await opened(path);
    const second = later(sendFile(other.near, file));
    await until(() => other.near.pending > 0 && other.near.pending < 32 << 20);
    file.close();
    const received = readAll(other.far);
    const error = (await second.catch((reason) => reason)) as SendFileError;
    expect(error.code).toBe('EBADF');
    await other.near.end();
    expect((await received).length).toBe(error.bytesSent);
  });

  test('more than 4 GiB of nothing, from a sparse file', async () => {
    const { near, far } = await pairOf(backend);
    const path = join(folder(), 'sparse');
    writeFileSync(path, '');
    truncateSync(path, 5 * 2 ** 30);
    const offset = 4 * 2 ** 30 + 1;
    const received = readAll(far);
    expect(await sendFile(near, path, { offset, length: 1_000_000 })).toBe(1_000_000);
    await near.end();
    const all = await received;
    expect([all.length, all.some((byte) => byte !== 0)]).toEqual([1_000_000, false]);
  });

  test('what cannot be sent is refused', async () => {
    const { near } = await pairOf(backend);
    const path = fileOf('x');
    await expect(sendFile(near, `${path}.not`)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(sendFile(near, folder(), { length: 1 })).rejects.toThrow(/E(ISDIR|INVAL)/);
    await expect(sendFile({} as never, path)).rejects.toThrow(/"target"/);
    await expect(sendFile(near, path, { offset: -1 })).rejects.toThrow(RangeError);
    await expect(sendFile(near, path, { lenght: 1 } as never)).rejects.toThrow(/"length"/);
    await expect(sendFile(near, path, { headers: 5 as never })).rejects.toThrow(/"headers"/);
    const aborted = AbortSignal.abort();
    await expect(sendFile(near, path, { signal: aborted })).rejects.toThrow(/aborted/);
    const file = await open(path);
    file.close();
    await expect(sendFile(near, file)).rejects.toThrow(/"file"/);
  });
});
