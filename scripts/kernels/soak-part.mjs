/** The part of docs/reliability.md about the soak. */
import { existsSync, readFileSync } from 'node:fs';
import { RESULTS, table } from './tables.mjs';

const MiB = (bytes) => (bytes / 2 ** 20).toFixed(1);

/** At most so many of the checkpoints, from the first to the last. */
const SHOWN = 13;

function soakTables({ counts, checkpoints }) {
  const every = (checkpoints.length - 1) / Math.min(SHOWN - 1, checkpoints.length - 1);
  const shown = [...new Set(checkpoints.map((_, index) => Math.round(index * every)))];
  const rows = shown
    .filter((index) => index < checkpoints.length)
    .map((index) => checkpoints[index])
    .map(({ second, operations, fds, threads, rings, areas, regions, resident, heap }) => [
      ...[(second / 60).toFixed(0), operations, fds, threads, rings, regions, areas],
      ...[MiB(resident), MiB(heap)],
    ]);
  const head = ['minute', 'operations', 'descriptors', 'threads', 'maps of rings'];
  const more = ['mappings of ours', 'all maps', 'resident, MiB', 'heap, MiB'];
  const lanes = Object.entries(counts);
  return `${table([...head, ...more], rows)}

${table(['lane', 'operations'], lanes)}`;
}

/** What `npm run soak` found, when it was run; nothing when it was not. */
export function soakPart() {
  const path = `${RESULTS}/soak.json`;
  if (!existsSync(path)) return '';
  const soak = JSON.parse(readFileSync(path, 'utf8'));
  return `
## Soak

\`npm run soak\`: ${Math.round(soak.seconds / 60)} minutes of mixed traffic on ${soak.date}, seed
${soak.seed}, ${soak.node} on ${soak.kernel}; every lane aborts at random, workers are ended and
replaced, and ${soak.faults ? 'for most of the time' : 'never'} faults are injected into the rings.
After each round all is at rest: descriptors, threads and maps of rings may be no more than they
were at the beginning, and of rings that are closed nothing is in flight. In all, resident memory
may grow by ${MiB(soak.limits.resident)} MiB, the heap by ${MiB(soak.limits.heap)} MiB, and mappings
by the chunks that rings keep for bytes on their way.

${soakTables(soak)}
`;
}
