/** The examples, run as their readers would run them. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppendLog } from 'nearmetal/log';
import { expect, onTestFinished, test } from 'vitest';
import { alone } from './support/hugepages.js';
import { folder, pattern } from './support/ring.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Said when something was out of date, which is no business of the example. */
const BUILDING = /^(building|built) .*\n/gm;

interface Running {
  readonly child: ChildProcess;
  /** The first line of its output. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

function run(...words: string[]): Running {
  const options = { cwd: root, detached: true };
  const child = spawn('npm', ['run', '--silent', 'example', '--', ...words], options);
  let running = true;
  child.on('close', () => {
    running = false;
  });
  onTestFinished(() => void (running && process.kill(-child.pid!, 'SIGKILL')));
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const firstLine = new Promise<string>((resolve) => {
    child.stdout.on('data', (part) => {
      stdout += part;
      if (stdout.includes('\n')) resolve(stdout.slice(0, stdout.indexOf('\n')));
    });
  });
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr: stderr.replace(BUILDING, '') }));
  });
  return { child, firstLine, ended };
}

/** Sends everything, ends its side, and answers what came back. */
function echoed(port: number, parts: readonly Uint8Array[], pauseMs = 0): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const back: Buffer[] = [];
    socket.on('error', reject);
    socket.on('data', (part) => {
      back.push(part);
      if (pauseMs > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), pauseMs);
      }
    });
    socket.on('end', () => resolve(Buffer.concat(back)));
    for (const part of parts) socket.write(part);
    socket.end();
  });
}

test('echo sends everything back, to many at once, and stops with a summary', async () => {
  const { child, firstLine, ended } = run('echo', '--port', '0');
  const line = await Promise.race([firstLine, ended.then(({ stderr }) => stderr)]);
  expect(line).toMatch(/^listening on 127\.0\.0\.1:\d+$/);
  const port = Number(line.split(':')[1]);

  expect(String(await echoed(port, [Buffer.from('hello')]))).toBe('hello');
  const pipelined = Array.from({ length: 2000 }, (_, index) => Buffer.from(`message ${index}\n`));
  expect(await echoed(port, pipelined)).toEqual(Buffer.concat(pipelined));
  expect((await echoed(port, [])).length).toBe(0);
  // More than all buffers of the pool hold, to a reader that is slow: short sends, and a dry pool.
  const large = pattern(24 << 20);
  expect(Buffer.compare(await echoed(port, [large], 1), large)).toBe(0);
  const many = Array.from({ length: 50 }, (_, seed) => pattern(100_000, seed + 1));
  const backs = await Promise.all(many.map((bytes) => echoed(port, [bytes])));
  expect(backs.map((back, index) => Buffer.compare(back, many[index]!))).toEqual(Array(50).fill(0));

  // One goes without reading what it is owed; one stays open until the end.
  const rude = connect(port, '127.0.0.1');
  rude.on('error', () => undefined);
  rude.write(pattern(1 << 20), () => rude.resetAndDestroy());
  await new Promise((resolve) => rude.on('close', resolve));
  const idle = connect(port, '127.0.0.1');
  idle.on('error', () => undefined);
  await new Promise((resolve) => idle.write('x', resolve));
  await new Promise((resolve) => idle.once('data', resolve));

  // As Ctrl-C does: to everything that the terminal runs.
  process.kill(-child.pid!, 'SIGINT');
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  // The exit code is npm's own: it ends by the signal, too.
  expect(stdout).toMatch(/^56 connections, [12] of them open, \d+ bytes echoed$/m);
});

test('echo says why it cannot listen', async () => {
  const { ended } = run('echo', '--host', 'localhost');
  const { code, stderr } = await ended;
  expect(stderr).toContain('must be a numeric IPv4 or IPv6 address');
  expect(code).not.toBe(0);
});

