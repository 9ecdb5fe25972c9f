/** How recently or how often an entry was used, in one word of it. */

/** Which entries go first when memory is full, and among which. */
export type Policy =
  | 'noeviction'
  | 'allkeys-lru'
  | 'allkeys-lfu'
  | 'allkeys-random'
  | 'volatile-lru'
  | 'volatile-lfu'
  | 'volatile-random'
  | 'volatile-ttl';

export const POLICIES: readonly Policy[] = [
  'noeviction',
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
];

/** A new entry is not the first to go: it has had no time to be used. */
const COUNT_OF_NEW = 5;
const COUNT_MAX = 255;
/** The higher the count, the rarer it grows: a million uses make it 255. */
const RARITY = 10;
const MS_PER_MINUTE = 60_000;

/** LRU: milliseconds of the worker's clock. LFU: minutes of it above 8 bits of a count. */
export class Access {
  readonly byCount: boolean;
  /** Milliseconds since the start. */
  clock = 0;

  constructor(policy: Policy) {
    this.byCount = policy.endsWith('-lfu');
  }

  get fresh(): number {
    return this.byCount ? (this.minute << 8) | COUNT_OF_NEW : this.clock | 0;
  }

  private get minute(): number {
    return Math.floor(this.clock / MS_PER_MINUTE) & 0xff_ffff;
  }

  /** The word after one more use. */
  used(word: number): number {
    if (!this.byCount) return this.clock | 0;
    let count = this.countOf(word);
    const above = Math.max(count - COUNT_OF_NEW, 0);
    if (count < COUNT_MAX && Math.random() * (above * RARITY + 1) < 1) count++;
    return (this.minute << 8) | count;
  }

  /** The count, one less for each minute without a use. */
  countOf(word: number): number {
    const minutes = (this.minute - (word >>> 8)) & 0xff_ffff;
    return Math.max((word & 0xff) - minutes, 0);
  }

  idleMsOf(word: number): number {
    return (this.clock - (word >>> 0)) >>> 0;
  }

  /** The larger, the sooner it goes. */
  coldness(word: number): number {
    return this.byCount ? COUNT_MAX - this.countOf(word) : this.idleMsOf(word);
  }
}
