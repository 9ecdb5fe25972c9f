/** `proxy`: two connections as one, whose bytes never come to JavaScript. */
import {
  ECANCELED,
  EPOLLERR,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  EPOLLPRI,
  EPOLLRDHUP,
  ETIMEDOUT,
} from '../abi.js';
import { abortError, systemError } from '../errors.js';
import { OwnedFd } from '../fd/fd.js';
import type { Backend, Poll } from '../loop/backend.js';
import { sharedBackend } from '../loop/shared-backend.js';
import { Connection } from '../net/connection.js';
import { Pump } from '../splice/pump.js';
import { abortSignal, bytesView, invalidType, milliseconds, onlyKeys } from '../validate.js';

export interface ProxyOptions {
  /** Ends it when so long nothing went either way (ETIMEDOUT). Default: never. */
  idleTimeoutMs?: number;
  /** Ends it after so long in any case (ETIMEDOUT). Default: never. */
  lifetimeMs?: number;
  /** Ends it, with an AbortError. */
  signal?: AbortSignal;
  /** Bytes of the caller's that go before all others: a header for `b`, or for `a`. */
  first?: { readonly aToB?: Uint8Array; readonly bToA?: Uint8Array };
  /** Of `nearmetal/loop`: who waits for plain sockets. Default: what connections use. */
  backend?: Backend;
}

/** Bytes that the receiving side's socket has taken. */
export interface ProxyCounts {
  readonly aToB: number;
  readonly bToA: number;
}

/** Errors of `proxy` say how much went each way. */
export type ProxyError = Error & ProxyCounts & { code: string };

/** One end of it. */
interface Side {
  readonly socket: OwnedFd;
  readonly received: readonly Uint8Array[];
  readonly backend: Backend;
  /** To be called when the socket has been closed. */
  readonly over: () => void;
}

const KEYS = ['idleTimeoutMs', 'lifetimeMs', 'signal', 'first', 'backend'];
const CAREFUL = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;
const READABLE = EPOLLIN | CAREFUL;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;

/**
 * Passes on what either connection receives to the other, and the end of its side, until both
 * sides have ended; then both are closed. What they had received before goes first.
 *
 * The connections belong to the proxy from now on: they cannot be read or written any more. What
 * ends one by an error ends both, and rejects. Connected sockets that nobody else uses, as those of
 * `nearmetal/loop`, are taken as well: closing one ends the proxy (ECANCELED).
 *
 * @errno ECONNRESET one peer broke off
 * @errno ETIMEDOUT by the options
 * @kernel 2.6.17
 * @man splice(2)
 */
export async function proxy(
  a: Connection | OwnedFd,
  b: Connection | OwnedFd,
  options: ProxyOptions = {},
): Promise<ProxyCounts> {
  checkSide('a', a);
  checkSide('b', b);
  if (a === b) throw invalidType('b', 'another Connection', b);
  onlyKeys('options', options, KEYS);
  const { first = {} } = options;
  const plan: Plan = {
    signal: abortSignal('signal', options.signal),
    idleMs: timeOf('idleTimeoutMs', options.idleTimeoutMs),
    lifetimeMs: timeOf('lifetimeMs', options.lifetimeMs),
    aToB: firstOf('first.aToB', first.aToB),
    bToA: firstOf('first.bToA', first.bToA),
  };
  const backend = options.backend ?? sharedBackend(undefined, true).backend;
  if (typeof backend.poll !== 'function') throw invalidType('backend', 'a Backend', backend);
  if (a instanceof OwnedFd && b instanceof OwnedFd) {
    return await new Proxying(plainSide(a, backend), plainSide(b, backend), plan).done;
  }
  const taken = await Promise.allSettled([sideOf(a, backend), sideOf(b, backend)]);
  const sides: Side[] = [];
  for (const each of taken) if (each.status === 'fulfilled') sides.push(each.value);
  const [left, right] = sides;
  if (left === undefined || right === undefined) {
    for (const side of sides) giveUp(side);
    a.close();
    b.close();
    const failed = taken.find((each) => each.status === 'rejected') as PromiseRejectedResult;
    throw failed.reason;
  }
  return await new Proxying(left, right, plan).done;
}

/** Options after checking. */
interface Plan {
  readonly signal: AbortSignal | undefined;
  readonly idleMs: number | undefined;
  readonly lifetimeMs: number | undefined;
  readonly aToB: readonly Uint8Array[];
  readonly bToA: readonly Uint8Array[];
}

function checkSide(name: string, side: unknown): void {
  if (side instanceof Connection || (side instanceof OwnedFd && !side.closed)) return;
  throw invalidType(name, 'a Connection or an open OwnedFd', side);
}

function timeOf(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : milliseconds(name, value);
}

const NONE: readonly Uint8Array[] = [];

/** A copy: it is sent later. */
function firstOf(name: string, value: unknown): readonly Uint8Array[] {
  if (value === undefined) return NONE;
  if (!(value instanceof Uint8Array)) throw invalidType(name, 'a Uint8Array', value);
  bytesView(name, value);
  return [value.slice()];
}

