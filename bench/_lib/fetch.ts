/** The client that gets files: each connection the same one again, dropped by the kernel. */
import { basename } from 'node:path';
import type { Sample } from './interleave.js';
import { Child } from './process.js';
import { reference } from './reference.js';
import type { Server } from './servers.js';
import type { Metric } from './session.js';

/** What it prints. */
interface Fetched {
  readonly responses: number;
  /** With those of the warm-up. */
  readonly all: number;
  readonly bytes: number;
  readonly ns: number;
  readonly server_cpu_ns: number;
  readonly client_cpu_ns: number;
}

/** How a turn is looked at where it is bytes that count. */
export const ways: Metric[] = [
  { key: 'throughput', label: '', unit: 'GB/s', better: 'higher' },
  { key: 'server', label: 'CPU', unit: 'ns/B', better: 'lower' },
  // What waits in a full socket is sent by whoever makes room, at the expense of the client.
  { key: 'both', label: 'CPU of both ends', unit: 'ns/B', better: 'lower' },
];

const WARM_UP_PART = 0.3;

/** One turn. Rejects when a byte that came while it warmed up was wrong. */
export async function fetchTurn(
  { port, child }: Server,
  file: string,
  connections: number,
  seconds: number,
  cpu: number | undefined,
): Promise<Sample> {
  const words = [port, `/${basename(file)}`, file, connections, seconds * WARM_UP_PART, seconds];
  const command = [reference('fetch'), ...words.map(String), String(child.pid)];
  const client = new Child('fetch', command, { cpu });
  const { responses, all, bytes, ns, ...spent } = await client.answer<Fetched>();
  await client.stop();
  return {
    figures: {
      throughput: bytes / ns,
      rate: (responses * 1e9) / ns,
      server: spent.server_cpu_ns / bytes,
      both: (spent.server_cpu_ns + spent.client_cpu_ns) / bytes,
    },
    operations: all,
    ...(responses > 0 && { cpuUsPerOp: spent.server_cpu_ns / responses / 1000 }),
  };
}
