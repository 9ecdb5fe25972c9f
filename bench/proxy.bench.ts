/** A TCP proxy over loopback: splice(2) from C, haproxy, ours, and node:net's pipe. */
import { randomFillSync } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHaproxy } from './_lib/daemons.js';
import { fetchTurn, ways } from './_lib/fetch.js';
import type { Sample } from './_lib/interleave.js';
import { findLoad, type LoadShape } from './_lib/load.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import { scratch } from './_lib/scratch.js';
import { type Server, startServer, withServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const C = 'C splice';
const HAPROXY = 'haproxy';
const FILE_BYTES = 64 * 2 ** 20;

const node = (name: string, ...words: (string | number)[]): string[] => [
  process.execPath,
  subjectFile(name),
  ...words.map(String),
];

type Start = (target: number, cpu: number | undefined) => Promise<Server>;
const program =
  (subject: string, command: (target: number) => string[]): Start =>
  (target, cpu) =>
    startServer(subject, command(target), cpu);

const proxies: [subject: string, start: Start][] = [
  [HAPROXY, (target, cpu) => startHaproxy(HAPROXY, target, cpu, false)],
  ['haproxy, splicing', (target, cpu) => startHaproxy('haproxy, splicing', target, cpu, true)],
  [C, program(C, (target) => [reference('proxy'), String(target)])],
  ...(['io_uring', 'epoll'] as const).map((backend): [string, Start] => {
    const subject = `nearmetal proxy, ${backend}`;
    return [subject, program(subject, (target) => node('proxy-nearmetal', target, backend))];
  }),
  ['node:net pipe', program('node:net pipe', (target) => node('proxy-node', target))],
];

interface Case {
  readonly name: string;
  readonly metrics: Metric[];
  /** What stands behind the proxies, on the client's CPU. */
  behind(file: string): string[];
  turn(session: Session, proxy: Server, file: string): Promise<Sample>;
}

const echo = (name: string, shape: LoadShape): Case => ({
  name,
  metrics: [
    { key: 'rate', label: '', unit: 'messages/s', better: 'higher' },
    { key: 'p99', label: 'p99', unit: 'us', better: 'lower' },
  ],
  behind: () => [reference('echo-epoll')],
  turn: ({ placement, pace }, proxy) => findLoad(placement.client).run(proxy, shape, pace.longTurn),
});

const files = (name: string, connections: number): Case => ({
  name,
  metrics: ways,
  behind: (file) => [reference('sendfile'), file],
  turn: ({ placement, pace }, proxy, file) =>
    fetchTurn(proxy, file, connections, pace.longTurn, placement.client),
});

const cases: Case[] = [
  echo('20x64 KiB', { connections: 20, size: 65_536, depth: 1 }),
  echo('4x1 MiB', { connections: 4, size: 2 ** 20, depth: 1 }),
  files('8 downloads', 8),
];

async function run(session: Session): Promise<void> {
  const file = join(scratch(), 'proxied');
  writeFileSync(file, randomFillSync(Buffer.alloc(FILE_BYTES)));
  try {
    for (const each of cases) {
      if (session.wants('proxy', each.name)) await measureCase(session, each, file);
    }
  } finally {
    rmSync(file);
  }
}

async function measureCase(session: Session, each: Case, file: string): Promise<void> {
  const { placement } = session;
  const servers: Server[] = [];
  try {
    const behind = await session.admit('what is behind the proxies', () =>
      startServer('what is behind the proxies', each.behind(file), placement.client),
    );
    if (behind === undefined) return;
    servers.push(behind);
    const contestants = await session.admitAll(proxies, async ([subject, start]) => {
      session.progress(`proxy ${each.name}: starting ${subject}`);
      const proxy = await start(behind.port, placement.server);
      servers.push(proxy);
      const turn = (): Promise<Sample> => each.turn(session, proxy, file);
      return { subject, pid: proxy.child.pid, turn };
    });
    const references = [HAPROXY, C];
    const how = { contestants, references, metrics: each.metrics };
    await withServers(servers, () => session.measure('proxy', each.name, how));
  } finally {
    for (const { child } of servers.reverse()) await child.stop();
  }
}

export const proxy: Bench = {
  name: 'proxy',
  title: 'a TCP proxy: echoes of 64 KiB and 1 MiB, and downloads, through splice and haproxy',
  cases: cases.length,
  slow: true,
  run,
};