async function sideOf(side: Connection | OwnedFd, backend: Backend): Promise<Side> {
  if (side instanceof OwnedFd) return plainSide(side, backend);
  const { socket, received, over, shared } = await side.detach();
  return { socket, received, over, backend: shared.backend };
}

const nothing = (): void => undefined;

const plainSide = (socket: OwnedFd, backend: Backend): Side => ({
  socket,
  received: NONE,
  backend,
  over: nothing,
});

function giveUp({ socket, over }: Side): void {
  socket.close();
  over();
}

class Proxying {
  readonly done: Promise<ProxyCounts>;
  readonly #sides: readonly [Side, Side];
  readonly #pumps: readonly [Pump, Pump];
  readonly #polls: readonly [Poll, Poll];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void => this.#end(abortError(this.#signal as AbortSignal));
  #idle: NodeJS.Timeout | undefined = undefined;
  #again: NodeJS.Immediate | undefined = undefined;
  #over = false;
  #resolve!: (counts: ProxyCounts) => void;
  #reject!: (error: unknown) => void;

  constructor(a: Side, b: Side, { signal, idleMs, lifetimeMs, aToB, bToA }: Plan) {
    this.#sides = [a, b];
    this.#signal = signal;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const late = (): void => this.#end(systemError(-ETIMEDOUT, 'splice'));
    if (idleMs !== undefined) {
      this.#idle = setTimeout(late, idleMs);
      this.#timers.push(this.#idle);
    }
    if (lifetimeMs !== undefined) this.#timers.push(setTimeout(late, lifetimeMs));
    this.#pumps = [
      new Pump(a.socket, b.socket, [...aToB, ...a.received]),
      new Pump(b.socket, a.socket, [...bToA, ...b.received]),
    ];
    this.#polls = [this.#watch(0), this.#watch(1)];
    if (signal?.aborted) this.#aborted();
    else {
      signal?.addEventListener('abort', this.#aborted, { once: true });
      // The peer of `a` has often said something already.
      this.#pumps[1].readable = false;
      this.#run();
    }
  }

  #watch(side: 0 | 1): Poll {
    const { socket, backend } = this.#sides[side];
    const from = this.#pumps[side];
    const to = this.#pumps[side === 0 ? 1 : 0];
    const poll = backend.poll(socket, (events) => {
      if ((events & READABLE) !== 0) from.readable = true;
      if ((events & CAREFUL) !== 0) from.careful = true;
      if ((events & WRITABLE) !== 0) to.writable = true;
      this.#run();
    });
    // Closed by somebody else.
    const letGo = (): void => {
      if (!this.#over) this.#end(systemError(-ECANCELED, 'splice'));
    };
    socket.addUser({ open: true, letGo });
    return poll;
  }

  #run(): void {
    if (this.#over) return;
    const [there, back] = this.#pumps;
    const before = there.moved + back.moved;
    const moreThere = this.#pumped(there, back);
    const more = this.#pumped(back, there) || moreThere;
    if (there.moved + back.moved > before) this.#idle?.refresh();
    const failure = there.failure || back.failure;
    if (failure < 0) this.#end(systemError(failure, 'splice'));
    else if (there.ended && back.ended) this.#end(undefined);
    else {
      if (more) this.#runAgain();
      this.#wait(0);
      this.#wait(1);
    }
  }

  #runAgain(): void {
    this.#again ??= setImmediate(() => {
      this.#again = undefined;
      this.#run();
    });
  }

  #wait(side: 0 | 1): void {
    let events = 0;
    if (this.#pumps[side].wantsToReceive) events = READABLE;
    if (this.#pumps[side === 0 ? 1 : 0].wantsToSend) events |= EPOLLOUT;
    if (events !== 0) this.#polls[side].wait(events);
  }

  #pumped(pump: Pump, other: Pump): boolean {
    if (pump.ended) return false;
    const more = pump.run();
    // With both at their end, closing tells.
    if (pump.ended && !other.ended) pump.shutdown();
    return more;
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#signal?.removeEventListener('abort', this.#aborted);
    if (this.#again !== undefined) clearImmediate(this.#again);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const poll of this.#polls) poll.cancel();
    for (const pump of this.#pumps) pump.close();
    const [there, back] = this.#pumps;
    const counts = { aToB: there.moved, bToA: back.moved };
    if (error === undefined) this.#closeSoon(() => this.#resolve(counts));
    else {
      for (const side of this.#sides) giveUp(side);
      this.#reject(Object.assign(error, counts));
    }
  }

  /** When the polls are over: to close under them costs the kernel more than all the rest. */
  #closeSoon(done: () => void): void {
    let left = this.#sides.length;
    for (const side of this.#sides) {
      const close = (): void => {
        giveUp(side);
        if (--left === 0) done();
      };
      if (side.socket.inFlight === 0) close();
      else side.socket.onIdle = close;
    }
  }
}
