/** The load balancer among the examples, between real clients and real backends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { configOf } from '../examples/balancer/config.js';
import { maglevTable, SIZE } from '../examples/balancer/maglev.js';
import { Pool } from '../examples/balancer/pool.js';
import { headerIn, headerOf } from '../examples/balancer/proxy-header.js';
import { Table } from '../examples/balancer/table.js';
import { folder, pattern, until } from './support/ring.js';

const program = fileURLToPath(new URL('../.dev/examples/balancer/main.js', import.meta.url));
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

// --- the balancer --------------------------------------------------------------------------------

type Service = Record<string, unknown>;

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** Lines of its output so far. */
  lines(): string[];
  errors(): string;
  portOf(service: string): number;
  reload(services: readonly Service[]): Promise<void>;
}

/** @param preload a module that every thread runs first */
async function startWith(
  preload: string | undefined,
  services: readonly Service[],
  ...words: string[]
): Promise<Running> {
  const path = join(folder(), 'balancer.json');
  const write = (list: readonly Service[]): void => {
    const named = list.map((service) => ({ listen: '127.0.0.1:0', ...service }));
    writeFileSync(path, JSON.stringify({ metrics: '127.0.0.1:0', workers: 1, services: named }));
  };
  write(services);
  const options = preload === undefined ? [] : ['--require', preload];
  const child = spawn(process.execPath, [...options, program, '--config', path, ...words]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  let over = false;
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    return { code, stdout, stderr };
  });
  await until(() => stdout.includes('/metrics\n') || over);
  const portOf = (service: string): number =>
    Number(new RegExp(`^${service}: .*?:(\\d+)[,/]`, 'm').exec(stdout)?.[1]);
  const reload = async (list: readonly Service[]): Promise<void> => {
    const count = (): number => stdout.split('reloaded').length + stderr.split('reloaded').length;
    const before = count();
    write(list);
    child.kill('SIGHUP');
    await until(() => count() > before);
  };
  return { child, ended, lines: () => stdout.split('\n'), errors: () => stderr, portOf, reload };
}

const start = (services: readonly Service[], ...words: string[]): Promise<Running> =>
  startWith(undefined, services, ...words);

