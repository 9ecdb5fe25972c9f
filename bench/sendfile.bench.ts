/** Files from the page cache over HTTP: sendfile(2) from C, nginx, ours, and Node's ways. */
import { randomFillSync } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startNginx } from './_lib/daemons.js';
import { fetchTurn, ways } from './_lib/fetch.js';
import type { Contestant } from './_lib/interleave.js';
import { subjectFile } from './_lib/paths.js';
import { reference } from './_lib/reference.js';
import { scratch } from './_lib/scratch.js';
import { startServer, stopServers, withServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const C = 'C sendfile';
const NGINX = 'nginx';
const LARGE = 64 * 2 ** 20;
const SMALL = 1024;

const requests: Metric[] = [{ key: 'rate', label: '', unit: 'requests/s', better: 'higher' }];

const cases = [
  { name: '64 MiB', bytes: LARGE, connections: 1, metrics: ways },
  { name: '16x64 MiB', bytes: LARGE, connections: 16, metrics: ways },
  { name: '50x1 KiB', bytes: SMALL, connections: 50, metrics: requests },
];

const node = (name: string, ...words: string[]): string[] => [
  process.execPath,
  subjectFile(name),
  ...words,
];

/** What takes part with files of either size. */
const commands: [subject: string, command: (path: string) => string[], sizes: number[]][] = [
  [C, (path) => [reference('sendfile'), path], [LARGE, SMALL]],
  ['nearmetal sendFile, io_uring', (path) => node('files-serve', path, 'io_uring'), [LARGE]],
  ['nearmetal sendFile, epoll', (path) => node('files-serve', path, 'epoll'), [LARGE]],
  ['nearmetal http', (path) => node('files-http', path, 'nearmetal'), [LARGE, SMALL]],
  ['node:net pipe', (path) => node('files-pipe', path), [LARGE]],
  ['node:http pipe', (path) => node('files-http', path, 'pipe'), [LARGE, SMALL]],
  ['node:http readFile', (path) => node('files-http', path, 'read'), [SMALL]],
];

async function run(session: Session): Promise<void> {
  for (const bytes of [LARGE, SMALL]) {
    const wanted = cases.filter(
      (each) => each.bytes === bytes && session.wants('sendfile', each.name),
    );
    if (wanted.length === 0) continue;
    const path = join(scratch(), `file-${bytes}`);
    writeFileSync(path, randomFillSync(Buffer.alloc(bytes)));
    try {
      await measureFile(session, path, bytes, wanted);
    } finally {
      rmSync(path);
    }
  }
}

async function measureFile(
  session: Session,
  path: string,
  bytes: number,
  wanted: typeof cases,
): Promise<void> {
  const { placement, pace } = session;
  const programs = commands.filter(([, , sizes]) => sizes.includes(bytes));
  const servers = await session.admitAll(programs, async ([subject, command]) => {
    session.progress(`sendfile: starting ${subject}`);
    return startServer(subject, command(path), placement.server);
  });
  const nginx = await session.admit(NGINX, () => startNginx(scratch(), placement.server));
  if (nginx) servers.push(nginx);
  try {
    for (const { name, connections, metrics } of wanted) {
      const contestants = servers.map(
        (server): Contestant => ({
          subject: server.subject,
          pid: server.child.pid,
          turn: () => fetchTurn(server, path, connections, pace.longTurn, placement.client),
        }),
      );
      const how = { contestants, references: [C, NGINX], metrics, slow: true };
      await withServers(servers, () => session.measure('sendfile', name, how));
    }
  } finally {
    await stopServers(servers);
  }
}

export const sendfile: Bench = {
  name: 'sendfile',
  title: 'files over HTTP from the page cache: 64 MiB to 1 and 16 connections, 1 KiB to 50',
  cases: cases.length,
  slow: true,
  run,
};
