/** Requests of one client that were passed on, in their order, and its connection of its own. */
import type { Exchange } from './exchange.js';
import type { Own } from './own.js';

export class Line {
  first: Exchange | undefined = undefined;
  private last: Exchange | undefined = undefined;
  own: Own | undefined = undefined;
  /** While it is held: it goes on when no more answers are awaited than these. */
  goesOnAt = 0;

  add(exchange: Exchange): void {
    if (this.first === undefined) this.first = exchange;
    else (this.last as Exchange).next = exchange;
    this.last = exchange;
  }

  /** The first one has been answered. */
  shift(): void {
    this.first = this.first?.next;
    if (this.first === undefined) this.last = undefined;
  }
}
