/** What a lookup costs on 2 MiB pages and on 4 KiB pages. */
import { reserveHugepages } from 'nearmetal/memory';
import type { PageSize } from '../memory/pages.js';
import { Store } from '../store.js';
import { DIGITS, entries, keyOf } from './data.js';
import { type Contestant, measure, table } from './rounds.js';

const BATCH = 500;
const HUGE = 2 ** 21;
/** More than an entry takes. */
const ENTRY_BYTES = 170;
const MEMORY_MIN = 2 ** 25;

function filled(memory: number, pageSize: PageSize, count: number): Store {
  const store = new Store(memory, pageSize);
  const builder = store.build();
  for (const { key, value } of entries(count)) builder.add(key, value);
  builder.end();
  return store;
}

/** Calls `look` with keys that are drawn from all of them. */
function drawing(name: string, count: number, look: (key: Buffer) => number): Contestant {
  const key = Buffer.from(keyOf(0));
  const start = key.length - DIGITS;
  let state = 1;
  return {
    name,
    turn() {
      for (let done = 0; done < BATCH; done++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
        let number = Math.floor(((state >>> 0) / 2 ** 32) * count);
        for (let at = key.length - 1; at >= start; at--) {
          const rest = (number / 10) | 0;
          key[at] = 0x30 + number - rest * 10;
          number = rest;
        }
        if (look(key) < 0) throw new Error('it is there');
      }
      return BATCH;
    },
  };
}

function inTree({ records, tree, key }: Store, wanted: Buffer): number {
  records.stage(key, wanted);
  return tree.nodes.search(tree.leafOf(key), key);
}

/** Hugepages are added to the kernel's pool, where we may, and given back. */
export function comparePages(count: number, turnMs: number): void {
  const memory = Math.max(MEMORY_MIN, Math.ceil((count * ENTRY_BYTES) / HUGE) * HUGE);
  let reserved: Disposable | undefined;
  try {
    reserved = reserveHugepages({ size: '2MiB', count: memory / HUGE });
  } catch (error) {
    console.error(`no hugepages could be reserved: ${(error as Error).message}`);
  }
  const giveBack = (): void => reserved?.[Symbol.dispose]();
  process.once('exit', giveBack);
  try {
    const large = filled(memory, '2MiB', count);
    const small = filled(memory, '4KiB', count);
    const { backing } = large.pages.mapping;
    const contestants = [
      drawing(`by hash, pages: ${backing}`, count, (key) => large.find(key)),
      drawing('by hash, pages: 4KiB', count, (key) => small.find(key)),
      drawing(`in the tree, pages: ${backing}`, count, (key) => inTree(large, key)),
      drawing('in the tree, pages: 4KiB', count, (key) => inTree(small, key)),
    ];
    const title = `lookups of ${count} keys in ${memory / 2 ** 20} MiB`;
    console.log(table(title, measure(contestants, turnMs), 'by hash, pages: 4KiB'));
    large.close();
    small.close();
  } finally {
    giveBack();
    process.off('exit', giveBack);
  }
}
