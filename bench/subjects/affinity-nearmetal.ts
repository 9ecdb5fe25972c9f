/** What `reference/affinity.c` does, through nearmetal and Node. "CASE SECONDS" per line. */
import { getAffinity, getcpu, nanoseconds, setAffinity, ticks } from 'nearmetal/cpu';
import { deadline, serveRequests } from '../_lib/requests.js';

const LINE_WORDS = 16;
const words = new Int32Array((256 * 1024) / 4);
const here = getAffinity();
const cpus = here.toArray().slice(0, 2);
let sink = 0;
let turn = 0;

function walk(): void {
  let sum = 0;
  for (let at = 0; at < words.length; at += LINE_WORDS) {
    const word = words[at] as number;
    sum = (sum + word) | 0;
    words[at] = word + 1;
  }
  sink += sum;
}

/** Each loop is its own function, so that each call site sees one callee. */
const cases: Record<string, readonly [calls: number, loop: (calls: number) => void]> = {
  getaffinity: [
    1000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += getAffinity().size;
    },
  ],
  setaffinity: [
    200,
    (calls) => {
      for (let call = 0; call < calls; call++) setAffinity(here);
    },
  ],
  getcpu: [
    10_000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += getcpu().cpu;
    },
  ],
  nanoseconds: [
    10_000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += nanoseconds();
    },
  ],
  ticks: [
    10_000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += ticks();
    },
  ],
  hrtime: [
    10_000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += Number(process.hrtime.bigint() & 1n);
    },
  ],
  performance: [
    10_000,
    (calls) => {
      for (let call = 0; call < calls; call++) sink += performance.now();
    },
  ],
  warm: [
    50,
    (calls) => {
      for (let call = 0; call < calls; call++) walk();
    },
  ],
  moved: [
    50,
    (calls) => {
      for (let call = 0; call < calls; call++) {
        turn = (turn + 1) % cpus.length;
        setAffinity(cpus[turn] as number);
        walk();
      }
    },
  ],
};

await serveRequests(([name = '', seconds]) => {
  const found = cases[name];
  if (!found) throw new Error(`no such case; there are: ${Object.keys(cases).join(', ')}`);
  const [calls, loop] = found;
  const end = deadline(seconds);
  let operations = 0;
  do {
    loop(calls);
    operations += calls;
  } while (performance.now() < end);
  if (name === 'moved') setAffinity(here);
  if (Number.isNaN(sink)) throw new Error('unreachable');
  return operations;
});
