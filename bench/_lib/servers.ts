/** The echo servers that are compared: each a process of its own that prints its port. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MissingPeer } from './missing.js';
import { root, subjectFile } from './paths.js';
import { Child, stopAll } from './process.js';
import { reference } from './reference.js';

export interface Server {
  readonly subject: string;
  readonly child: Child;
  readonly port: number;
}

/** Bun of this checkout, else of the machine. */
function findBun(): string {
  const local = join(root, 'node_modules/.bin/bun');
  if (existsSync(local)) return local;
  if (!spawnSync('bun', ['--version'], { stdio: 'ignore' }).error) return 'bun';
  throw new MissingPeer('no bun in node_modules/.bin or PATH (npm i --no-save bun)');
}

export const C_URING = 'C io_uring';
export const C_EPOLL = 'C epoll';
export const NEARMETAL = 'nearmetal handlers';
export const NODE = 'node:net';

export const serverCommands: [subject: string, command: () => string[]][] = [
  [C_URING, () => [reference('echo-uring')]],
  [C_EPOLL, () => [reference('echo-epoll')]],
  [NEARMETAL, () => [process.execPath, subjectFile('echo-nearmetal')]],
  ['nearmetal loop, io_uring', () => [process.execPath, subjectFile('echo-loop'), 'io_uring']],
  ['nearmetal loop, epoll', () => [process.execPath, subjectFile('echo-loop'), 'epoll']],
  ['nearmetal serve', () => [process.execPath, subjectFile('echo-serve')]],
  ['nearmetal async', () => [process.execPath, subjectFile('echo-async')]],
  ['nearmetal Duplex', () => [process.execPath, subjectFile('echo-node'), 'nearmetal']],
  [NODE, () => [process.execPath, subjectFile('echo-node')]],
  ['Bun', () => [findBun(), subjectFile('echo-bun')]],
];

/** Those that tell most, where there is no time for all. */
export const FEW = [C_URING, NEARMETAL, 'nearmetal serve', NODE, 'Bun'];

export async function startServer(
  subject: string,
  command: string[],
  cpu: number | undefined,
): Promise<Server> {
  const child = new Child(subject, command, { cpu });
  const { port } = await child.answer<{ port: number }>();
  return { subject, child, port };
}

/** Stops all of them at the same time. */
export const stopServers = (servers: readonly Server[]): Promise<void> =>
  stopAll(servers.map(({ child }) => child));

/** Runs `measure`; when it fails, and a server has ended by itself, that is what failed. */
export async function withServers(
  servers: readonly Server[],
  measure: () => Promise<void>,
): Promise<void> {
  try {
    await measure();
  } catch (error) {
    throw servers.find(({ child }) => !child.runs)?.child.failure() ?? error;
  }
}
