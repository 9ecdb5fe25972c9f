/** One event, as the waits that give objects give it. */
import type { FdLike } from '../fd/fd.js';
import { EVENT_BITS } from './events.js';

export class ReadyEvent {
  /** The descriptor as it was registered. */
  readonly fd: FdLike;
  readonly tag: number;
  /** EPOLL* bits. */
  readonly events: number;

  /** @internal */
  constructor(fd: FdLike, tag: number, events: number) {
    this.fd = fd;
    this.tag = tag;
    this.events = events;
  }

  /** There is something to read, or the end of it. */
  get in(): boolean {
    return (this.events & EVENT_BITS.in) !== 0;
  }

  /** There is room to write. */
  get out(): boolean {
    return (this.events & EVENT_BITS.out) !== 0;
  }

  /** Urgent data, or an exceptional condition. */
  get pri(): boolean {
    return (this.events & EVENT_BITS.pri) !== 0;
  }

  /** The peer has ended its side. */
  get rdhup(): boolean {
    return (this.events & EVENT_BITS.rdhup) !== 0;
  }

  get err(): boolean {
    return (this.events & EVENT_BITS.err) !== 0;
  }

  /** Both sides have ended. */
  get hup(): boolean {
    return (this.events & EVENT_BITS.hup) !== 0;
  }
}
