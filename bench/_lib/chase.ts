/** A chase through memory with a load from every ordinary page in turn: as `reference/chase.h`. */
import { deadline, serveRequests } from './requests.js';

const PAGE = 4096;
const LINE = 64;
const SEED = 2463534242;
const LOADS_PER_LOOK = 16_384;

/** In words: one place in each page, in a line of the cache that differs from page to page. */
function placeOf(page: number): number {
  return (page * PAGE + (Math.imul(page, 2654435761) >>> 26) * LINE) / 4;
}

/** One circle through all pages in random order (Sattolo's shuffle): as in reference/chase.h. */
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

/** Links the pages of `words`, and chases for "SECONDS" per line until stdin is closed. */
export async function chaseOnRequest(words: Uint32Array): Promise<void> {
  const pages = words.byteLength / PAGE;
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
}
