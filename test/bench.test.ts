/** The harness works as its users run it; its client notices every wrong byte. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { parseCpuList } from '../bench/_lib/cpus.js';
import { interleave } from '../bench/_lib/interleave.js';
import { root, subjectFile } from '../bench/_lib/paths.js';
import { hasCompiler, reference } from '../bench/_lib/reference.js';
import { has } from './support/needs.js';

const BUILD_TIMEOUT_MS = 300_000;

function bench(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const args = ['run', '--silent', 'bench', '--', ...words];
  return spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
}

function needsCompiler(context: TestContext): void {
  context.skip(!hasCompiler(), 'no C compiler (gcc, cc or clang) on this machine');
}

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

/** An echo server in this process that hands each chunk through `change` first. */
async function listen(change: (bytes: Buffer, total: number) => Buffer): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    let total = 0;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      socket.write(change(bytes, total));
      total += bytes.length;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

interface LoadResult {
  readonly code: number | null;
  readonly answer: { messages: number; errors: number; error?: string; p50_us?: number };
  readonly stderr: string;
}

function load(client: string[], port: number, ...shape: number[]): Promise<LoadResult> {
  const [file, ...first] = client;
  const child = spawn(file as string, [...first, String(port), ...shape.map(String)]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += text));
  child.stderr.on('data', (text) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, answer: JSON.parse(stdout), stderr }));
  });
}

async function startReference(name: string, ...words: string[]): Promise<[number, ChildProcess]> {
  const child = spawn(reference(name), words, { stdio: ['pipe', 'pipe', 'inherit'] });
  cleanUp.push(() => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    return [JSON.parse(line).port, child];
  }
  throw new Error(`${name} ended without printing its port`);
}

const ended = (child: ChildProcess) =>
  new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));

describe('the command', () => {
  beforeAll(() => {
    bench('--list');
  }, BUILD_TIMEOUT_MS);

  it('lists its benchmarks', () => {
    const { status, stdout } = bench('--list');
    expect(status).toBe(0);
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s/)[0]);
    expect(names).toEqual([
      'nop',
      'modes',
      'crossing',
      'echo',
      'latency',
      'cores',
      'http',
      'udp',
      'fread',
      'fwrite',
      'log',
      'sendfile',
      'proxy',
      'stat',
      'copy',
      'readiness',
      'tlb',
      'alloc',
      'faults',
      'affinity',
      'numa',
      'spsc',
      'mpmc',
      'channel',
      'futex',
      'timers',
    ]);
  });

  it('refuses names and options that it does not know', () => {
    const name = bench('nope');
    expect(name.status).toBe(2);
    expect(name.stderr).toMatch(/no benchmark is called nope; there are:\nnop/);
    const option = bench('nop', '--fast');
    expect(option.status).toBe(2);
    expect(option.stderr).toMatch(/unknown option --fast/);
  });

  it('prints one result per line of JSON, ratios being value / reference', (context) => {
    needsCompiler(context);
    const { status, stdout, stderr } = bench('nop', '--json', '--quick');
    expect(stderr).not.toMatch(/FAILED/);
    expect(status).toBe(0);
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const subjects = new Set(results.map((result) => result.subject));
    const ours = ['raw ring', 'raw ring, frozen operation', 'handlers', 'promises'].map(
      (door) => `nearmetal ${door}`,
    );
    expect([...subjects].sort()).toEqual(['C io_uring', ...ours].sort());
    for (const { system_calls_per_op: calls, ...result } of results) {
      // The raw ring enters the kernel once for a batch; what a turn takes beside is little.
      if (!has('program:strace')) expect(calls).toBeUndefined();
      else if (/^C|raw/.test(result.subject)) {
        const batch = Number(result.metric.slice('batch '.length));
        expect(calls * batch).toBeGreaterThanOrEqual(0.99);
        expect(calls * batch).toBeLessThan(4);
      } else expect(calls).toBeGreaterThan(0);
      expect(result).toEqual({
        bench: 'nop',
        subject: expect.any(String),
        metric: expect.stringMatching(/^batch (1|8|64|256)$/),
        value: expect.any(Number),
        unit: 'ns/op',
        reference: 'C io_uring',
        ratio: expect.any(Number),
        cpu_us_per_op: expect.any(Number),
      });
      expect(result.value).toBeGreaterThan(0);
      if (result.subject === 'C io_uring') expect(result.ratio).toBe(1);
    }
  });
});

