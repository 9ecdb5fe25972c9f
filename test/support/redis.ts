/** Real redis-servers that listen on ports: one by itself, and a cluster of some. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { RespClient } from './resp.js';
import { folder } from './ring.js';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

export class RedisServer {
  readonly port: number;
  private readonly words: readonly string[];
  private child: ChildProcess | undefined;

  constructor(port: number, words: readonly string[]) {
    this.port = port;
    this.words = words;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const options = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', folder()];
    const rest = ['--save', '', '--appendonly', 'no', '--enable-debug-command', 'yes'];
    this.child = spawn('redis-server', [...options, ...rest, ...this.words], { stdio: 'ignore' });
    for (;;) {
      using client = new RespClient({ port: this.port, host: '127.0.0.1' });
      if ((await client.ask('PING')) === 'PONG') return;
      await setTimeout(20);
    }
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async open(): Promise<RespClient> {
    const client = await RespClient.open({ port: this.port, host: '127.0.0.1' });
    onTestFinished(() => void client.socket.destroy());
    return client;
  }
}

/** Ended with the test. */
export async function startRedisAt(...words: string[]): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), words);
  onTestFinished(() => server.kill());
  await server.start();
  return server;
}

/** Each has its share of the slots. */
export async function startRedisCluster(count: number): Promise<RedisServer[]> {
  const options = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'];
  const servers: RedisServer[] = [];
  const buses: string[] = [];
  for (let index = 0; index < count; index++) {
    buses.push(String(await freePort()));
    servers.push(await startRedisAt(...options, '--cluster-port', buses[index] as string));
  }
  const clients = await Promise.all(servers.map((server) => server.open()));
  const [first] = servers as [RedisServer];
  const share = Math.ceil(16_384 / count);
  for (const [index, client] of clients.entries()) {
    const last = Math.min((index + 1) * share, 16_384) - 1;
    await client.ask('CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(last));
    if (index === 0) continue;
    await client.ask('CLUSTER', 'MEET', '127.0.0.1', String(first.port), buses[0] as string);
  }
  for (const client of clients) {
    for (;;) {
      const about = String(await client.ask('CLUSTER', 'INFO'));
      const whole = about.includes('cluster_state:ok');
      if (whole && about.includes(`cluster_known_nodes:${count}`)) break;
      await setTimeout(50);
    }
  }
  return servers;
}
