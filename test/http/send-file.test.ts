/** Files as responses: whole, in parts, unchanged or refused; over our and over foreign sockets. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import * as node from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as ours from 'nearmetal/http';
import { type SendFileOptions, type SentFile, sendFile } from 'nearmetal/http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseRanges } from '../../lib/http/ranges.js';
import { folder, pattern, until } from '../support/ring.js';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Answer {
  readonly status: number;
  readonly headers: node.IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Site {
  readonly root: string;
  readonly port: number;
  /** What sendFile told of each request. */
  readonly told: (SentFile | Error)[];
  ask(path: string, headers?: node.OutgoingHttpHeaders, method?: string): Promise<Answer>;
}

type Handler = (request: node.IncomingMessage, response: node.ServerResponse) => void;
type Make = (handler: Handler) => node.Server;
const MAKERS: readonly [string, Make][] = [
  ['io_uring', (handler) => ours.createServer({ backend: 'io_uring' }, handler)],
  ['epoll', (handler) => ours.createServer({ backend: 'epoll' }, handler)],
  ['node:http', (handler) => node.createServer(handler)],
];

const BIG = pattern(3_000_000);

function filesIn(root: string): void {
  writeFileSync(join(root, 'big.bin'), BIG);
  writeFileSync(join(root, 'small.txt'), 'a small file');
  writeFileSync(join(root, 'empty.css'), '');
  mkdirSync(join(root, 'folder'));
  writeFileSync(join(root, '..', 'secret'), 'secret');
  symlinkSync('../secret', join(root, 'escape'));
  symlinkSync('small.txt', join(root, 'within'));
  utimesSync(join(root, 'small.txt'), 1_700_000_000.5, 1_700_000_000.5);
}

