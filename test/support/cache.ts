/** The cache among the examples, and redis-server beside it where there is one. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { RespClient } from './resp.js';
import { folder } from './ring.js';

const program = fileURLToPath(new URL('../../.dev/examples/cache/main.js', import.meta.url));

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

export interface RunningCache {
  readonly child: ChildProcess;
  readonly port: number;
  /** One for each worker. */
  readonly ports: readonly number[];
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
  open(port?: number): Promise<RespClient>;
  /** A line of INFO. */
  info(name: string): Promise<string>;
}

/** Off the pools of hugepages, which other tests count in. */
export const startCache = (...words: string[]): Promise<RunningCache> =>
  startHugeCache('--no-hugepages', ...words);

export async function startHugeCache(...words: string[]): Promise<RunningCache> {
  const child = spawn(process.execPath, [program, '--port', '0', ...words]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  await Promise.race([waitFor(() => stdout.includes('\n')), ended]);
  const ports = /:([\d,]+)\n/.exec(stdout)?.[1]?.split(',').map(Number) ?? [];
  const port = ports[0] ?? 0;
  const open = async (which = port): Promise<RespClient> => {
    const client = await RespClient.open({ port: which, host: '127.0.0.1' });
    onTestFinished(() => void client.socket.destroy());
    return client;
  };
  const info = async (name: string): Promise<string> => {
    using client = await RespClient.open({ port, host: '127.0.0.1' });
    const text = String(await client.ask('INFO'));
    return new RegExp(`^${name}:(.*)\r$`, 'm').exec(text)?.[1] ?? '';
  };
  return { child, port, ports, ended, open, info };
}

/** A redis-server that is ended with the test; answers how to connect to it. */
export async function startRedis(...words: string[]): Promise<{ path: string }> {
  const path = join(folder(), 'redis.sock');
  const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', [...options, ...words], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  for (;;) {
    using client = new RespClient({ path });
    if ((await client.ask('PING')) === 'PONG') return { path };
    await setTimeout(20);
  }
}

/** Asks again until the answer is yes; the test's own time limit says when that is too long. */
export async function waitFor(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await setTimeout(10);
}
