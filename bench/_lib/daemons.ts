/** Servers of others, as Debian packs them: each one process, on a port that was free just now. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MissingPeer } from './missing.js';
import { Child } from './process.js';
import { scratch } from './scratch.js';
import type { Server } from './servers.js';

const START_TIMEOUT_MS = 5000;

/** nginx as Debian sets it up (sendfile, tcp_nopush), less its log: `folder` over HTTP. */
export async function startNginx(folder: string, cpu: number | undefined): Promise<Server> {
  requireProgram('nginx', '-v', 'nginx-light');
  const own = join(scratch(), 'nginx');
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const config = `
    daemon off; master_process off; pid ${own}/pid; error_log stderr crit;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
      keepalive_requests 1000000000; keepalive_timeout 1h;
      ${paths.map((name) => `${name}_temp_path ${own}/${name};`).join(' ')}
      server { listen 127.0.0.1:${port}; root ${folder}; }
    }`;
  writeFileSync(join(own, 'conf'), config);
  const command = ['nginx', '-p', own, '-e', 'stderr', '-c', join(own, 'conf')];
  return started('nginx', command, port, cpu);
}

/** haproxy, passing TCP connections on to `target`; one thread, by copies or by splice(2). */
export async function startHaproxy(
  subject: string,
  target: number,
  cpu: number | undefined,
  splicing: boolean,
): Promise<Server> {
  requireProgram('haproxy', '-v', 'haproxy');
  const own = join(scratch(), subject);
  mkdirSync(own, { recursive: true });
  const port = await freePort();
  const config = `
global
  nbthread 1
defaults
  mode tcp
  ${splicing ? 'option splice-request\n  option splice-response' : 'no option splice-auto'}
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen all
  bind 127.0.0.1:${port}
  server one 127.0.0.1:${target}
`;
  writeFileSync(join(own, 'conf'), config);
  return started(subject, ['haproxy', '-db', '-f', join(own, 'conf')], port, cpu);
}

function requireProgram(name: string, option: string, packed: string): void {
  // Programs for administrators are not in everybody's path.
  process.env['PATH'] = `${process.env['PATH']}:/usr/sbin`;
  if (spawnSync(name, [option], { stdio: 'ignore' }).error === undefined) return;
  throw new MissingPeer(`no ${name} in PATH (Debian: apt-get install ${packed})`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function started(
  subject: string,
  command: string[],
  port: number,
  cpu: number | undefined,
): Promise<Server> {
  const child = new Child(subject, command, { cpu, foreign: true });
  const end = Date.now() + START_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (Date.now() > end || !child.runs) {
      await child.stop();
      throw child.failure();
    }
    await sleep(20);
  }
  return { subject, child, port };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const tell = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => tell(true)).once('error', () => tell(false));
  });
}