test('read-many reads files and folders, as many bytes as they have', async () => {
  const base = folder();
  mkdirSync(join(base, 'below'));
  let total = 0;
  for (let index = 0; index < 100; index++) {
    const bytes = pattern(index * 4999);
    writeFileSync(join(base, index % 2 ? 'below' : '.', `file ${index}`), bytes);
    total += bytes.length;
  }
  const { code, stdout, stderr } = await run('read-many', base).ended;
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const figures = [...stdout.matchAll(/^(\S+) +(\d+) bytes of (\d+) files in [\d.]+ ms$/gm)];
  expect(figures.map(([, ...words]) => words)).toEqual([
    ['nearmetal', String(total), '100'],
    ['fs.promises', String(total), '100'],
  ]);
  const { size } = statSync(join(root, 'package.json'));
  const one = await run('read-many', 'package.json').ended;
  expect(one.stdout).toContain(`${size} bytes of 1 files`);
});

test('read-many says what it wants, and what it did not find', async () => {
  const none = await run('read-many').ended;
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: ') });
  const gone = await run('read-many', 'not-here').ended;
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
});

test('journal keeps lines, prints them, and says that somebody has it open', async () => {
  const path = join(folder(), 'journal');
  const keeping = run('journal', 'keep', path);
  keeping.child.stdin?.end('one\ntwo\n');
  expect(await keeping.ended).toMatchObject({ code: 0, stderr: '' });
  expect(await keeping.firstLine).toBe('2 lines are durable, the last 2');
  const log = await AppendLog.open(path);
  const refused = await run('journal', 'print', path).ended;
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is open already') });
  await log.close();
  expect((await run('journal', 'print', path).ended).stdout).toBe('1 one\n2 two\n');
  expect(await run('journal').ended).toMatchObject({ code: 2 });
});

test('chat: one room for lines over TCP and for a page over HTTP', async () => {
  const { child, firstLine, ended } = run('chat', '--port', '0', '--http-port', '0');
  const line = await Promise.race([firstLine, ended.then(({ stderr }) => stderr)]);
  const [, port, httpPort] = /^lines on .*:(\d+), the page on .*:(\d+)\/$/.exec(line) ?? [];
  const guest = connect(Number(port), '127.0.0.1').setEncoding('utf8');
  guest.on('error', () => undefined);
  let heard = '';
  guest.on('data', (part) => {
    heard += part;
  });
  const hears = async (words: string): Promise<void> => {
    while (!heard.includes(words)) await new Promise((resolve) => guest.once('data', resolve));
  };
  await hears('guest 1 is here');
  guest.write('hel');
  guest.write('lo\n');
  await hears('guest 1: hello');
  const at = `http://127.0.0.1:${httpPort}`;
  expect(await (await fetch(at)).text()).toContain('EventSource');
  const news = await fetch(`${at}/news`);
  expect((await fetch(`${at}/say`, { method: 'POST', body: 'from the page' })).status).toBe(204);
  await hears('the page: from the page');
  const reader = news.body!.getReader();
  expect(Buffer.from((await reader.read()).value!).toString()).toContain('the page: from the page');
  process.kill(-child.pid!, 'SIGINT');
  await hears('the room closes');
  guest.end();
  await reader.cancel();
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  expect(stdout).toContain('the room is closed after 1 guests');
});

test('cores: a worker on each CPU, new threads without a loss, and a count of each', async () => {
  const { child, firstLine, ended } = run('cores', '--port', '0');
  const line = await Promise.race([firstLine, ended.then(({ stderr }) => stderr)]);
  const [, workers, port] = /^(\d+) workers on 127\.0\.0\.1:(\d+)$/.exec(line) ?? [];
  const echo = async (): Promise<void> => {
    const many = Array.from({ length: 20 }, (_, seed) => pattern(10_000, seed + 1));
    const backs = await Promise.all(many.map((bytes) => echoed(Number(port), [bytes])));
    expect(backs.map((back, index) => Buffer.compare(back, many[index]!))).toEqual(
      Array(20).fill(0),
    );
  };
  await echo();
  // To the program alone: npm would end of it.
  const reloaded = new Promise<void>((resolve) => {
    child.stdout!.on('data', (part) => String(part).includes('reloaded') && resolve());
  });
  const pid = execFileSync('pgrep', ['-g', String(child.pid), '-f', 'examples/cores/main.js']);
  process.kill(Number(String(pid).trim().split('\n').at(-1)), 'SIGHUP');
  await reloaded;
  await echo();
  process.kill(-child.pid!, 'SIGINT');
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  const done = [...stdout.matchAll(/^worker \d+: (\d+) connections, (\d+) bytes echoed$/gm)];
  expect(done).toHaveLength(Number(workers));
  const sum = (at: number) => done.reduce((total, found) => total + Number(found[at]), 0);
  expect([sum(1), sum(2)]).toEqual([20, 200_000]);
});

