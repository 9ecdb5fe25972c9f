/** Libraries written for Node, with their real traffic over connections of ours. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createSecureServer, request as secureRequest } from 'node:https';
import { type AddressInfo, connect as connectNode } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, connect as secureConnect } from 'node:tls';
import express from 'express';
import fastify from 'fastify';
import { Redis } from 'ioredis';
import { Agent, createServer, request } from 'nearmetal/http';
import {
  Connection,
  connect,
  createServer as createNetServer,
  Listener,
  Socket,
} from 'nearmetal/net';
import { proxy } from 'nearmetal/zerocopy';
import pg from 'pg';
import { Client } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { onEachBackend } from '../support/backends.js';
import { folder, until } from '../support/ring.js';

const ignore = (): void => undefined;

/** A key and a certificate of this minute. */
function certificate(): { key: Buffer; cert: Buffer } {
  const at = folder();
  const [key, cert] = [join(at, 'key'), join(at, 'cert')];
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${key} -out ${cert}`;
  execFileSync('openssl', words.split(/\s+/), { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
}

onEachBackend((backend) => {
  const agent = (): Agent => {
    const made = new Agent({ keepAlive: true, backend });
    onTestFinished(() => made.destroy());
    return made;
  };

  async function ask(
    port: number,
    path: string,
    options: { method?: string; body?: Uint8Array | string; headers?: object; agent?: Agent } = {},
  ): Promise<Answer> {
    const { body, method, headers } = options;
    const asked = request({
      port,
      path,
      host: '127.0.0.1',
      agent: options.agent ?? agent(),
      ...(method === undefined ? {} : { method }),
      ...(headers === undefined ? {} : { headers: headers as Record<string, string> }),
    });
    asked.end(body);
    const [response] = await once(asked, 'response');
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) };
  }

  async function up(server: ReturnType<typeof createServer>): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return (server.address() as AddressInfo).port;
  }

  test('node:http itself: keep-alive, large bodies both ways, its end', async () => {
    const server = createServer({ backend }, async (received, response) => {
      const hash = createHash('sha256');
      for await (const part of received) hash.update(part);
      response.setHeader('x-hash', hash.digest('hex'));
      response.end(Buffer.alloc(500_000, received.url ?? ''));
    });
    expect([server.listening, server.address()]).toEqual([false, null]);
    const port = await up(server);
    expect(server.listening).toBe(true);
    const over = agent();
    let connections = 0;
    server.on('connection', () => connections++);
    for (let round = 0; round < 5; round++) {
      const body = randomBytes(300_000);
      const answer = await ask(port, `/${round}`, { method: 'POST', body, agent: over });
      expect(answer.headers['x-hash']).toBe(createHash('sha256').update(body).digest('hex'));
      expect(answer.body.equals(Buffer.alloc(500_000, `/${round}`))).toBe(true);
    }
    expect(connections).toBe(1);
    const count = await new Promise((resolve) => server.getConnections((_, all) => resolve(all)));
    expect(count).toBe(1);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      over.destroy();
    });
    expect(server.listening).toBe(false);
    const again = await new Promise<Error | undefined>((resolve) => void server.close(resolve));
    expect(again).toMatchObject({ code: 'ERR_SERVER_NOT_RUNNING' });
  });

  test("node:http's own answer to what is no request", async () => {
    const port = await up(createServer({ backend }));
    const client = connectNode({ port, host: '127.0.0.1' }).on('error', ignore);
    client.write('this is no request\r\n\r\n');
    let heard = '';
    for await (const part of client) heard += part;
    expect(heard).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  test('Express 5', async () => {
    const app = express();
    app.use(express.json());
    app.get('/hello/:name', (received, response) => {
      response.json({ hello: received.params['name'], from: received.ip });
    });
    app.post('/sum', (received, response) => {
      response.send(String(received.body.reduce((sum: number, each: number) => sum + each, 0)));
    });
    const port = await up(createServer({ backend }, app));
    const hello = await ask(port, '/hello/world');
    expect(JSON.parse(`${hello.body}`)).toEqual({ hello: 'world', from: '127.0.0.1' });
    const headers = { 'content-type': 'application/json' };
    const sum = await ask(port, '/sum', { method: 'POST', body: '[1,2,3]', headers });
    expect(`${sum.body}`).toBe('6');
    expect((await ask(port, '/nowhere')).status).toBe(404);
  });

  test('Fastify 5', async () => {
    const app = fastify({
      serverFactory: (handler) => createServer({ backend }, handler) as never,
    });
    app.get('/hello', async () => ({ hello: 'world' }));
    app.post('/echo', async ({ body }) => body);
    await app.listen({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => app.close());
    const { port } = app.server.address() as AddressInfo;
    expect(JSON.parse(`${(await ask(port, '/hello')).body}`)).toEqual({ hello: 'world' });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ list: [1, 2] });
    const echoed = await ask(port, '/echo', { method: 'POST', body, headers });
    expect(`${echoed.body}`).toBe(body);
    await app.close();
    expect(app.server.listening).toBe(false);
  });

  test('ws: both sides, small and large messages, and the close', async () => {
    const server = createServer({ backend });
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => {
      socket.on('message', (message, binary) => socket.send(message, { binary }));
    });
    const port = await up(server);
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, { agent: agent() });
    await once(client, 'open');
    const large = randomBytes(1_000_000);
    client.send('hello');
    client.send(large);
    const got: Buffer[] = [];
    client.on('message', (message) => got.push(message as Buffer));
    await until(() => got.length === 2);
    expect([`${got[0]}`, got[1]?.equals(large)]).toEqual(['hello', true]);
    client.ping();
    await once(client, 'pong');
    client.close(1000, 'done');
    const [code, reason] = await once(client, 'close');
    expect([code, `${reason}`]).toEqual([1000, 'done']);
    sockets.close();
  });

  test('undici', async () => {
    const server = createServer({ backend }, (received, response) => received.pipe(response));
    const port = await up(server);
    const client = new Client(`http://127.0.0.1:${port}`, {
      connect: ({ hostname, port: to }, callback) => {
        const socket = connect({ host: hostname, port: to, backend });
        socket.once('connect', () => callback(null, socket as never));
        socket.once('error', (error) => callback(error, null));
      },
      pipelining: 4,
    });
    onTestFinished(() => client.destroy());
    const bodies = Array.from({ length: 8 }, () => randomBytes(100_000));
    const answers = await Promise.all(
      bodies.map(async (body) => {
        const answer = await client.request({ path: '/', method: 'PUT', body });
        return Buffer.from(await answer.body.arrayBuffer());
      }),
    );
    expect(answers.every((answer, index) => answer.equals(bodies[index] as Buffer))).toBe(true);
  });

  test('ioredis, with a server that speaks as Redis does', async () => {
    const values = new Map<string, string>();
    const server = createNetServer({ backend }, (socket) => {
      let text = '';
      socket.on('error', ignore).on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let taken = takeCommand(text); taken !== undefined; taken = takeCommand(text)) {
          text = taken.rest;
          socket.write(redisAnswer(taken.words, values), 'latin1');
        }
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    class Connector {
      readonly stream = connect({ port, host: '127.0.0.1', backend });
      check = (): boolean => true;
      connect = async (): Promise<Socket> => this.stream;
      disconnect = (): void => void this.stream.end();
    }
    const redis = new Redis({ Connector: Connector as never, enableReadyCheck: false });
    expect(await redis.set('key', 'x'.repeat(100_000))).toBe('OK');
    expect(await redis.get('key')).toBe('x'.repeat(100_000));
    const many = Array.from({ length: 500 }, (_, index) => redis.set(`${index}`, `${index}`));
    await Promise.all(many);
    expect(await redis.get('499')).toBe('499');
    expect(values.size).toBe(501);
    await redis.quit();
    server.close();
  });

  test('pg, with a server that speaks as PostgreSQL does', async () => {
    const server = createNetServer({ backend }, speakPostgres);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const stream = (): never => new Socket({ backend }) as never;
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'test', stream });
    await client.connect();
    const { rows } = await client.query('select something');
    expect(rows).toEqual([{ answer: 'select something' }]);
    for (let index = 0; index < 100; index++) {
      const { rows: each } = await client.query(`query ${index}`);
      expect(each).toEqual([{ answer: `query ${index}` }]);
    }
    await client.end();
    server.close();
  });

  test('node:tls on both sides', async () => {
    const { key, cert } = certificate();
    const secure = createTlsServer({ key, cert }, (socket) => socket.pipe(socket));
    const server = createNetServer({ backend }, (socket) => {
      secure.emit('connection', socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const raw = connect({ port, host: '127.0.0.1', backend });
    const client = secureConnect({ socket: raw as Duplex, ca: cert, servername: 'localhost' });
    await once(client, 'secureConnect');
    expect(client.authorized).toBe(true);
    const bytes = randomBytes(1_000_000);
    client.write(bytes);
    const parts: Buffer[] = [];
    let length = 0;
    client.on('data', (part) => {
      parts.push(part);
      length += part.length;
    });
    await until(() => length === bytes.length);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    client.destroy();
    await once(raw, 'close');
    server.close();
  });

  test('node:tls through a proxy, which sees nothing', async () => {
    const { key, cert } = certificate();
    const secure = createTlsServer({ key, cert }, (socket) => socket.pipe(socket));
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
    const target = (secure.address() as AddressInfo).port;
    const listener = Listener.open({ backend });
    const passed = (async () => {
      const near = (await listener.accept()) as Connection;
      const far = await Connection.open({ port: target, host: '127.0.0.1', backend });
      return await proxy(near, far);
    })();
    const raw = connect({ port: listener.port as number, host: '127.0.0.1', backend });
    const client = secureConnect({ socket: raw as Duplex, ca: cert, servername: 'localhost' });
    const bytes = randomBytes(3_000_000);
    client.end(bytes);
    const parts: Buffer[] = [];
    for await (const part of client) parts.push(part);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    const { aToB, bToA } = await passed;
    expect(Math.min(aToB, bToA)).toBeGreaterThan(bytes.length);
    listener.close();
    secure.close();
  });

  test('https over it', async () => {
    const { key, cert } = certificate();
    const secure = createSecureServer({ key, cert }, (_, response) => response.end('secret'));
    const server = createNetServer({ backend, allowHalfOpen: true }, (socket) => {
      secure.emit('connection', socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const asked = secureRequest({ port, host: 'localhost', ca: cert, family: 4 }).end();
    const [response] = await once(asked, 'response');
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part);
    expect(`${Buffer.concat(parts)}`).toBe('secret');
    server.close();
  });
});

/** The first command of a RESP stream, and what is behind it. */
function takeCommand(text: string): { words: string[]; rest: string } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  const words: string[] = [];
  let at = head[0].length;
  while (words.length < Number(head[1])) {
    const length = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (length === null) return undefined;
    const from = at + length[0].length;
    const to = from + Number(length[1]);
    if (text.length < to + 2) return undefined;
    words.push(text.slice(from, to));
    at = to + 2;
  }
  return { words, rest: text.slice(at) };
}

function redisAnswer([command = '', key = '', value = '']: string[], values: Map<string, string>) {
  if (/^set$/i.test(command)) values.set(key, value);
  if (!/^get$/i.test(command)) return '+OK\r\n';
  const found = values.get(key);
  return found === undefined ? '$-1\r\n' : `$${found.length}\r\n${found}\r\n`;
}

/** Every query is answered with one row: its own text. */
function speakPostgres(socket: Socket): void {
  const message = (type: string, body: Uint8Array): Buffer => {
    const head = Buffer.alloc(5);
    head.write(type, 0, 'latin1');
    head.writeUInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const ready = message('Z', Buffer.from('I'));
  let bytes = Buffer.alloc(0);
  let started = false;
  socket.on('error', ignore).on('data', (part) => {
    bytes = Buffer.concat([bytes, part]);
    for (;;) {
      const at = started ? 1 : 0;
      if (bytes.length < at + 4) return;
      const length = bytes.readUInt32BE(at);
      if (bytes.length < at + length) return;
      const type = started ? bytes.toString('latin1', 0, 1) : 'start';
      const body = bytes.subarray(at + 4, at + length);
      bytes = bytes.subarray(at + length);
      started = true;
      if (type === 'start') socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      else if (type === 'X') socket.end();
      else if (type === 'Q') socket.write(Buffer.concat([row(body.subarray(0, -1)), ready]));
    }
  });
  function row(text: Uint8Array): Buffer {
    const about = Buffer.alloc(18);
    about.writeUInt32BE(25, 6);
    about.writeInt16BE(-1, 10);
    const columns = Buffer.concat([Buffer.from([0, 1]), Buffer.from('answer\0'), about]);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(text.length);
    const data = Buffer.concat([Buffer.from([0, 1]), size, text]);
    const complete = message('C', Buffer.from('SELECT 1\0'));
    return Buffer.concat([message('T', columns), message('D', data), complete]);
  }
}