function flipBit(bytes: Buffer, total: number): Buffer {
  const at = 5000 - total;
  if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] as number) ^ 1;
  return bytes;
}

function swapBytes(bytes: Buffer): Buffer {
  const [first, second] = bytes;
  if (bytes.length > 1) bytes.set([second as number, first as number]);
  return bytes;
}

type Corruption = [what: string, change: (bytes: Buffer, total: number) => Buffer, news: RegExp];

const corruptions: Corruption[] = [
  ['a flipped bit', flipBit, /a wrong byte came back on connection \d+ at byte 5000/],
  ['two bytes swapped', swapBytes, /a wrong byte came back/],
  ['a byte lost', (bytes, total) => bytes.subarray(total === 0 ? 1 : 0), /a wrong byte came back/],
  ['bytes sent twice', (bytes) => Buffer.concat([bytes, bytes]), /more came back|a wrong byte/],
];

describe.each(['load.c', 'load-node'])('the client %s', (name) => {
  function client(context: TestContext): string[] {
    if (name === 'load.c') {
      needsCompiler(context);
      return [reference('load')];
    }
    context.skip(!existsSync(subjectFile(name)), `${name} is not built (npm run build:ts)`);
    return [process.execPath, subjectFile(name)];
  }

  it('counts an honest echo', async (context) => {
    const port = await listen((bytes) => bytes);
    const { code, answer } = await load(client(context), port, 5, 100, 3, 0.1, 0.2, process.pid);
    expect(code).toBe(0);
    expect(answer.errors).toBe(0);
    expect(answer.messages).toBeGreaterThan(0);
    expect(answer.p50_us).toBeGreaterThan(0);
  });

  it.for(corruptions)('notices %s', async ([_, change, message], context) => {
    const command = client(context);
    const port = await listen(change);
    const { code, answer, stderr } = await load(command, port, 2, 100, 2, 0.1, 5);
    expect(code).toBe(1);
    expect(answer.errors).toBe(1);
    expect(answer.error).toMatch(message);
    expect(stderr).toMatch(message);
  });

  it('notices a server that goes away', async (context) => {
    const port = await listen((bytes, total) => {
      if (total > 1000) for (const undo of cleanUp) undo();
      return bytes;
    });
    const { code, stderr } = await load(client(context), port, 2, 100, 2, 0.1, 5);
    expect(code).toBe(1);
    expect(stderr).toMatch(/closed|reset/i);
  });
});

const shapes: [label: string, connections: number, size: number, depth: number][] = [
  ['small messages', 50, 64, 1],
  ['pipelined messages', 100, 64, 16],
  ['messages larger than a buffer', 20, 16_384, 1],
  ['more than the sockets hold', 4, 1 << 20, 4],
];

// Few small buffers: receives run dry all the time, and messages arrive in many pieces.
describe.each(['echo-uring', 'echo-uring 4 512', 'echo-epoll'])('the C server %s', (command) => {
  const [name = '', ...words] = command.split(' ');

  it.for(shapes)('echoes %s', async ([_, ...shape], context) => {
    needsCompiler(context);
    const [port, child] = await startReference(name, ...words);
    const { code, answer, stderr } = await load([reference('load')], port, ...shape, 0.1, 0.2);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(answer.errors).toBe(0);
    expect(child.exitCode).toBeNull();
  });

  it('ends when stdin is closed', async (context) => {
    needsCompiler(context);
    const [, child] = await startReference(name, ...words);
    child.stdin?.end();
    expect(await ended(child)).toBe(0);
  });
});

it('reads the list format of the kernel', () => {
  expect(parseCpuList('0-3,8\n')).toEqual([0, 1, 2, 3, 8]);
  expect(parseCpuList('')).toEqual([]);
});

it('interleaves: each round has every subject, in turns forwards and backwards', async () => {
  const order: string[] = [];
  const contestant = (subject: string) => ({
    subject,
    turn: async () => ({ figures: { count: order.push(subject) } }),
  });
  const rounds = await interleave([contestant('a'), contestant('b')], 3, () => {});
  expect(order.join('')).toBe('abbaab');
  expect(rounds.get('b')?.map(({ figures }) => figures['count'])).toEqual([2, 3, 6]);
});
