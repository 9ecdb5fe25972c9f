/** TCP echo over loopback, each server under the same client, which verifies every byte. */
import { measureEcho, startEchoServers } from './_lib/echo-servers.js';
import { findLoad, type LoadShape } from './_lib/load.js';
import { stopServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

interface Case extends LoadShape {
  readonly name: string;
}

const cases: Case[] = [
  { name: '50x64', connections: 50, size: 64, depth: 1 },
  { name: '200x64 pipelined 16', connections: 200, size: 64, depth: 16 },
  { name: '20x16384', connections: 20, size: 16384, depth: 1 },
];

const metrics: Metric[] = [
  { key: 'rate', label: '', unit: 'messages/s', better: 'higher' },
  { key: 'p50', label: 'p50', unit: 'us', better: 'lower' },
  { key: 'p99', label: 'p99', unit: 'us', better: 'lower' },
  { key: 'p999', label: 'p99.9', unit: 'us', better: 'lower' },
];

async function run(session: Session): Promise<void> {
  const load = findLoad(session.placement.client);
  if (load.note) session.missing.set('C load client', load.note);
  const servers = await startEchoServers(session, 'echo', load);
  try {
    for (const shape of cases) {
      if (!session.wants('echo', shape.name)) continue;
      await measureEcho(session, 'echo', shape.name, { load, servers, shape, metrics });
    }
  } finally {
    await stopServers(servers);
  }
}

export const echo: Bench = {
  name: 'echo',
  title: 'TCP echo: 50x64 B, 200x64 B pipelined 16 deep, 20x16 KiB',
  cases: cases.length,
  slow: true,
  run,
};
