/** `proxy`: two connections as one, whose bytes never come to JavaScript. */
import { ECANCELED, EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, ETIMEDOUT } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import type { Pending } from '../loop/backend.js';
import { Connection, type Detached } from '../net/connection.js';
import { Pump } from '../splice/pump.js';
import { abortSignal, invalidType, milliseconds, onlyKeys } from '../validate.js';

export interface ProxyOptions {
  /** Ends it when so long nothing went either way (ETIMEDOUT). Default: never. */
  idleTimeoutMs?: number;
  /** Ends it after so long in any case (ETIMEDOUT). Default: never. */
  lifetimeMs?: number;
  /** Ends it, with an AbortError. */
  signal?: AbortSignal;
}

/** Bytes that the receiving side's socket has taken. */
export interface ProxyCounts {
  readonly aToB: number;
  readonly bToA: number;
}

/** Errors of `proxy` say how much went each way. */
export type ProxyError = Error & ProxyCounts & { code: string };

const READABLE = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
const WRITABLE = EPOLLOUT | EPOLLHUP | EPOLLERR;

/**
 * Passes on what either connection receives to the other, and the end of its side, until both
 * sides have ended; then both are closed. What they had received before goes first.
 *
 * The connections belong to the proxy from now on: they cannot be read or written any more. What
 * ends one by an error ends both, and rejects.
 *
 * @errno ECONNRESET one peer broke off
 * @errno ETIMEDOUT by the options
 * @kernel 2.6.17
 * @man splice(2)
 */
export async function proxy(
  a: Connection,
  b: Connection,
  options: ProxyOptions = {},
): Promise<ProxyCounts> {
  if (!(a instanceof Connection)) throw invalidType('a', 'a Connection', a);
  if (!(b instanceof Connection) || b === a) throw invalidType('b', 'another Connection', b);
  onlyKeys('options', options, ['idleTimeoutMs', 'lifetimeMs', 'signal']);
  const signal = abortSignal('signal', options.signal);
  const idleMs = timeOf('idleTimeoutMs', options.idleTimeoutMs);
  const lifetimeMs = timeOf('lifetimeMs', options.lifetimeMs);
  const taken = await Promise.allSettled([a.detach(), b.detach()]);
  const sides: Detached[] = [];
  for (const each of taken) if (each.status === 'fulfilled') sides.push(each.value);
  const [left, right] = sides;
  if (left === undefined || right === undefined) {
    for (const side of sides) giveUp(side);
    a.close();
    b.close();
    const failed = taken.find((each) => each.status === 'rejected') as PromiseRejectedResult;
    throw failed.reason;
  }
  return await new Proxying(left, right, idleMs, lifetimeMs, signal).done;
}

function timeOf(name: string, value: number | undefined): number | undefined {
  return value === undefined ? undefined : milliseconds(name, value);
}

function giveUp({ socket, over }: Detached): void {
  socket.close();
  over();
}

class Proxying {
  readonly done: Promise<ProxyCounts>;
  readonly #sides: readonly [Detached, Detached];
  readonly #pumps: readonly [Pump, Pump];
  readonly #polls: Pending[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void => this.#end(abortError(this.#signal as AbortSignal));
  #idle: NodeJS.Timeout | undefined = undefined;
  #again: NodeJS.Immediate | undefined = undefined;
  #over = false;
  #resolve!: (counts: ProxyCounts) => void;
  #reject!: (error: unknown) => void;

  constructor(
    a: Detached,
    b: Detached,
    idleMs: number | undefined,
    lifetimeMs: number | undefined,
    signal: AbortSignal | undefined,
  ) {
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
    const there = new Pump(a.socket, b.socket, a.received);
    this.#pumps = [there, new Pump(b.socket, a.socket, b.received)];
    this.#watch(0);
    this.#watch(1);
    if (signal?.aborted) this.#aborted();
    else signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  #watch(side: 0 | 1): void {
    const { socket, shared } = this.#sides[side];
    const from = this.#pumps[side];
    const to = this.#pumps[side === 0 ? 1 : 0];
    const poll = shared.backend.poll(socket, (events) => {
      if ((events & READABLE) !== 0) from.readable = true;
      if ((events & WRITABLE) !== 0) to.writable = true;
      this.#run();
    });
    this.#polls.push(poll);
    // Closed by somebody else.
    socket.addUser({ open: true, letGo: () => this.#end(systemError(-ECANCELED, 'splice')) });
  }

  #run(): void {
    if (this.#over) return;
    const [there, back] = this.#pumps;
    const before = there.moved + back.moved;
    const more = [there.run(), back.run()].includes(true);
    if (there.moved + back.moved > before) this.#idle?.refresh();
    const failure = there.failure || back.failure;
    if (failure < 0) this.#end(systemError(failure, 'splice'));
    else if (there.ended && back.ended) this.#end(undefined);
    else if (more && this.#again === undefined) {
      this.#again = setImmediate(() => {
        this.#again = undefined;
        this.#run();
      });
    }
  }

  #end(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#signal?.removeEventListener('abort', this.#aborted);
    if (this.#again !== undefined) clearImmediate(this.#again);
    for (const timer of this.#timers) clearTimeout(timer);
    for (const poll of this.#polls) poll.cancel();
    for (const side of this.#sides) giveUp(side);
    const [there, back] = this.#pumps;
    const counts = { aToB: there.moved, bToA: back.moved };
    for (const pump of this.#pumps) pump.close();
    if (error === undefined) this.#resolve(counts);
    else this.#reject(Object.assign(error, counts));
  }
}