test('watch tells of changes, counts them, and stops with the sum', async () => {
  const base = folder();
  const { child, firstLine, ended } = run('watch', '--every-ms', '20', base);
  const first = await Promise.race([firstLine, ended.then(({ stderr }) => stderr)]);
  expect(first).toBe(`watching ${base}`);
  const counted = new Promise<void>((resolve) => {
    child.stdout!.on('data', (part) => /\d+ changes\n/.test(String(part)) && resolve());
  });
  writeFileSync(join(base, 'one'), 'x');
  renameSync(join(base, 'one'), join(base, 'two'));
  await counted;
  process.kill(-child.pid!, 'SIGINT');
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  const lines = stdout.split('\n').filter((line) => !/^\d+ changes$/.test(line));
  const [one, two] = [join(base, 'one'), join(base, 'two')];
  expect(lines.slice(1, 5)).toEqual([
    `create ${one}`,
    `closeWrite ${one}`,
    `rename ${one} ${two}`,
    '3 changes in all',
  ]);
});

test('watch says what it wants, and what it cannot watch', async () => {
  const none = await run('watch').ended;
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: ') });
  const gone = await run('watch', 'not-here').ended;
  expect(gone).toMatchObject({ code: 2, stderr: expect.stringContaining('ENOENT') });
});

test('metrics sums what comes by UDP, and says the rest at its end', async () => {
  const { child, firstLine, ended } = run('metrics', '--port', '0', '--every-ms', '50');
  const first = await Promise.race([firstLine, ended.then(({ stderr }) => stderr)]);
  const port = Number(/^listening on (\d+)$/.exec(first)?.[1]);
  const told = new Promise<void>((resolve) => {
    child.stdout!.on('data', (part) => /^users = 5$/m.test(String(part)) && resolve());
  });
  const socket = createSocket('udp4');
  const send = (text: string) =>
    new Promise((resolve) => socket.send(text, port, '127.0.0.1', resolve));
  for (const took of [1, 2, 3]) await send(`hits:1|c|@0.5\ntook:${took}|ms\nnot a metric`);
  await send('users:7|g');
  await send('users:-2|g');
  socket.close();
  await told;
  process.kill(-child.pid!, 'SIGINT');
  const { stdout, stderr } = await ended;
  expect(stderr).toBe('');
  const sum = (line: RegExp) =>
    [...stdout.matchAll(line)].reduce((total, found) => total + Number(found[1]), 0);
  expect(sum(/^hits (\d+)$/gm)).toBe(6);
  expect(sum(/^took (\d+) times, .* ms, mean .* ms$/gm)).toBe(3);
  expect(sum(/^(\d+) malformed lines$/gm)).toBe(3);
  expect(stdout).toMatch(/^5 datagrams, 127 bytes, 0 dropped\n$/m);
});

test('metrics says what it wants', async () => {
  const { code, stderr } = await run('metrics', '--every-ms', '0').ended;
  expect([code, stderr]).toEqual([2, expect.stringContaining('usage: ')]);
});

test('place puts a table on large pages, and says where it is', async () => {
  // It takes pages of the pool where there are any, and other tests count on theirs.
  const { code, stdout, stderr } = await alone(() => run('place', '--mib', '8').ended);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^pinned to CPU \d+, whose memory is on node \d+\n/);
  expect(stdout).toMatch(/^ordinary: .*MiB in pages of \d+/m);
  expect(stdout).toMatch(/^placed: .*MiB in pages of \d+/m);
  expect(stdout.match(/^ {2}\d+ page faults, [\d.]+ ns for each step$/gm)).toHaveLength(2);
  const wrong = await run('place', '--mib', 'many').ended;
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: ') });
});

test('talk lets one worker ask another, and counts in shared memory', async () => {
  const { code, stdout, stderr } = await run('talk', '--requests', '500').ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^500 asked, 500 answered, [\d.]+ µs each\n$/);
  const wrong = await run('talk', '--requests', 'many').ended;
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('usage: ') });
});
