/** A chase through a mapping, "SECONDS" per line. Arguments: which pages, and how many bytes. */
import { Mapping } from 'nearmetal/memory';
import { deadline, serveRequests } from '../_lib/requests.js';

const PAGE = 4096;
const LINE = 64;
const SEED = 2463534242;
const LOADS_PER_LOOK = 16_384;

function map(kind: string, size: number): Mapping {
  if (kind === 'transparent') return Mapping.anonymous({ size, hugePage: 'transparent' });
  if (kind !== '4KiB') return Mapping.anonymous({ size, hugePage: kind as '2MiB' });
  const mapping = Mapping.anonymous({ size, populate: false });
  mapping.advise('nohugepage');
  mapping.populate();
  return mapping;
}

/** In words: one place in each page, in a line of the cache that differs from page to page. */
function placeOf(page: number): number {
  return (page * PAGE + (Math.imul(page, 2654435761) >>> 26) * LINE) / 4;
}

/** One circle through all pages in random order (Sattolo's shuffle): as in reference/tlb.c. */
function link(words: Uint32Array, pages: number): void {
  const order = Uint32Array.from({ length: pages }, (_, page) => page);
  let random = SEED;
  for (let index = pages - 1; index > 0; index--) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    const other = (random >>> 0) % index;
    const page = order[index] as number;
    order[index] = order[other] as number;
    order[other] = page;
  }
  for (let index = 0; index < pages; index++) {
    words[placeOf(order[index] as number)] = placeOf(order[(index + 1) % pages] as number);
  }
}

function chase(words: Uint32Array, from: number, loads: number): number {
  let at = from;
  for (let load = 0; load < loads; load++) at = words[at] as number;
  return at;
}

const [kind = '', bytes = ''] = process.argv.slice(2);
const mapping = map(kind, Number(bytes));
const words = new Uint32Array(mapping.bytes.buffer, 0, Number(bytes) / 4);
const pages = Number(bytes) / PAGE;
link(words, pages);
let at = chase(words, placeOf(0), pages);
if (at !== placeOf(0)) throw new Error('the chase does not come back to where it began');

await serveRequests(([seconds]) => {
  const end = deadline(seconds);
  let loads = 0;
  do {
    at = chase(words, at, LOADS_PER_LOOK);
    loads += LOADS_PER_LOOK;
  } while (performance.now() < end);
  return loads;
});