const metricsOf = async (balancer: Running): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${balancer.portOf('metrics')}/metrics`)).text();

async function eventually(done: () => Promise<boolean>): Promise<void> {
  while (!(await done()));
}

// --- what is behind it ---------------------------------------------------------------------------

interface Behind {
  readonly address: string;
  readonly sockets: Set<Socket>;
  readonly server: Server;
  stop(): Promise<void>;
}

/** Says its name, and then what it hears. */
async function backend(name: string, port = 0): Promise<Behind> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.resetAndDestroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(stop);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, server, stop };
}

// --- who asks ------------------------------------------------------------------------------------

interface Client {
  readonly socket: Socket;
  /** All that it has received. */
  text(): string;
  readonly ended: Promise<string>;
}

function client(port: number, localAddress = '127.0.0.1'): Client {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (part) => {
    text += part;
  });
  let error = '';
  socket.on('error', ({ code }: NodeJS.ErrnoException) => {
    error = `${code}`;
  });
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(error === '' ? text : error));
  });
  return { socket, text: () => text, ended };
}

/** The name of the backend that answers; or how it ended. */
async function ask(port: number, words = '', localAddress?: string): Promise<string> {
  const { socket, ended } = client(port, localAddress);
  socket.end(words);
  return (await ended).replace('\n', words === '' ? '' : ' ');
}

/** A connection that stays, once the name has come. */
async function stay(port: number, localAddress?: string): Promise<Client & { name: string }> {
  const staying = client(port, localAddress);
  await until(() => staying.text().includes('\n') || staying.socket.destroyed);
  return { ...staying, name: staying.text().trim() };
}

const counted = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

// --- policies ------------------------------------------------------------------------------------

test('maglev: shares as the weights say, and one that goes takes its own places', () => {
  const names = Array.from({ length: 10 }, (_, index) => `192.0.2.${index}:80`);
  const even = maglevTable(
    names,
    names.map(() => 1),
  );
  const shares = (table: Int16Array): number[] =>
    names.map((_, index) => table.filter((who) => who === index).length / SIZE);
  for (const share of shares(even)) expect(share).toBeCloseTo(0.1, 3);
  const [first = 0, ...others] = shares(
    maglevTable(
      names,
      names.map((_, i) => (i === 0 ? 3 : 1)),
    ),
  );
  expect(first).toBeCloseTo(3 / 12, 3);
  for (const share of others) expect(share).toBeCloseTo(1 / 12, 3);

  const without = maglevTable(
    names,
    names.map((_, index) => (index === 4 ? 0 : 1)),
  );
  expect(without.includes(4)).toBe(false);
  const moved = even.filter((who, at) => who !== 4 && who !== without[at]).length;
  // A hash modulo ten and then nine would move nine of ten.
  expect(moved / SIZE).toBeLessThan(0.03);
  expect(
    maglevTable(
      names,
      names.map(() => 0),
    ).every((who) => who === -1),
  ).toBe(true);
});

test('a backend in its slow start has a share that grows', () => {
  const table = new Table(Table.create(1));
  const [row] = table.rows;
  const backends = [1, 2].map((place) => ({
    place,
    address: { host: '192.0.2.1', port: place },
    weight: 1,
    maxConnections: 100,
  }));
  const service = { policy: 'round-robin', slowStartMs: 60_000, backends, drainTimeoutMs: 1 };
  const sharesAt = (age: number): Record<string, number> => {
    table.setUp(2, true, Date.now() - age);
    const pool = new Pool(table, row as never, 0, service as never, () => undefined);
    return counted(
      Array.from({ length: 100 }, () => `${pool.take(0, [])?.place}`).map((place) => {
        row?.leave(Number(place));
        return place;
      }),
    );
  };
  expect(sharesAt(0)['2']).toBeLessThan(10);
  expect(sharesAt(30_000)['2']).toBeGreaterThan(25);
  expect(sharesAt(30_000)['2']).toBeLessThan(40);
  expect(sharesAt(60_000)['2']).toBe(50);
});

test('balancer: turns, weights, the least busy, and one backend for a client', async () => {
  const [a, b, c] = [await backend('a'), await backend('b'), await backend('c')];
  const three = [a, b, c].map(({ address }) => ({ address }));
  const balancer = await start([
    { name: 'turns', backends: [{ address: a.address, weight: 3 }, three[1], three[2]] },
    { name: 'least', policy: 'least-connections', backends: three },
    { name: 'maglev', policy: 'maglev', backends: three },
    { name: 'none', backends: [{ address: a.address, weight: 0 }] },
  ]);
  const turns: string[] = [];
  for (let round = 0; round < 10; round++) turns.push(await ask(balancer.portOf('turns')));
  expect(counted(turns)).toEqual({ a: 6, b: 2, c: 2 });
  expect(turns.slice(0, 5).sort()).toEqual(['a', 'a', 'a', 'b', 'c']);

  const staying: Awaited<ReturnType<typeof stay>>[] = [];
  for (let round = 0; round < 6; round++) staying.push(await stay(balancer.portOf('least')));
  expect(counted(staying.map(({ name }) => name))).toEqual({ a: 2, b: 2, c: 2 });
  const ofB = staying.filter(({ name }) => name === 'b');
  for (const { socket } of ofB) socket.end();
  await Promise.all(ofB.map(({ ended }) => ended));
  await until(() => b.sockets.size === 0);
  for (let round = 0; round < 2; round++) {
    expect((await stay(balancer.portOf('least'))).name).toBe('b');
  }

  const hosts = Array.from({ length: 24 }, (_, index) => `127.0.0.${index + 10}`);
  const names = await Promise.all(hosts.map((host) => ask(balancer.portOf('maglev'), '', host)));
  const again = await Promise.all(hosts.map((host) => ask(balancer.portOf('maglev'), '', host)));
  expect(again).toEqual(names);
  expect(Object.keys(counted(names)).sort()).toEqual(['a', 'b', 'c']);
  expect(await ask(balancer.portOf('none'))).toBe('ECONNRESET');
});

// --- backends that come and go -------------------------------------------------------------------

test('balancer: who is down is passed over at once, found out, and taken back', async () => {
  const [a, b] = [await backend('a'), await backend('b')];
  const health = { intervalMs: 20, timeoutMs: 500, rise: 2, fall: 2 };
  const backends = [a, b].map(({ address }) => ({ address }));
  const balancer = await start([
    { name: 'checked', backends, health },
    { name: 'blind', backends },
    { name: 'alone', backends: [backends[1]], retries: 0 },
  ]);
  await b.stop();
  // Nobody has looked yet: the other one is tried.
  const names = await Promise.all(Array.from({ length: 6 }, () => ask(balancer.portOf('blind'))));
  expect(counted(names)).toEqual({ a: 6 });
  expect(await ask(balancer.portOf('alone'))).toBe('ECONNRESET');
  await until(() => balancer.lines().includes(`checked: ${b.address} is down`));
  const text = await metricsOf(balancer);
  expect(text).toContain(`balancer_up{service="checked",backend="${b.address}"} 0`);
  expect(text).toMatch(/balancer_connect_failures_total\{service="blind",backend=".*"\} [1-6]\n/);
  const [, port] = b.address.split(':');
  const back = await backend('b', Number(port));
  await until(() => balancer.lines().includes(`checked: ${b.address} is up`));
  for (let seen = ''; !seen.includes('b'); ) seen += await ask(balancer.portOf('checked'));
  expect(back.server.listening).toBe(true);
});

test('balancer: a reload drops nothing, and what is gone is left in its own time', async () => {
  const [a, b] = [await backend('a'), await backend('b')];
  const service = { name: 'web', drainTimeoutMs: 30_000, policy: 'least-connections' };
  const balancer = await start([{ ...service, backends: [{ address: a.address }] }]);
  const bytes = pattern(2_000_000);
  const senders = await Promise.all(Array.from({ length: 4 }, () => stay(balancer.portOf('web'))));
  const send = async ({ socket }: Client, from: number, to: number): Promise<void> => {
    await new Promise<void>(
      (resolve) => void socket.write(bytes.subarray(from, to), () => resolve()),
    );
  };
  await Promise.all(senders.map((sender) => send(sender, 0, 1_000_000)));
  await balancer.reload([{ ...service, backends: [{ address: b.address }] }]);
  expect(counted(await Promise.all([1, 2, 3].map(() => ask(balancer.portOf('web')))))).toEqual({
    b: 3,
  });
  await Promise.all(senders.map((sender) => send(sender, 1_000_000, 2_000_000)));
  for (const { socket } of senders) socket.end();
  for (const { ended } of senders) {
    const back = Buffer.from((await ended).slice(2), 'latin1');
    expect([back.length, digest(back)]).toEqual([bytes.length, digest(bytes)]);
  }
  // A limit for what stays: first on b, which then is no more in the configuration.
  const staying = await stay(balancer.portOf('web'));
  await balancer.reload([{ ...service, drainTimeoutMs: 1, backends: [{ address: a.address }] }]);
  expect(await staying.ended).toMatch(/^b\n$|ECONNRESET/);
  // What cannot be is refused, and all goes on.
  await balancer.reload([{ ...service, listen: '127.0.0.1:1', backends: [] }]);
  expect(balancer.errors()).toContain('not reloaded: services[0].backends must be a list');
  await balancer.reload([
    { ...service, listen: '127.0.0.1:1', backends: [{ address: a.address }] },
  ]);
  expect(balancer.errors()).toContain('services.web.listen cannot be changed by a reload');
  expect(await ask(balancer.portOf('web'))).toBe('a');
});

// --- who is asking -------------------------------------------------------------------------------

test('PROXY headers: each is read as it was written, and nothing else is one', () => {
  const four = {
    source: { host: '192.0.2.7', port: 4321 },
    target: { host: '192.0.2.1', port: 80 },
  };
  const six = {
    source: { host: '2001:db8::7', port: 65_535 },
    target: { host: '::ffff:c000:201', port: 1 },
  };
  for (const version of ['v1', 'v2'] as const) {
    for (const ends of [four, six]) {
      const bytes = headerOf(version, ends);
      const whole = Buffer.concat([bytes, Buffer.from('GET /')]);
      expect(headerIn(whole)).toEqual({ length: bytes.length, ends });
      for (let length = 0; length < bytes.length; length++) {
        expect(headerIn(bytes.subarray(0, length))).toBe('more');
      }
    }
    const mixed = headerOf(version, { source: four.source, target: six.source });
    expect(headerIn(mixed)).toEqual({ length: mixed.length, ends: undefined });
  }
  const refused = [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 4321\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 4321 65536\r\n',
    'PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n',
    'PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n',
    `PROXY ${'x'.repeat(200)}`,
  ];
  for (const line of refused) expect(headerIn(Buffer.from(line))).toBe('none');
  const huge = Uint8Array.from(headerOf('v2', four));
  huge[14] = 255;
  expect(headerIn(huge)).toBe('none');
  for (let seed = 1; seed < 500; seed++) {
    const noise = Buffer.concat([headerOf('v2', four).subarray(0, 12), pattern(seed, seed)]);
    const found = headerIn(noise);
    if (typeof found === 'object') expect(found.length).toBeLessThanOrEqual(noise.length);
  }
});

test('balancer: PROXY headers go on to backends, and come from proxies', async () => {
  const echo = await backend('');
  const backends = [{ address: echo.address }];
  const balancer = await start([
    { name: 'one', backends, sendProxy: 'v1' },
    { name: 'two', backends, sendProxy: 'v2' },
    { name: 'taken', backends, sendProxy: 'v1', acceptProxy: true },
  ]);
  const heard = async (service: string, words: string | Uint8Array): Promise<Buffer> => {
    const { socket, ended } = client(balancer.portOf(service), '127.0.0.9');
    socket.end(words);
    return Buffer.from((await ended).slice(1), 'latin1');
  };
  const [one, two] = [balancer.portOf('one'), balancer.portOf('two')];
  expect(`${await heard('one', 'hello')}`).toMatch(
    new RegExp(`^PROXY TCP4 127\\.0\\.0\\.9 127\\.0\\.0\\.1 \\d+ ${one}\r\nhello$`),
  );
  const binary = await heard('two', 'hello');
  expect(headerIn(binary)).toMatchObject({
    length: 28,
    ends: { source: { host: '127.0.0.9' }, target: { host: '127.0.0.1', port: two } },
  });
  expect(`${binary.subarray(28)}`).toBe('hello');
  const line = 'PROXY TCP4 192.0.2.7 192.0.2.1 4321 80\r\n';
  expect(`${await heard('taken', `${line}hello`)}`).toBe(`${line}hello`);
  const large = pattern(300_000);
  const ends = { source: { host: '192.0.2.7', port: 1 }, target: { host: '192.0.2.1', port: 2 } };
  const back = await heard('taken', Buffer.concat([headerOf('v2', ends), large]));
  const start_ = 'PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n'.length;
  expect(digest(back.subarray(start_))).toBe(digest(large));
});

test('balancer: headers that are none, too long, cut off or never sent cost nothing', async () => {
  const a = await backend('a');
  const service = { name: 'web', acceptProxy: true, backends: [{ address: a.address }] };
  const balancer = await start([{ ...service, headerTimeoutMs: 200 }]);
  const port = balancer.portOf('web');
  expect(await ask(port, 'PROXY UNKNOWN\r\nhello')).toBe('a hello');
  const fds = (): number => readdirSync(`/proc/${balancer.child.pid}/fd`).length;
  const before = fds();
  const rude = [
    'GET / HTTP/1.1\r\n\r\n',
    'PROXY ',
    `PROXY ${'y'.repeat(5000)}`,
    Buffer.concat([headerOf('v2', unknown()).subarray(0, 14), Uint8Array.of(255, 255)]),
    ...Array.from({ length: 30 }, (_, seed) => pattern(3000, seed + 1)),
  ];
  const ends = rude.map((words) => {
    const { socket, ended } = client(port);
    socket.write(words);
    return ended;
  });
  // Says nothing, and one letter after the other.
  ends.push(client(port).ended);
  const slow = client(port);
  const timer = setInterval(() => slow.socket.writable && slow.socket.write('P'), 20);
  ends.push(slow.ended);
  for (const end of await Promise.all(ends)) expect(end).toMatch(/^$|ECONNRESET|EPIPE/);
  clearInterval(timer);
  await until(() => fds() <= before);
  expect(await metricsOf(balancer)).toMatch(/balancer_malformed_total\{service="web"\} 36\n/);
  expect(await metricsOf(balancer)).toContain('balancer_active{service="web"} 0\n');
  expect(await ask(port, 'PROXY UNKNOWN\r\nhello')).toBe('a hello');
});

const unknown = (): Parameters<typeof headerOf>[1] => ({
  source: { host: '127.0.0.1', port: 1 },
  target: { host: '127.0.0.1', port: 2 },
});

// --- limits --------------------------------------------------------------------------------------

test('balancer: limits in all, by backend, by client and by time', async () => {
  const [a, b] = [await backend('a'), await backend('b')];
  const backends = [a, b].map(({ address }) => ({ address }));
  const balancer = await start([
    { name: 'all', backends, maxConnections: 2 },
    { name: 'each', backends: [{ address: a.address, maxConnections: 1 }, backends[1]] },
    { name: 'client', backends, maxPerClient: 2 },
    { name: 'idle', backends, idleTimeoutMs: 50 },
    { name: 'slow', backends: [{ address: '192.0.2.1:9' }], connectTimeoutMs: 50, retries: 0 },
  ]);
  const all = balancer.portOf('all');
  const [first] = [await stay(all), await stay(all)];
  expect(await ask(all)).toBe('ECONNRESET');
  first.socket.end();
  await first.ended;
  await eventually(async () => (await metricsOf(balancer)).includes('active{service="all"} 1'));
  expect(await ask(all)).toMatch(/^[ab]$/);

  const each = [1, 2, 3, 4].map(() => stay(balancer.portOf('each')));
  expect(counted((await Promise.all(each)).map(({ name }) => name))).toEqual({ a: 1, b: 3 });

  const one = balancer.portOf('client');
  const two = [await stay(one, '127.0.0.7'), await stay(one, '127.0.0.7')];
  expect(await ask(one, '', '127.0.0.7')).toBe('ECONNRESET');
  expect(await ask(one, '', '127.0.0.8')).toMatch(/^[ab]$/);
  two[0]?.socket.end();
  await two[0]?.ended;
  for (let end = ''; end !== 'a' && end !== 'b'; ) end = await ask(one, '', '127.0.0.7');

  // Its name may have been too late for so short a time.
  expect(await (await stay(balancer.portOf('idle'))).ended).toMatch(/^([ab]\n)?$/);
  expect(await ask(balancer.portOf('slow'))).toBe('ECONNRESET');
  const text = await metricsOf(balancer);
  expect(text).toMatch(/balancer_broken_total\{service="idle",backend=".*"\} 1\n/);
  expect(text).toContain('balancer_connect_failures_total{service="slow",backend="192.0.2.1:9"} 1');
});

// --- UDP -----------------------------------------------------------------------------------------

async function datagrams(answer?: string): Promise<Datagrams & { at: number }> {
  const socket = createSocket('udp4');
  if (answer !== undefined) {
    socket.on('message', (bytes, { port, address }) => {
      socket.send(`${answer} ${bytes}`, port, address);
    });
  }
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void socket.close(resolve)));
  return Object.assign(socket, { at: socket.address().port });
}

test('balancer: datagrams of a client go to one backend, and answers find back', async () => {
  const [a, b] = [await datagrams('a'), await datagrams('b')];
  const free = await datagrams();
  const port = free.at + (free.at > 40_000 ? -7 : 7);
  const service = {
    name: 'udp',
    protocol: 'udp',
    listen: `127.0.0.1:${port}`,
    backends: [a, b].map(({ at }) => ({ address: `127.0.0.1:${at}` })),
    maxConnections: 3,
    idleTimeoutMs: 60_000,
  };
  const balancer = await start([service]);
  const talk = async (socket: Datagrams, words: string): Promise<string> => {
    const heard = once(socket, 'message');
    socket.send(words, port, '127.0.0.1');
    return `${(await heard)[0]}`;
  };
  const clients = [await datagrams(), await datagrams(), await datagrams()];
  const names: string[] = [];
  for (const socket of clients) {
    const first = await talk(socket, 'hello');
    names.push(first.replace(' hello', ''));
    for (let round = 0; round < 20; round++) {
      expect(await talk(socket, `${round}`)).toBe(`${first.replace('hello', `${round}`)}`);
    }
  }
  expect(Object.values(counted(names)).sort()).toEqual([1, 2]);
  // One too many, until another is idle.
  const late = await datagrams();
  late.send('x', port, '127.0.0.1');
  await eventually(async () =>
    (await metricsOf(balancer)).includes('refused_total{service="udp"} 1'),
  );
  await balancer.reload([{ ...service, idleTimeoutMs: 10 }]);
  await eventually(async () => (await metricsOf(balancer)).includes('active{service="udp"} 0'));
  await balancer.reload([service]);
  expect(await talk(late, 'now')).toMatch(/^[ab] now$/);
  balancer.child.kill('SIGTERM');
  expect(await balancer.ended).toMatchObject({ code: 0, stderr: '' });
});

// --- its life ------------------------------------------------------------------------------------

test('balancer: several workers, a view in lines, and an end that waits', async () => {
  const a = await backend('a');
  const service = { name: 'web', backends: [{ address: a.address }], drainTimeoutMs: 20_000 };
  const balancer = await start([service], '--workers', '2', '--view');
  const port = balancer.portOf('web');
  const names = await Promise.all(Array.from({ length: 20 }, () => ask(port)));
  expect(counted(names)).toEqual({ a: 20 });
  await until(() =>
    balancer.lines().some((line) => /^ {2}127\.0\.0\.1:\d+ +up +1 +0 +20 /.test(line)),
  );
  const staying = await stay(port);
  balancer.child.kill('SIGTERM');
  await eventually(async () => (await ask(port)) === 'ECONNREFUSED');
  staying.socket.end('to the end');
  expect(await staying.ended).toBe('a\nto the end');
  expect(await balancer.ended).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringMatching(/^2\d connections$/m),
  });
});

test('balancer: a worker that fails is replaced, and what it had counts no more', async () => {
  const [a, b] = [await backend('a'), await backend('b')];
  const fail = join(folder(), 'fail');
  const preload = join(folder(), 'preload.cjs');
  writeFileSync(
    preload,
    `const { existsSync, rmSync } = require('node:fs');
    const look = () => {
      if (!existsSync('${fail}')) return;
      rmSync('${fail}');
      throw new Error('told to fail');
    };
    if (!require('node:worker_threads').isMainThread) setInterval(look, 5).unref();`,
  );
  const service = { name: 'web', maxConnections: 1, maxPerClient: 1 };
  const balancer = await startWith(preload, [{ ...service, backends: [{ address: a.address }] }]);
  const staying = await stay(balancer.portOf('web'));
  expect(await ask(balancer.portOf('web'))).toBe('ECONNRESET');
  // The one that comes has the configuration of now, not that of the start.
  await balancer.reload([{ ...service, backends: [{ address: b.address }] }]);
  writeFileSync(fail, '');
  expect(await staying.ended).toMatch(/^a\n$|ECONNRESET/);
  for (let name = ''; name !== 'b'; ) name = await ask(balancer.portOf('web'));
  expect(balancer.errors()).toContain('told to fail');
});

test('balancer: an end does not wait for ever', async () => {
  const a = await backend('a');
  const service = { name: 'web', backends: [{ address: a.address }], drainTimeoutMs: 50 };
  const balancer = await start([service]);
  const staying = await stay(balancer.portOf('web'));
  balancer.child.kill('SIGTERM');
  expect(await staying.ended).toMatch(/^a\n$|ECONNRESET/);
  expect(await balancer.ended).toMatchObject({ code: 0, stderr: '' });
});

test('balancer: what it cannot work with it says', async () => {
  const good = { name: 'web', listen: '127.0.0.1:0', backends: [{ address: '127.0.0.1:80' }] };
  const cases: [unknown, string][] = [
    [{ services: [] }, 'config.services must be a list'],
    [{ services: [good], worker: 1 }, 'config.worker is not known; there are workers, metrics'],
    [{ services: [good, good] }, "services: 'web' is there twice"],
    [{ services: [{ ...good, name: 'a b' }] }, 'services[0].name must be a word'],
    [
      { services: [{ ...good, listen: 'here:80' }] },
      'services[0].listen must be a numeric address',
    ],
    [{ services: [{ ...good, policy: 'best' }] }, "services[0].policy must be 'round-robin' or"],
    [
      { services: [{ ...good, backends: [{ address: '127.0.0.1:0' }] }] },
      'services[0].backends[0].address must be a numeric address',
    ],
    [
      { services: [{ ...good, backends: [{ address: '127.0.0.1:1', weight: -1 }] }] },
      'services[0].backends[0].weight must be a whole number from 0 to 1000, and is -1',
    ],
    [{ services: [{ ...good, health: { rise: 0 } }] }, 'services[0].health.rise must be a whole'],
    [{ services: [{ ...good, protocol: 'udp' }] }, 'services[0].listen must be'],
    [{ services: [{ ...good, sendProxy: 'v3' }] }, "services[0].sendProxy must be 'v1' or 'v2'"],
  ];
  for (const [config, said] of cases) expect(() => configOf(config)).toThrow(said);

  const run = async (...words: string[]): Promise<{ code: number; stderr: string }> => {
    const child = spawn(process.execPath, [program, ...words]);
    let stderr = '';
    child.stderr.on('data', (part) => {
      stderr += part;
    });
    const [code] = await once(child, 'close');
    return { code, stderr };
  };
  const path = join(folder(), 'config.json');
  expect(await run()).toMatchObject({ code: 2, stderr: expect.stringContaining('--config') });
  expect(await run('--config', path)).toMatchObject({ code: 2 });
  writeFileSync(path, '{');
  const words = { stderr: expect.stringContaining('is no JSON') };
  expect(await run('--config', path)).toMatchObject({ code: 2, ...words });
  writeFileSync(path, JSON.stringify({ services: [good] }));
  expect(await run('--config', path, '--workers', '0')).toMatchObject({ code: 2 });
  expect(await run('--config', path, '--check')).toEqual({ code: 0, stderr: '' });
});
