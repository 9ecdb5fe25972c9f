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

const GIB = 2 ** 30;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

/** What `npm run volume` compared, in all its runs. */
export function volumePart() {
  const path = `${RESULTS}/volume.json`;
  if (!existsSync(path)) return '';
  const runs = JSON.parse(readFileSync(path, 'utf8'));
  const names = [...new Set(runs.flatMap(({ bytes }) => Object.keys(bytes)))].sort();
  const rows = names.map((name) => [name, sum(runs.map(({ bytes }) => bytes[name] ?? 0))]);
  const days = [...new Set(runs.map(({ date }) => date))].join(', ');
  const where = [...new Set(runs.map(({ node, kernel }) => `${node} on ${kernel}`))].join(', ');
  return `
## Volume

\`npm run volume\`: ${(sum(rows.map(([, bytes]) => bytes)) / GIB).toFixed(1)} GiB came, in
${runs.length} runs of all lanes at once, and each byte was the one that belonged in its place; most
of them went there and back, those of proxies by two connections more.
Every connection sends a part of its own of one block of random bytes, in pieces from 1 byte to
256 KiB, and pauses at random, as its reader does. Afterwards nothing is open that was not before.
${days}; ${where}.

${table(
  ['lane', 'GiB'],
  rows.map(([name, bytes]) => [name, (bytes / GIB).toFixed(1)]),
)}
`;
}