async function site(make: Make, options: SendFileOptions = {}): Promise<Site> {
  const root = join(folder(), 'root');
  mkdirSync(root);
  filesIn(root);
  const told: (SentFile | Error)[] = [];
  const server = make((request, response) => {
    const path = decodeURIComponent(request.url as string);
    sendFile(request, response, path, { root, ...options }).then(
      (sent) => void told.push(sent),
      (error) => void told.push(error),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new node.Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(async () => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const ask: Site['ask'] = (path, headers = {}, method = 'GET') =>
    new Promise((resolve, reject) => {
      const asked = node.request({ port, path, headers, method, agent }, async (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0 } = response;
          resolve({ status: statusCode, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      asked.on('error', reject).end();
    });
  return { root, port, told, ask };
}

describe.each(MAKERS)('%s', (_name, make) => {
  test('whole files, large, small and empty, over one connection', async () => {
    const { ask, told } = await site(make);
    for (let round = 0; round < 2; round++) {
      const big = await ask('/big.bin');
      expect([big.status, big.headers['content-length'], big.headers['content-type']]).toEqual([
        200,
        '3000000',
        'application/octet-stream',
      ]);
      expect(digest(big.body)).toBe(digest(BIG));
      const small = await ask('/within');
      expect([small.status, small.body.toString()]).toEqual([200, 'a small file']);
      const empty = await ask('/empty.css');
      expect([empty.status, empty.body.length, empty.headers['content-type']]).toEqual([
        200,
        0,
        'text/css; charset=utf-8',
      ]);
    }
    expect(told.slice(0, 2)).toEqual([
      { status: 200, bytesSent: 3_000_000 },
      { status: 200, bytesSent: 12 },
    ]);
  });

  test('HEAD has the header of GET, and no body', async () => {
    const { ask } = await site(make, { cacheControl: 'max-age=60', contentType: 'text/x' });
    const [head, got] = [await ask('/big.bin', {}, 'HEAD'), await ask('/big.bin')];
    const { date: _, ...headers } = head.headers;
    const { date: __, ...others } = got.headers;
    expect([head.status, head.body.length, headers]).toEqual([200, 0, others]);
    expect(headers).toMatchObject({ 'cache-control': 'max-age=60', 'accept-ranges': 'bytes' });
    expect((await ask('/small.txt', { range: 'bytes=0-1' }, 'HEAD')).status).toBe(200);
  });

  test('conditions, in their order', async () => {
    const { ask, root } = await site(make);
    const { headers } = await ask('/small.txt');
    const etag = headers.etag as string;
    const modified = headers['last-modified'] as string;
    expect(modified).toBe('Tue, 14 Nov 2023 22:13:20 GMT');
    const status = async (asked: node.OutgoingHttpHeaders): Promise<number> =>
      (await ask('/small.txt', asked)).status;
    const [older, newer] = [new Date(0).toUTCString(), new Date().toUTCString()];
    expect(await status({ 'if-none-match': `"x", W/${etag}` })).toBe(304);
    expect(await status({ 'if-none-match': '*' })).toBe(304);
    expect(await status({ 'if-none-match': '"x"', 'if-modified-since': newer })).toBe(200);
    expect(await status({ 'if-modified-since': modified })).toBe(304);
    expect(await status({ 'if-modified-since': older })).toBe(200);
    expect(await status({ 'if-modified-since': 'nonsense' })).toBe(200);
    expect(await status({ 'if-match': etag })).toBe(200);
    expect(await status({ 'if-match': `W/${etag}` })).toBe(412);
    expect(await status({ 'if-match': '"x"' })).toBe(412);
    expect(await status({ 'if-unmodified-since': older })).toBe(412);
    expect(await status({ 'if-unmodified-since': modified })).toBe(200);
    const unchanged = await ask('/small.txt', { 'if-none-match': etag });
    expect([unchanged.body.length, unchanged.headers.etag]).toEqual([0, etag]);
    expect(unchanged.headers['content-length']).toBeUndefined();
    writeFileSync(join(root, 'small.txt'), 'another file');
    expect(await status({ 'if-none-match': etag })).toBe(200);
  });

  test('one range, and If-Range', async () => {
    const { ask } = await site(make);
    const part = async (
      range: string,
      more = {},
    ): Promise<[number, string | undefined, string]> => {
      const { status, headers, body } = await ask('/small.txt', { range, ...more });
      return [status, headers['content-range'], body.toString()];
    };
    expect(await part('bytes=2-6')).toEqual([206, 'bytes 2-6/12', 'small']);
    expect(await part('bytes=8-')).toEqual([206, 'bytes 8-11/12', 'file']);
    expect(await part('bytes=-4')).toEqual([206, 'bytes 8-11/12', 'file']);
    expect(await part('bytes=-400')).toEqual([206, 'bytes 0-11/12', 'a small file']);
    expect(await part('bytes=8-400')).toEqual([206, 'bytes 8-11/12', 'file']);
    const refused = [416, 'bytes */12', 'Range Not Satisfiable\n'];
    expect(await part('bytes=12-')).toEqual(refused);
    expect(await part('bytes=-0')).toEqual(refused);
    const whole = [200, undefined, 'a small file'];
    for (const ignored of ['lines=1-2', 'bytes=5-2', 'bytes=x', 'bytes=', 'bytes=-']) {
      expect(await part(ignored)).toEqual(whole);
    }
    const { headers } = await ask('/small.txt');
    const { etag, 'last-modified': modified } = headers;
    expect((await part('bytes=2-6', { 'if-range': etag }))[0]).toBe(206);
    expect((await part('bytes=2-6', { 'if-range': modified }))[0]).toBe(206);
    expect(await part('bytes=2-6', { 'if-range': '"x"' })).toEqual(whole);
    expect(await part('bytes=2-6', { 'if-range': `W/${etag}` })).toEqual(whole);
    const big = await ask('/big.bin', { range: 'bytes=100000-2099999' });
    expect([big.status, digest(big.body)]).toEqual([206, digest(BIG.subarray(100_000, 2_100_000))]);
  });

  test('several ranges come as parts', async () => {
    const { ask, told } = await site(make);
    const range = 'bytes=0-99999, 1000000-2000000,-5';
    const { status, headers, body } = await ask('/big.bin', { range });
    const type = headers['content-type'] as string;
    const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(type)?.[1] as string;
    expect([status, body.length]).toEqual([206, Number(headers['content-length'])]);
    const pieces = [];
    for (let at = 0; ; ) {
      const start = body.indexOf('\r\n\r\n', at);
      if (start < 0) break;
      const words = body.toString('latin1', at, start);
      expect(words).toContain(`--${boundary}\r\nContent-Type: application/octet-stream`);
      const [, first, last] = /bytes (\d+)-(\d+)\/3000000/.exec(words) as RegExpExecArray;
      const length = Number(last) - Number(first) + 1;
      pieces.push(digest(body.subarray(start + 4, start + 4 + length)));
      at = start + 4 + length;
    }
    const expected = [BIG.subarray(0, 100_000), BIG.subarray(1_000_000, 2_000_001)];
    expect(pieces).toEqual([...expected, BIG.subarray(-5)].map(digest));
    expect(body.toString('latin1', body.length - boundary.length - 8)).toBe(
      `\r\n--${boundary}--\r\n`,
    );
    expect(told).toEqual([{ status: 206, bytesSent: 1_100_006 }]);
    expect((await ask('/small.txt')).body.toString()).toBe('a small file');
  });

  test('what leads out of the root, or is no file, is refused', async () => {
    const { ask } = await site(make);
    const status = async (path: string, method = 'GET'): Promise<number> =>
      (await ask(path, {}, method)).status;
    expect(await status('/none')).toBe(404);
    expect(await status('/small.txt/x')).toBe(404);
    expect(await status(`/${'x'.repeat(300)}`)).toBe(404);
    expect(await status('/folder')).toBe(404);
    expect(await status('/')).toBe(404);
    expect(await status('/escape')).toBe(403);
    expect(await status('/%2e%2e/secret')).toBe(403);
    expect(await status('/folder/../../secret')).toBe(403);
    expect(await status('/folder/../small.txt')).toBe(200);
    expect(await status('//small.txt')).toBe(200);
    expect(await status('/small.txt%00.png')).toBe(400);
    expect(await status('/small.txt', 'POST')).toBe(405);
    const missing = await ask('/none', {}, 'HEAD');
    expect([missing.status, missing.body.length]).toEqual([404, 0]);
  });

  test('requests in a row are answered in their order', async () => {
    const { port } = await site(make);
    const socket: Socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    const ask = (path: string, more = ''): string =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    socket.write(ask('/big.bin') + ask('/small.txt') + ask('/big.bin', 'Connection: close\r\n'));
    await once(socket, 'end');
    socket.destroy();
    let all = Buffer.concat(chunks);
    const lengths = [];
    while (all.length > 0) {
      const start = all.indexOf('\r\n\r\n') + 4;
      const length = Number(/content-length: (\d+)/i.exec(all.toString('latin1', 0, start))?.[1]);
      const body = all.subarray(start, start + length);
      if (length === BIG.length) expect(digest(body)).toBe(digest(BIG));
      lengths.push(length);
      all = all.subarray(start + length);
    }
    expect(lengths).toEqual([3_000_000, 12, 3_000_000]);
  });

  test('a client that leaves, or a file that becomes shorter, costs one response', async () => {
    const { port, root, told, ask } = await site(make);
    writeFileSync(join(root, 'huge'), pattern(1 << 20));
    truncateSync(join(root, 'huge'), 256 << 20);
    const half = (): Socket => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /huge HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    };
    const leaving = half();
    await once(leaving, 'data');
    leaving.resetAndDestroy();
    await until(() => told.length === 1);
    expect(told[0]).toBeInstanceOf(Error);
    const slow = half();
    await once(slow, 'data');
    slow.pause();
    truncateSync(join(root, 'huge'), 100);
    slow.resume();
    await once(slow, 'close');
    await until(() => told.length === 2);
    expect(told[1]).toMatchObject({ code: 'ERR_NEARMETAL_SHORT' });
    expect((await ask('/small.txt')).status).toBe(200);
  });

  test('given up by a signal', async () => {
    const controller = new AbortController();
    const { port, root, told } = await site(make, { signal: controller.signal });
    writeFileSync(join(root, 'huge'), '');
    truncateSync(join(root, 'huge'), 1 << 30);
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    // It may come while the abort is waited for.
    const closed = once(socket, 'close');
    socket.write('GET /huge HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    controller.abort();
    await until(() => told.length === 1);
    expect(told[0]).toMatchObject({ name: 'AbortError' });
    socket.resume();
    await closed;
  });
});

test('headers that are set stay; wrong options are refused', async () => {
  const errors: unknown[] = [];
  let path = '';
  const { root, ask } = await site((_handler) =>
    ours.createServer(async (request, response) => {
      response.setHeader('Content-Type', 'text/mine');
      response.setHeader('ETag', '"mine"');
      const refusal = (...given: unknown[]): Promise<unknown> =>
        sendFile(request, response, ...(given as [string])).then(
          () => undefined,
          (error) => error.code,
        );
      errors.push(await refusal(path, { rott: 'x' }), await refusal(path, { root: 5 }));
      errors.push(await refusal(path, { etag: 1 }), await refusal(5));
      await sendFile(request, response, path, { etag: false, ranges: false });
      errors.push(await refusal(path));
    }),
  );
  path = join(root, 'small.txt');
  const { headers, body } = await ask('/', { range: 'bytes=0-1' });
  expect(headers).toMatchObject({ 'content-type': 'text/mine', etag: '"mine"' });
  expect([headers['accept-ranges'], body.toString()]).toEqual([undefined, 'a small file']);
  await until(() => errors.length === 5);
  const [value, type] = ['ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_TYPE'];
  expect(errors).toEqual([value, type, type, type, 'ERR_HTTP_HEADERS_SENT']);
});

test('ranges that ask for too much are not ranges', () => {
  expect(parseRanges('bytes=0-9,0-9', 10)).toBeUndefined();
  expect(parseRanges(`bytes=${'0-0,'.repeat(60)}1-1`, 1000)).toBeUndefined();
  expect(parseRanges('bytes=0-0, 3-4', 10)).toEqual([
    { start: 0, end: 0 },
    { start: 3, end: 4 },
  ]);
  expect(parseRanges('bytes=99999999999999999999-', 10)).toEqual([]);
});
