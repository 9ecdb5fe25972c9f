/** INFO near: what is kept, how often it was of use, and which upstream servers there are. */
import type { Near } from './near.js';

export function nearText({ server, upstream, invalidated }: Near): string {
  const { db, hits, misses, evictor } = server;
  const pairs = {
    upstream: upstream.readyNodes.map(({ name }) => name).join(','),
    upstream_mode: upstream.clustered ? 'cluster' : 'standalone',
    near_keys: db.size,
    near_hits: hits,
    near_misses: misses,
    near_invalidated: invalidated,
    near_evicted: evictor.evicted,
    used_memory: db.budget.used,
    used_memory_input: db.budget.input,
    maxmemory: db.budget.max,
    commands: server.commandCount,
    clients: server.sessions.size,
  };
  const lines = Object.entries(pairs).map(([name, value]) => `${name}:${value}\r\n`);
  return `# Near\r\n${lines.join('')}`;
}
