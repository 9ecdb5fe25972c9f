/** Counts what the CPU and the kernel do while code runs: cycles, misses, faults, switches. */
import * as abi from '../abi.js';
import { check, SystemError, systemError } from '../errors.js';
import { OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { type Mode, PERF_EVENTS, type PerfEvent, perfAttributes } from './perf-events.js';

export type { PerfEvent } from './perf-events.js';

export interface PerfOptions {
  /** What to count. */
  events: readonly PerfEvent[];
  /** Whose: a thread's id. Default: this thread. */
  tid?: number;
  /** Only while it runs on this CPU. Default: on any. */
  cpu?: number;
  /** Count what runs in user mode. Default true. */
  user?: boolean;
  /**
   * Count what runs in the kernel. Default false, which needs no privilege. Context switches and
   * migrations happen there and are counted always.
   */
  kernel?: boolean;
  /**
   * All at the same times, so that one may be divided by another. Default true. Without it the
   * kernel may count more events than the CPU has counters, in turns.
   */
  grouped?: boolean;
  /** What to do about events that cannot be counted here. Default 'throw'. */
  missing?: 'throw' | 'skip';
}

export interface PerfReading {
  /** Of each event; scaled up where the kernel counted it for a part of the time only. */
  readonly counts: Readonly<Partial<Record<PerfEvent, number>>>;
  /** The smallest part of the time for which an event was counted: 1 unless they took turns. */
  readonly share: number;
  /** True where `share` is below 1 and counts are estimates; NaN where it is 0. */
  readonly multiplexed: boolean;
  /** Time for which counting was switched on. */
  readonly enabledNs: number;
}

const HIGH = 2 ** 32;
const KEYS = ['events', 'tid', 'cpu', 'user', 'kernel', 'grouped', 'missing'];
const NAMES = Object.keys(PERF_EVENTS) as PerfEvent[];

interface Plan extends Mode {
  events: readonly PerfEvent[];
  tid: number;
  cpu: number;
  grouped: boolean;
  skip: boolean;
}

function planOf(options: PerfOptions): Plan {
  onlyKeys('options', options, KEYS);
  if (!Array.isArray(options.events)) throw invalidType('options.events', 'a list', options.events);
  for (const event of options.events) oneOf('options.events', event, NAMES);
  if (options.events.length === 0 || new Set(options.events).size < options.events.length) {
    throw invalidValue('options.events', 'must name events, each once', options.events);
  }
  const user = boolean('options.user', options.user ?? true);
  const kernel = boolean('options.kernel', options.kernel ?? false);
  if (!user && !kernel) throw invalidValue('options.user', 'must be true, or kernel must', false);
  return {
    events: [...options.events],
    tid: options.tid === undefined ? 0 : integer('options.tid', options.tid, 1, 2 ** 31 - 1),
    cpu: options.cpu === undefined ? -1 : integer('options.cpu', options.cpu, 0, 65_535),
    user,
    kernel,
    grouped: boolean('options.grouped', options.grouped ?? true),
    skip: oneOf('options.missing', options.missing ?? 'throw', ['throw', 'skip']) === 'skip',
  };
}

function openEvent(event: PerfEvent, plan: Plan, leader: number): number | SystemError {
  const kernel = plan.kernel || PERF_EVENTS[event].inKernel;
  const leads = leader < 0;
  const attributes = perfAttributes(event, { user: plan.user, kernel }, plan.grouped, leads);
  const { tid, cpu } = plan;
  const fd = native.perfEventOpen(attributes, tid, cpu, leader, abi.PERF_FLAG_FD_CLOEXEC);
  if (fd >= 0) return fd;
  const facts = { event, kernel, ...(tid > 0 && { tid }) };
  return systemError(fd, 'perf_event_open', { facts });
}

/**
 * Counters of one thread. They count between `start` and `stop`, and cost nothing meanwhile but the
 * counters of the CPU.
 *
 * @kernel 2.6.31
 * @man perf_event_open(2)
 */
export class PerfCounters implements Disposable {
  /** Those that are counted. */
  readonly events: readonly PerfEvent[];
  /** Those that cannot be counted here, and why: `hint` says what would help. */
  readonly missing: ReadonlyMap<PerfEvent, SystemError>;
  /** In the order of `events`; a group is read through its first. */
  readonly #fds: readonly OwnedFd[];
  readonly #grouped: boolean;
  readonly #words: Uint32Array;

  private constructor(
    fds: Map<PerfEvent, OwnedFd>,
    missing: Map<PerfEvent, SystemError>,
    grouped: boolean,
  ) {
    this.events = [...fds.keys()];
    this.missing = missing;
    this.#fds = [...fds.values()];
    this.#grouped = grouped;
    this.#words = new Uint32Array(2 * (3 + fds.size));
  }

  /**
   * Opens a counter for each event; none counts before `start`.
   *
   * @errno ENOENT the CPU, often a virtual one, has no such counter
   * @errno EACCES, EPERM kernel.perf_event_paranoid, or a seccomp filter
   * @errno EINVAL more events in one group than the CPU has counters
   * @errno ESRCH no thread has that id
   */
  static open(options: PerfOptions): PerfCounters {
    const plan = planOf(options);
    const fds = new Map<PerfEvent, OwnedFd>();
    const missing = new Map<PerfEvent, SystemError>();
    let leader = -1;
    for (const event of plan.events) {
      const fd = openEvent(event, plan, plan.grouped ? leader : -1);
      if (typeof fd === 'number') {
        fds.set(event, OwnedFd.adopt(fd));
        if (leader < 0) leader = fd;
      } else if (plan.skip && !SystemError.is(fd, 'ESRCH', 'EMFILE')) missing.set(event, fd);
      else {
        for (const each of fds.values()) each.close();
        throw fd;
      }
    }
    return new PerfCounters(fds, missing, plan.grouped);
  }

  /** Opens, counts while `work` runs, and closes. */
  static measure(options: PerfOptions, work: () => void): PerfReading {
    const counters = PerfCounters.open(options);
    try {
      counters.start();
      work();
      counters.stop();
      return counters.read();
    } finally {
      counters.close();
    }
  }

  #tell(request: number): void {
    const flag = this.#grouped ? abi.PERF_IOC_FLAG_GROUP : 0;
    for (const { fd } of this.#grouped ? this.#fds.slice(0, 1) : this.#fds) {
      check(native.perfEventIoctl(fd, request, flag), 'ioctl', { fd });
    }
  }

  start(): void {
    this.#tell(abi.PERF_EVENT_IOC_ENABLE);
  }

  stop(): void {
    this.#tell(abi.PERF_EVENT_IOC_DISABLE);
  }

  /** Sets the counts back to 0, though not the times. */
  reset(): void {
    this.#tell(abi.PERF_EVENT_IOC_RESET);
  }

  #word(index: number): number {
    const low = this.#words[2 * index] as number;
    return low + (this.#words[2 * index + 1] as number) * HIGH;
  }

  /** What was counted since the counters were opened or reset; they go on. */
  read(): PerfReading {
    const counts: Partial<Record<PerfEvent, number>> = {};
    let [share, enabledNs] = [1, 0];
    const add = (event: PerfEvent, count: number, enabled: number, running: number) => {
      const part = enabled === 0 ? 1 : running / enabled;
      counts[event] = part === 1 ? count : part === 0 ? Number.NaN : Math.round(count / part);
      share = Math.min(share, part);
      enabledNs = Math.max(enabledNs, enabled);
    };
    for (const [index, { fd }] of (this.#grouped ? this.#fds.slice(0, 1) : this.#fds).entries()) {
      check(native.read(fd, this.#words), 'read', { fd });
      if (this.#grouped) {
        // The number of counters, the times, then each count.
        for (const [at, event] of this.events.entries()) {
          add(event, this.#word(3 + at), this.#word(1), this.#word(2));
        }
      } else {
        add(this.events[index] as PerfEvent, this.#word(0), this.#word(1), this.#word(2));
      }
    }
    return { counts, share, multiplexed: share < 1, enabledNs };
  }

  /** Closes the counters; a second call does nothing. */
  close(): void {
    for (const fd of this.#fds) fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Whether one event can be counted here. */
export interface PerfSupport {
  readonly supported: boolean;
  /** Why not, and what would help. */
  readonly reason: string | undefined;
}

/** Which events can be counted for this thread, in user mode. */
export function perfSupport(): Record<PerfEvent, PerfSupport> {
  const counters = PerfCounters.open({ events: NAMES, grouped: false, missing: 'skip' });
  counters.close();
  const rows = NAMES.map((event) => {
    const error = counters.missing.get(event);
    return [
      event,
      { supported: error === undefined, reason: error && (error.hint ?? error.message) },
    ];
  });
  return Object.fromEntries(rows);
}
