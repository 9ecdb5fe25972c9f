/** Makes room when memory is full: the coldest of a few entries that are drawn goes. */
import type { Policy } from './access.js';
import * as E from './entry.js';
import type { Keyspace } from './keyspace.js';
import type { Places } from './places.js';

const SAMPLES = 8;
/** So many entries go one by one before a whole page is emptied for blocks of another size. */
const ONE_BY_ONE = 32;

export class Evictor {
  evicted = 0;
  private readonly db: Keyspace;
  private readonly policy: Policy;
  private readonly among: Places | undefined;

  constructor(db: Keyspace, policy: Policy) {
    this.db = db;
    this.policy = policy;
    const ofAll = policy.startsWith('allkeys-') ? db.all : undefined;
    this.among = policy.startsWith('volatile-') ? db.expiring : ofAll;
    db.makeRoom = (tries) => this.makeRoom(tries);
  }

  get mayEvict(): boolean {
    return this.among !== undefined && this.among.length > 0;
  }

  /** Before a command: what collections and requests have taken is given back by others. */
  relieve(): boolean {
    for (let tries = 0; this.db.budget.over; tries++) if (!this.makeRoom(tries)) return false;
    return true;
  }

  private makeRoom(tries: number): boolean {
    const place = this.coldest();
    if (place === 0) return false;
    this.evict(place);
    // Blocks of other sizes are no help: their pages must become free.
    if (tries % ONE_BY_ONE === ONE_BY_ONE - 1) this.emptyPage();
    return true;
  }

  private emptyPage(): void {
    const { blocks, budget } = this.db;
    const before = budget.pages;
    blocks.trim();
    if (budget.pages < before) return;
    const page = blocks.emptiest();
    if (page < 0) return;
    for (const place of blocks.placesIn(page)) if (this.mayGo(place)) this.evict(place);
    blocks.trim();
  }

  private mayGo(place: number): boolean {
    if (place === this.db.pinned) return false;
    return this.among === this.db.all || this.db.expiryOf(place) !== 0;
  }

  private evict(place: number): void {
    this.evicted++;
    this.db.remove(place);
  }

  private coldest(): number {
    const { among, db } = this;
    if (among === undefined || among.length === 0) return 0;
    let coldest = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let count = Math.min(SAMPLES, among.length * 2); count > 0; count--) {
      const place = among.draw();
      if (place === db.pinned) continue;
      const coldness = this.coldnessOf(place);
      if (coldness <= most) continue;
      most = coldness;
      coldest = place;
    }
    return coldest;
  }

  private coldnessOf(place: number): number {
    if (this.policy.endsWith('-random')) return Math.random();
    if (this.policy === 'volatile-ttl') return -this.db.expiryOf(place);
    return this.db.access.coldness(this.db.blocks.words[place * 2 + E.ACCESS] as number);
  }
}
