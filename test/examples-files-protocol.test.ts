/** HTTP as the static file server among the examples speaks it: to the letter, and no further. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import type { Peer } from '../examples/files/peer.js';
import { Refusal, readRequest } from '../examples/files/request.js';
import { Session } from '../examples/files/session.js';
import { BIG, raw, site, start } from './support/files.js';
import { until } from './support/ring.js';

const PLAIN = 'GET /a HTTP/1.1\r\nHost: x\r\n\r\n';

/** A status, or what is asked for. */
function readAs(text: string): unknown {
  const request = readRequest(text, 0);
  if (request === undefined || request instanceof Refusal) return request?.status;
  return `${request.method} ${request.target}${request.keepAlive ? '' : ', then no more'}`;
}

test('a request is taken, or refused with the reason, or waited for', () => {
  const with_ = (...lines: string[]): string =>
    `GET / HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const cases: [string, unknown][] = [
    [PLAIN, 'GET /a'],
    [with_('Connection: close'), 'GET /, then no more'],
    [with_('Connection: te,  CLOSE '), 'GET /, then no more'],
    ['GET / HTTP/1.0\r\n\r\n', 'GET /, then no more'],
    ['GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', 'GET /'],
    [with_('Empty:', 'Latin: \xe9'), 'GET /'],
    [with_('Content-Length: 0'), 'GET /'],
    [with_('Content-Length: 5'), 'GET /, then no more'],
    [with_('Transfer-Encoding: chunked'), 'GET /, then no more'],
    ['GET / HTTP/1.1\r\n\r\n', 400],
    [with_('Host: y'), 400],
    [with_('Content-Length: 0', 'Content-Length: 0'), 400],
    [with_('Content-Length: +1'), 400],
    [with_('Content-Length: 5, 5'), 400],
    [with_('Content-Length: 1', 'Transfer-Encoding: chunked'), 400],
    ['GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    [with_('Name : x'), 400],
    [with_('No colon'), 400],
    [with_(': x'), 400],
    [with_('Folded: x', ' y'), 400],
    [with_('Control: \0'), 400],
    [with_('Bare: \rx'), 400],
    [PLAIN.replaceAll('\r\n', '\n'), 400],
    ['GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /a b HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET a HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET HTTP://x/a HTTP/1.1\r\nHost: x\r\n\r\n', 'GET HTTP://x/a'],
    ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 'OPTIONS *'],
    ['GET / http/1.1\r\nHost: x\r\n\r\n', 400],
    ['GET /\r\nHost: x\r\n\r\n', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    [with_('Expect: 100-continue'), 417],
    [with_(`Long: ${'x'.repeat(16_384)}`), 431],
    [`GET /${'x'.repeat(17_000)}`, 431],
    ['nonsense\n', 400],
    ['GET / HTTP/1.1\r\nHost: ', undefined],
    ['GE', undefined],
  ];
  for (const [text, expected] of cases) expect([text, readAs(text)]).toEqual([text, expected]);
});

/** What node:http makes of it: undefined where it refuses it. */
async function readByNode(text: string): Promise<string | undefined> {
  let seen: IncomingMessage | undefined;
  const server = createServer((request, response) => {
    seen ??= request;
    response.end();
  });
  server.on('clientError', () => undefined);
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit('connection', socket);
  socket.push(Buffer.from(text, 'latin1'));
  await new Promise(setImmediate);
  socket.destroy();
  return seen && `${seen.method} ${seen.url}`;
}

test('whatever is taken after random changes, node:http takes for the same', async () => {
  const pieces = ['\r', '\n', '\r\n', ' ', ':', '\0', ',', 'GET', 'HTTP/1.1', '\x80', '0'];
  const original =
    'GET /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nAccept: */*\r\nConnection: close\r\n\r\n';
  let taken = 0;
  for (let round = 0; round < 3000; round++) {
    let text = original;
    for (let change = randomInt(3); change >= 0; change--) {
      const at = randomInt(text.length);
      const piece = pieces[randomInt(pieces.length)] as string;
      text = text.slice(0, at) + piece + text.slice(at + randomInt(3));
    }
    const request = readRequest(text, 0);
    if (request === undefined || request instanceof Refusal) continue;
    const { method, target, end } = request;
    // Others are refused by the server, and some of them by node:http itself.
    if (method !== 'GET') continue;
    taken++;
    expect([text, await readByNode(text.slice(0, end))]).toEqual([text, `${method} ${target}`]);
  }
  expect(taken).toBeGreaterThan(0);
});

/** A session whose peer takes everything, and the targets that it was asked for. */
function listening() {
  const told: string[] = [];
  const peer: Peer = {
    address: '-',
    progress: 0,
    write: () => true,
    sendFile: async () => 0,
    pause: () => undefined,
    resume: () => undefined,
    end: () => void told.push('end'),
    close: () => undefined,
    reset: () => void told.push('reset'),
  };
  const answers = {
    answer: (_session: Session, { target }: { target: string }) => {
      told.push(target);
      return target.includes('later') ? Promise.resolve() : undefined;
    },
    refuse: (_session: Session, status: number) => void told.push(`${status}`),
  };
  return { session: new Session(peer, answers), told };
}

test('requests are the same ones, however their bytes come', async () => {
  const asked = Array.from(
    { length: 40 },
    (_, index) => (index % 3 === 0 ? '/later' : '/') + index,
  );
  const text = `\r\n${asked.map((target) => PLAIN.replace('/a', target)).join('')}nonsense\r\n`;
  for (let round = 0; round < 200; round++) {
    const { session, told } = listening();
    for (let from = 0; from < text.length; ) {
      const length = round === 0 ? 1 : 1 + randomInt(200);
      session.receive(text.slice(from, from + length));
      from += length;
      if (randomInt(4) === 0) await Promise.resolve();
    }
    await until(() => told.includes('end'));
    expect(told).toEqual([...asked, '400', 'end']);
  }
});

test('many requests at once are answered in their order, also when no more will come', async () => {
  const { port } = await start('--root', site());
  const paths = Array.from({ length: 300 }, (_, index) =>
    index % 50 === 7 ? '/big.bin' : index % 3 === 0 ? '/none' : '/with-index/',
  );
  const text = paths.map((path) => PLAIN.replace('/a', path)).join('');
  const back = await new Promise<string>((resolve, reject) => {
    let all = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false }).setEncoding('latin1');
    socket.on('data', (part) => {
      all += part;
    });
    socket.on('error', reject).on('close', () => resolve(all));
    socket.end(text);
  });
  let from = 0;
  for (const path of paths) {
    const end = back.indexOf('\r\n\r\n', from);
    const head = back.slice(from, end);
    expect(head).toMatch(path === '/none' ? /^HTTP\/1\.1 404 / : /^HTTP\/1\.1 200 /);
    expect(head).toMatch(/\r\nDate: \w{3}, /);
    const length = Number(/\r\nContent-Length: (\d+)/.exec(head)?.[1]);
    const body = back.slice(end + 4, end + 4 + length);
    if (path === '/none') expect(body).toBe('Not Found\n');
    else if (path === '/with-index/') expect(body).toBe('<p>index');
    else expect(Buffer.compare(Buffer.from(body, 'latin1'), BIG)).toBe(0);
    from = end + 4 + length;
  }
  expect(from).toBe(back.length);
});

test('bodies are refused, and what is behind them is no request', async () => {
  const { port } = await start('--root', site());
  const hidden = PLAIN.replace('/a', '/with-index/');
  const post = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
  const refused = await raw(port, post);
  expect(refused).toMatch(
    /^HTTP\/1\.1 405 [\s\S]*\r\nConnection: close\r\n[\s\S]*\r\n\r\nMethod Not Allowed\n$/,
  );
  const chunked = `${PLAIN.slice(0, -2)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`;
  expect(await raw(port, chunked)).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\nPayload Too Large\n$/);
});

test('peers that dawdle are left: between requests, in one, and in an answer', async () => {
  const { child, ended, port } = await start('--root', site(), '--idle-ms', '300');
  expect(await raw(port, '')).toBe('');
  expect(await raw(port, PLAIN)).toMatch(/^HTTP\/1\.1 404 [\s\S]*Not Found\n$/);
  expect(await raw(port, PLAIN.slice(0, -2))).toMatch(/^HTTP\/1\.1 408 [\s\S]*Request Timeout\n$/);
  // Empty lines are no request, and do not put it off.
  const dripping = connect(port, '127.0.0.1');
  const dripped = setInterval(() => dripping.write('\r\n'), 50);
  onTestFinished(() => clearInterval(dripped));
  dripping.resume().on('error', () => undefined);
  await new Promise((resolve) => dripping.on('close', resolve));
  // Who asks for much and takes none of it.
  const deaf = connect(port, '127.0.0.1').pause();
  deaf.write(PLAIN.replace('/a', '/big.bin').repeat(10));
  const writing = setInterval(() => deaf.write('x'), 50);
  onTestFinished(() => clearInterval(writing));
  await once(deaf, 'error');
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

test('a file that changes is sent as it is, once it is looked at again', async () => {
  const root = site();
  const path = join(root, 'page.css');
  const asked = PLAIN.replace('/a', '/page.css').replace('x\r\n', 'x\r\nConnection: close\r\n');
  for (const trusted of ['0', '50']) {
    const { port } = await start('--root', root, '--cache-ms', trusted);
    for (const text of ['one', 'another', 'a third one'.repeat(5000)]) {
      writeFileSync(path, text);
      const body = async (): Promise<string> => (await raw(port, asked)).split('\r\n\r\n')[1] ?? '';
      if (trusted === '0') expect((await body()) === text).toBe(true);
      else while ((await body()) !== text);
    }
  }
});
