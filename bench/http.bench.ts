/** HTTP hello world: node:http on its own connections and on ours, under wrk. */
import { spawn, spawnSync } from 'node:child_process';
import { pinned } from './_lib/cpus.js';
import type { Contestant, Sample } from './_lib/interleave.js';
import { MissingPeer } from './_lib/missing.js';
import { subjectFile } from './_lib/paths.js';
import { cpuNs } from './_lib/process.js';
import { type Server, startServer, stopServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const CONNECTIONS = 50;
const NODE = 'node:http';

const metrics: Metric[] = [
  { key: 'rate', label: '', unit: 'requests/s', better: 'higher' },
  { key: 'p50', label: 'p50', unit: 'us', better: 'lower' },
  { key: 'p99', label: 'p99', unit: 'us', better: 'lower' },
];
const subjects: [subject: string, words: string[]][] = [
  [NODE, ['node']],
  ['nearmetal http', []],
];

async function run(session: Session): Promise<void> {
  const { placement, pace } = session;
  const servers = await session.admitAll(subjects, async ([subject, words]) => {
    requireWrk();
    const command = [process.execPath, subjectFile('http-hello'), ...words];
    return startServer(subject, command, placement.server);
  });
  try {
    if (servers.length === 0 || !session.wants('http', 'hello')) return;
    const seconds = Math.max(1, Math.round(pace.longTurn));
    const contestants = servers.map((server): Contestant => {
      const turn = (): Promise<Sample> => load(server, seconds, placement.client);
      return { subject: server.subject, pid: server.child.pid, turn };
    });
    const references = [NODE];
    await session.measure('http', 'hello', { contestants, references, metrics, slow: true });
  } finally {
    await stopServers(servers);
  }
}

function requireWrk(): void {
  if (spawnSync('wrk', ['--version'], { stdio: 'ignore' }).error === undefined) return;
  throw new MissingPeer('no wrk in PATH (Debian: apt-get install wrk)');
}

/** One turn of wrk, which says at its end what it saw. */
async function load(
  { port, child }: Server,
  seconds: number,
  cpu: number | undefined,
): Promise<Sample> {
  const shape = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency'];
  const [file, ...words] = pinned(['wrk', ...shape, `http://127.0.0.1:${port}/`], cpu);
  const before = cpuNs(child.pid);
  const text = await new Promise<string>((resolve, reject) => {
    const client = spawn(file as string, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    client.stdout.on('data', (part) => {
      output += part;
    });
    client.on('error', reject).on('close', () => resolve(output));
  });
  const requests = figure(text, /(\d+) requests in/);
  if (/Socket errors|Non-2xx/.test(text)) throw new Error(`wrk saw errors: ${text}`);
  return {
    figures: {
      rate: figure(text, /Requests\/sec:\s+([\d.]+)/),
      p50: microseconds(text, '50%'),
      p99: microseconds(text, '99%'),
    },
    cpuUsPerOp: (cpuNs(child.pid) - before) / requests / 1000,
    operations: requests,
  };
}

function figure(text: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(text) ?? [];
  if (digits === undefined) throw new Error(`wrk did not say ${pattern}: ${text}`);
  return Number(digits);
}

function microseconds(text: string, share: string): number {
  const [, digits, unit = ''] = new RegExp(`${share}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
  return Number(digits) * ({ us: 1, ms: 1000, s: 1e6 }[unit] ?? Number.NaN);
}

export const http: Bench = {
  name: 'http',
  title: 'HTTP hello world under wrk: node:http on connections of Node and of ours',
  cases: 1,
  slow: true,
  run,
};
