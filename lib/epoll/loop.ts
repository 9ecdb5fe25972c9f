/** An epoll on Node's loop: a handler that is called for every event, or promises of some. */
import { AsyncResource } from 'node:async_hooks';
import { ECANCELED } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import { runTicks } from '../ticks.js';
import { abortSignal, onlyKeys, outOfRange } from '../validate.js';
import { type LoopKind, Watch } from '../watch.js';
import type { Batch } from './batch.js';
import type { ReadyEvent } from './ready.js';

/** Called with the tag of the registration and EPOLL* bits. */
export type EventHandler = (tag: number, events: number) => void;

export interface WaitAsyncOptions {
  /** Gives the wait up, with an AbortError. */
  signal?: AbortSignal;
  /** Resolves with no events after so many milliseconds. */
  timeoutMs?: number;
}

interface Waiter {
  resolve(events: ReadyEvent[]): void;
  reject(error: unknown): void;
  /** Takes timer and listener away. */
  clean(): void;
}

/** What the epoll does for its loop. */
export interface LoopSource {
  readonly fd: number;
  readonly batch: Batch;
  /** Takes what is there without waiting; answers how many events, before those of nobody went. */
  look(): number;
}

const TIMER_MAX_MS = 2 ** 31 - 1;
/** After so many events there are likely to be more by now: looking costs less than a turn. */
const BUSY = 8;

export class EpollLoop {
  private readonly source: LoopSource;
  private readonly kind: LoopKind;
  private readonly budget: number;
  private readonly waiters: Waiter[] = [];
  private readonly turn = (): void => this.handleTurn();
  private readonly deliverBatch = (): void => this.deliverAll();
  private readonly resume = (): void => {
    this.resuming = false;
    this.handleTurn();
  };
  private watching: Watch | undefined = undefined;
  private handler: EventHandler | undefined = undefined;
  private resource: AsyncResource | undefined = undefined;
  private batched = false;
  private wantsReference = true;
  /** There is something registered: a handler waits for it. */
  private busy = false;
  private resuming = false;
  /** Events are being handed out. */
  delivering = false;

  constructor(source: LoopSource, kind: LoopKind, budget: number) {
    this.source = source;
    this.kind = kind;
    this.budget = budget;
  }

  handle(handler: EventHandler | undefined, batched: boolean): void {
    if (this.waiters.length > 0) throw new TypeError('somebody waits for the events');
    this.handler = handler;
    this.batched = batched;
    this.resource = handler === undefined ? undefined : new AsyncResource('nearmetal.epoll');
    this.wanted();
  }

  wait(options: WaitAsyncOptions): Promise<ReadyEvent[]> {
    onlyKeys('options', options, ['signal', 'timeoutMs']);
    const signal = abortSignal('signal', options.signal);
    const timeoutMs = timerOf(options.timeoutMs);
    if (this.handler !== undefined) throw new TypeError('the events go to the handler');
    if (signal?.aborted) return Promise.reject(abortError(signal));
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => end(() => resolve([])), timeoutMs);
      const onAbort = (): void => end(() => reject(abortError(signal as AbortSignal)));
      const clean = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
      };
      const waiter = { resolve, reject, clean };
      const end = (settle: () => void): void => {
        clean();
        this.waiters.splice(this.waiters.indexOf(waiter), 1);
        this.update(this.busy);
        settle();
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiters.push(waiter);
      this.wanted();
    });
  }

  setWantsReference(wanted: boolean): void {
    this.wantsReference = wanted;
    this.update(this.busy);
  }

  /** Looks at the descriptor while somebody wants events, and keeps the process alive for them. */
  update(busy: boolean): void {
    this.busy = busy;
    const waiting = this.waiters.length > 0;
    const wanted = waiting || this.handler !== undefined;
    if (wanted) this.watching ??= this.openWatch();
    this.watching?.activate(wanted);
    this.watching?.reference(wanted && this.wantsReference && (waiting || busy));
  }

  /** The descriptor is about to be closed, or to become another file. */
  closeWatch(): void {
    this.watching?.close();
    this.watching = undefined;
  }

  close(): void {
    this.closeWatch();
    this.handler = undefined;
    for (const waiter of this.waiters.splice(0)) {
      waiter.clean();
      waiter.reject(systemError(-ECANCELED, 'epoll_wait'));
    }
  }

  private openWatch(): Watch {
    const { fd } = this.source;
    const watch = Watch.open(fd, this.kind, this.turn);
    if (typeof watch === 'number') throw systemError(watch, 'uv_poll_init', { fd });
    return watch;
  }

  /** Somebody new waits: for what an earlier one left over, too. */
  private wanted(): void {
    this.update(this.busy);
    if (this.source.batch.waiting) this.resumeSoon();
  }

  private resumeSoon(): void {
    if (this.resuming) return;
    this.resuming = true;
    setImmediate(this.resume);
  }

  /** The loop says that there are events, or some are left over. */
  private handleTurn(): void {
    if (this.handler === undefined) {
      this.serveWaiter();
      return;
    }
    this.delivering = true;
    try {
      this.rounds();
    } finally {
      this.delivering = false;
      // Only when a handler threw: the exception is on its way, and the others are not lost.
      if (this.handler !== undefined && this.source.batch.waiting) this.resumeSoon();
    }
  }

  private rounds(): void {
    const { batch } = this.source;
    let budget = this.budget;
    this.deliver();
    while (this.handler !== undefined) {
      const count = this.source.look();
      if (count > 0) this.deliver();
      budget -= count;
      // Few were all; otherwise the descriptor is still readable.
      if (count < Math.min(BUSY, batch.page.capacity) || budget <= 0) return;
      // As at the end of a turn: what was gathered in this one leaves before the next.
      if (this.batched) runTicks();
    }
  }

  private deliver(): void {
    if (!this.batched) this.deliverEach();
    else this.resource?.runInAsyncScope(this.deliverBatch);
  }

  private deliverEach(): void {
    const { batch } = this.source;
    while (this.handler !== undefined && batch.next()) {
      this.resource?.runInAsyncScope(this.handler, undefined, batch.tag, batch.events);
      runTicks();
    }
  }

  private deliverAll(): void {
    const { batch } = this.source;
    while (this.handler !== undefined && batch.next()) this.handler(batch.tag, batch.events);
  }

  private serveWaiter(): void {
    const { batch } = this.source;
    if (this.waiters.length === 0) return;
    if (!batch.waiting) this.source.look();
    if (!batch.waiting) return;
    const events = batch.take();
    const waiter = this.waiters.shift();
    waiter?.clean();
    waiter?.resolve(events);
    this.update(this.busy);
  }
}

function timerOf(ms: number | undefined): number | undefined {
  if (ms === undefined || (typeof ms === 'number' && ms >= 0 && ms <= TIMER_MAX_MS)) return ms;
  throw outOfRange('timeoutMs', `>= 0 && <= ${TIMER_MAX_MS}`, ms);
}
