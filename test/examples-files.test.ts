/** The static file server among the examples, asked by real clients and by rude ones. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask, BIG, raw, site, start } from './support/files.js';
import { pattern, until } from './support/ring.js';

test('files: whole, in parts, unchanged, encoded, listed, logged, and a clean end', async () => {
  const root = site();
  const log = join(root, '..', 'log');
  const { child, ended, port } = await start('--root', root, '--list', '--log', log);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const get = (path: string, headers = {}) => ask(port, path, { agent, headers });

  const big = await get('/big.bin');
  expect([big.status, Buffer.compare(big.body, BIG)]).toEqual([200, 0]);
  const part = await get('/big.bin', { range: 'bytes=1000-2999' });
  expect([part.status, Buffer.compare(part.body, BIG.subarray(1000, 3000))]).toEqual([206, 0]);

  const plain = await get('/page.css');
  expect(plain.headers).toMatchObject({ 'content-type': 'text/css; charset=utf-8' });
  expect(plain.headers['content-encoding']).toBeUndefined();
  expect(await get('/page.css')).toMatchObject({ status: 200, body: plain.body });
  const coded = await get('/page.css', { 'accept-encoding': 'br;q=0.5, gzip' });
  expect(coded.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'Accept-Encoding' });
  expect(coded.body).toEqual(readFileSync(join(root, 'page.css.gz')));
  const refused = await get('/page.css', { 'accept-encoding': 'gzip;q=0' });
  expect(refused.body).toEqual(plain.body);
  // One tag, whether it comes from memory or from sendFile.
  const same = await get('/page.css', { 'if-none-match': plain.headers.etag });
  expect([same.status, same.headers.etag]).toEqual([304, plain.headers.etag]);
  const three = await get('/page.css', { range: 'bytes=0-2', 'if-range': plain.headers.etag });
  expect([three.status, String(three.body)]).toEqual([206, 'p {']);
  const head = await ask(port, '/page.css', { agent, method: 'HEAD' });
  expect([head.headers['content-length'], head.body.length]).toEqual(['160', 0]);

  expect((await get('/sub')).headers.location).toBe('/sub/');
  expect((await get('//sub')).headers.location).toBe('/sub/');
  expect(String((await get('/sub/')).body)).toContain(
    '<a href="a%20%3Cb%3E.txt">a &lt;b&gt;.txt</a>',
  );
  expect(String((await get('/sub/a%20%3Cb%3E.txt')).body)).toBe('odd name');
  expect(String((await get('/with-index/')).body)).toBe('<p>index');

  child.kill('SIGTERM');
  expect(await ended).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^14 requests$/m),
  });
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(lines).toHaveLength(14);
  expect(lines[0]).toMatch(/^127\.0\.0\.1 - - \[.*Z\] "GET \/big\.bin HTTP\/1\.1" 200 3000000$/);
});

test('files: nothing outside of the root, and nothing that is no file', async () => {
  const root = site();
  const { port } = await start('--root', root);
  const statusOf = async (path: string, method = 'GET') =>
    (await ask(port, path, { method })).status;
  expect(await statusOf('/../secret')).toBe(403);
  expect(await statusOf('/%2e%2e/secret')).toBe(403);
  expect(await statusOf('/escape')).toBe(403);
  expect(await statusOf('/.hidden')).toBe(404);
  expect(await statusOf('/fifo')).toBe(404);
  expect(await statusOf('/sub/')).toBe(404);
  expect(await statusOf('/none')).toBe(404);
  expect(await statusOf('/page.css/x')).toBe(404);
  expect(await statusOf('/%00')).toBe(400);
  expect(await statusOf('/%zz')).toBe(400);
  expect(await statusOf('/page.css', 'POST')).toBe(405);
});

test('files: malformed, endless and abandoned requests cost nothing that lasts', async () => {
  const { child, ended, port } = await start('--root', site(), '--idle-ms', '1000');
  const fds = (): number => Number(execFileSync('sh', ['-c', `ls /proc/${child.pid}/fd | wc -l`]));
  await ask(port, '/page.css');
  const before = fds();
  expect(await raw(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  const long = `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20_000)}`;
  expect(await raw(port, long)).toMatch(/^HTTP\/1\.1 431 /);
  const noise = await Promise.all(
    Array.from({ length: 50 }, (_, seed) =>
      raw(port, Buffer.concat([pattern(2000, seed + 1), Buffer.from('\r\n\r\n')])),
    ),
  );
  expect(noise.every((back) => back === '' || /^HTTP\/1\.1 4\d\d /.test(back))).toBe(true);
  // Clients that go in the middle of an answer, and one that never finishes its request.
  for (let round = 0; round < 20; round++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.resetAndDestroy();
  }
  expect(await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\nSlow: ')).toMatch(/^HTTP\/1\.1 408 /);
  await until(() => fds() <= before);
  expect((await ask(port, '/page.css')).status).toBe(200);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test('files: over TLS', async () => {
  const root = site();
  const [cert, key] = [join(root, '..', 'cert.pem'), join(root, '..', 'key.pem')];
  const words = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-days', '2'];
  execFileSync('openssl', ['req', ...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const { child, ended, port } = await start('--root', root, '--cert', cert, '--key', key);
  const options = { protocol: 'https:', ca: readFileSync(cert), servername: 'localhost' };
  const big = await ask(port, '/big.bin', options as RequestOptions);
  expect([big.status, Buffer.compare(big.body, BIG)]).toEqual([200, 0]);
  expect((await ask(port, '/page.css', options as RequestOptions)).body.length).toBe(160);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test('files: what it cannot work with it says', async () => {
  const root = site();
  const cases: [string[], string][] = [
    [[], '--root is missing'],
    [['--root', join(root, 'none')], 'ENOENT'],
    [['--root', join(root, 'page.css')], '--root must be a folder'],
    [['--root', root, '--cache-ms', '-1'], '--cache-ms'],
    [['--root', root, '--idle-ms', '0'], '--idle-ms must be a whole number from 1'],
    [['--root', root, '--cert', join(root, 'page.css')], '--cert and --key go together'],
    [['--root', root, '--host', 'nowhere'], 'must be a numeric IPv4 or IPv6 address'],
  ];
  for (const [words, said] of cases) {
    const { ended } = await start(...words);
    expect(await ended).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  }
});
