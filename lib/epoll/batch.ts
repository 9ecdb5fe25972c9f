/** The events of one wait, without those that nobody is meant by any more. */
import { EPOLLONESHOT } from '../abi.js';
import type { FdLike } from '../fd/fd.js';
import { READINESS } from './events.js';
import type { EventPage } from './page.js';
import { ReadyEvent } from './ready.js';
import type { Registrations } from './registrations.js';

export class Batch {
  readonly page: EventPage;
  readonly #known: Registrations;
  /** Of the event that `next` went on to. */
  slot = 0;
  tag = 0;
  events = 0;
  delivered = 0;
  stale = 0;

  constructor(page: EventPage, known: Registrations) {
    this.page = page;
    this.#known = known;
  }

  /** Goes on to the next event that is still meant for somebody; false at the end. */
  next(): boolean {
    const { page } = this;
    const known = this.#known;
    while (page.next < page.count) {
      const index = page.next++;
      const slot = page.slot(index);
      if (known.generations[slot] !== page.generation(index)) {
        this.stale++;
        continue;
      }
      const interest = known.interests[slot] as number;
      // The kernel waits for nothing any more, until it is modified.
      if ((interest & EPOLLONESHOT) !== 0) known.interests[slot] = interest & ~READINESS;
      this.delivered++;
      this.slot = slot;
      this.tag = known.tags[slot] as number;
      this.events = page.events(index);
      return true;
    }
    return false;
  }

  /** All that is left, as objects. */
  take(): ReadyEvent[] {
    const events: ReadyEvent[] = [];
    while (this.next()) {
      const descriptor = this.#known.descriptors[this.slot] as FdLike;
      events.push(new ReadyEvent(descriptor, this.tag, this.events));
    }
    return events;
  }

  /** Whether something is left that is meant for somebody. */
  get waiting(): boolean {
    const { page } = this;
    while (page.next < page.count) {
      if (this.#isMeant(page.next)) return true;
      page.next++;
      this.stale++;
    }
    return false;
  }

  /**
   * Of a batch just taken: whether an event in it is nobody's. It then comes from a file that lives
   * on under another number or in another process, after somebody else closed its number here.
   */
  get hasOrphans(): boolean {
    for (let index = 0; index < this.page.count; index++) {
      if (!this.#isMeant(index)) return true;
    }
    return false;
  }

  #isMeant(index: number): boolean {
    return this.#known.generations[this.page.slot(index)] === this.page.generation(index);
  }
}
