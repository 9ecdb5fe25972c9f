/** Echo at half of what node:net can do: messages at fixed times, and how long each took. */
import { measureEcho, startEchoServers } from './_lib/echo-servers.js';
import { findLoad, type LoadShape } from './_lib/load.js';
import { NODE, stopServers } from './_lib/servers.js';
import type { Bench, Metric, Session } from './_lib/session.js';

const cases: { name: string; shape: LoadShape }[] = [
  { name: '50x64', shape: { connections: 50, size: 64, depth: 1 } },
  { name: '20x16384', shape: { connections: 20, size: 16_384, depth: 1 } },
];
/** Of the rate of node:net where each answer lets the next message go. */
const PART = 0.5;

const metrics: Metric[] = [
  { key: 'p50', label: 'p50', unit: 'us', better: 'lower' },
  { key: 'p99', label: 'p99', unit: 'us', better: 'lower' },
  { key: 'p999', label: 'p99.9', unit: 'us', better: 'lower' },
];

async function run(session: Session): Promise<void> {
  const { placement, pace } = session;
  const load = findLoad(placement.client);
  if (load.note !== undefined) {
    session.missing.set('latency', `${load.note}; fixed times need the one in C`);
    return;
  }
  const servers = await startEchoServers(session, 'latency', load);
  try {
    const yardstick = servers.find(({ subject }) => subject === NODE) ?? servers[0];
    if (yardstick === undefined) return;
    for (const { name, shape } of cases) {
      if (!session.wants('latency', name)) continue;
      session.progress(`latency ${name}: how many a second ${yardstick.subject} can do`);
      const { figures } = await load.run(yardstick, shape, pace.longTurn);
      const rate = Math.floor((figures.rate ?? 0) * PART);
      const how = { load, servers, shape: { ...shape, rate }, metrics };
      await measureEcho(session, 'latency', name, how);
    }
  } finally {
    await stopServers(servers);
  }
}

export const latency: Bench = {
  name: 'latency',
  title: 'TCP echo at half of what node:net can do: 50x64 B, 20x16 KiB; from when each was due',
  cases: cases.length,
  slow: true,
  run,
};
