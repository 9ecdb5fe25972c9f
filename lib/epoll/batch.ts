/** The events of one wait, without those that nobody is meant by any more. */
import { EPOLLONESHOT } from '../abi.js';
import type { FdLike } from '../fd/fd.js';
import { READINESS } from './events.js';
import { DATA_HIGH, DATA_LOW, EVENT_WORDS, EVENTS, type EventPage } from './page.js';
import { ReadyEvent } from './ready.js';
import type { Registrations } from './registrations.js';

/** Fields that are used for every event have plain names, which V8 reads faster. */
export class Batch {
  readonly page: EventPage;
  readonly known: Registrations;
  /** Of the event that `next` went on to. */
  slot = 0;
  tag = 0;
  events = 0;
  delivered = 0;
  stale = 0;
  /**
   * An event was nobody's already when it was taken. It comes from a file that lives on under
   * another number or in another process, after somebody else closed its number here.
   */
  orphaned = false;
  private changesBefore = 0;

  constructor(page: EventPage, known: Registrations) {
    this.page = page;
    this.known = known;
  }

  /** New events are about to be taken. */
  begin(): void {
    this.changesBefore = this.known.changes;
  }

  /** Goes on to the next event that is still meant for somebody; false at the end. */
  next(): boolean {
    const { page, known } = this;
    const { words } = page;
    while (page.next < page.count) {
      const at = EVENTS + page.next * EVENT_WORDS;
      page.next++;
      const slot = words[at + DATA_LOW] as number;
      if (known.generations[slot] !== words[at + DATA_HIGH]) {
        this.drop();
        continue;
      }
      const interest = known.interests[slot] as number;
      // The kernel waits for nothing any more, until it is modified.
      if ((interest & EPOLLONESHOT) !== 0) known.interests[slot] = interest & ~READINESS;
      this.delivered++;
      this.slot = slot;
      this.tag = known.tags[slot] as number;
      this.events = words[at] as number;
      return true;
    }
    return false;
  }

  /** All that is left, as objects. */
  take(): ReadyEvent[] {
    const events: ReadyEvent[] = [];
    while (this.next()) {
      const descriptor = this.known.descriptors[this.slot] as FdLike;
      events.push(new ReadyEvent(descriptor, this.tag, this.events));
    }
    return events;
  }

  /** Whether something is left that is meant for somebody. */
  get waiting(): boolean {
    const { page, known } = this;
    const { words } = page;
    while (page.next < page.count) {
      const at = EVENTS + page.next * EVENT_WORDS;
      if (known.generations[words[at + DATA_LOW] as number] === words[at + DATA_HIGH]) return true;
      page.next++;
      this.drop();
    }
    return false;
  }

  private drop(): void {
    this.stale++;
    // Where something has changed since, that may be why; an orphan comes again.
    if (this.known.changes === this.changesBefore) this.orphaned = true;
  }
}
