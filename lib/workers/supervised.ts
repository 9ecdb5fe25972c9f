/** One worker of a group: the threads that it has, one after the other. */
import type { Transferable, Worker } from 'node:worker_threads';
import type { CpuSet } from '../cpu/set.js';
import type { RingStats } from '../ring/stats.js';
import { WorkerError } from './errors.js';
import type { RestartPlan } from './options.js';
import type { Place } from './places.js';
import type { Report } from './protocol.js';
import type { Thread, WorkerExit } from './thread.js';

/**
 * 'waiting': its thread failed, and the next one starts when the wait is over. 'ended': it has
 * finished, or the group has stopped.
 */
export type WorkerState = 'starting' | 'ready' | 'waiting' | 'stopping' | 'ended';

/** How one worker is. */
export interface WorkerStats {
  readonly index: number;
  readonly state: WorkerState;
  readonly blocked: boolean;
  /** Threads that took the place of one that failed. */
  readonly restarts: number;
  /** The thread's part of the time that its event loop was busy, since the last look: 0 to 1. */
  readonly utilisation: number;
  /** Milliseconds that the thread has run on a CPU; undefined where the kernel does not say. */
  readonly cpuMs: number | undefined;
  /** Of `context.ring`; undefined when there is none, or when the worker has not answered. */
  readonly ring: RingStats | undefined;
  /** What the worker's `report` functions answered. */
  readonly reported: Report;
  /** False when the worker did not answer in time: it is blocked, or has no thread. */
  readonly answered: boolean;
}

/** @internal What the group hears of a worker. */
export interface WorkerTold {
  ready(worker: SupervisedWorker): void;
  restarted(worker: SupervisedWorker, failures: number): void;
  exited(worker: SupervisedWorker, exit: WorkerExit): void;
  crashed(worker: SupervisedWorker, error: Error): void;
  gaveUp(worker: SupervisedWorker, error: Error): void;
  /** It has finished by itself. */
  ended(worker: SupervisedWorker): void;
}

const waitOf = ({ minMs, maxMs }: RestartPlan, failures: number): number =>
  Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 40));

export class SupervisedWorker {
  readonly index: number;
  readonly cpus: CpuSet;
  /** The NUMA node of its CPUs; undefined where they are of several. */
  readonly node: number | undefined;
  /** Threads that took the place of one that failed. */
  restarts = 0;
  /** Its event loop has stood still for `blockedAfterMs`. */
  blocked = false;
  #state: WorkerState = 'starting';
  readonly #plan: RestartPlan;
  readonly #make: (generation: number) => Thread;
  readonly #told: WorkerTold;
  /** All that have not ended: the current one, the next one, and those that finish. */
  readonly #threads = new Set<Thread>();
  #generation = 0;
  #thread: Thread;
  #next: Thread | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #supervised = false;

  /** @internal */
  constructor(
    index: number,
    place: Place,
    plan: RestartPlan,
    make: (generation: number) => Thread,
    told: WorkerTold,
  ) {
    this.index = index;
    this.cpus = place.cpus;
    this.node = place.node;
    this.#plan = plan;
    this.#make = make;
    this.#told = told;
    this.#thread = this.#begin();
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** How many threads it has had before this one. */
  get generation(): number {
    return this.#generation - 1;
  }

  /** Node's own object for its thread, which changes with it; undefined while there is none. */
  get worker(): Worker | undefined {
    return this.#thread.exit === undefined ? this.#thread.worker : undefined;
  }

  /** The kernel's number of its thread. */
  get tid(): number | undefined {
    return this.#thread.exit === undefined ? this.#thread.pinned?.tid : undefined;
  }

  /**
   * Sends to the entry's `parentPort`.
   *
   * @throws WorkerError when the worker has no thread now
   */
  postMessage(value: unknown, transferList: readonly Transferable[] = []): void {
    const { worker, index } = this;
    if (worker === undefined) {
      throw new WorkerError('ENDED', `worker ${index} has no thread now`, { index });
    }
    worker.postMessage(value, transferList);
  }

  // --- the life of a thread ----------------------------------------------------------------------

  #begin(): Thread {
    const thread = this.#make(this.#generation++);
    this.#threads.add(thread);
    void thread.exited.then((exit) => this.#left(thread, exit));
    return thread;
  }

  #left(thread: Thread, exit: WorkerExit): void {
    this.#threads.delete(thread);
    this.#told.exited(this, exit);
    const failed = exit.error !== undefined || (exit.code !== 0 && !exit.expected);
    const error = exit.error ?? thread.endedError(exit.code);
    if (failed && this.#supervised) this.#told.crashed(this, error);
    if (thread !== this.#thread || !this.#supervised) return;
    this.blocked = false;
    if (this.#stopping) this.#state = 'ended';
    // Where another is about to take its place anyway, nothing has to be done.
    else if (this.#next !== undefined) this.#state = 'waiting';
    else this.#after(thread, failed, error);
  }

  #after(thread: Thread, failed: boolean, error: Error): void {
    if (!failed && thread.isReady && !this.#plan.always) {
      this.#state = 'ended';
      this.#told.ended(this);
      return;
    }
    if (performance.now() - thread.readySince >= this.#plan.stableMs) this.#failures = 0;
    this.#failures++;
    if (this.#failures > this.#plan.limit) {
      this.#state = 'ended';
      this.#told.gaveUp(this, error);
      return;
    }
    this.#state = 'waiting';
    this.#timer = setTimeout(() => this.#restart(), waitOf(this.#plan, this.#failures));
  }

  #restart(): void {
    this.#state = 'starting';
    this.restarts++;
    const failures = this.#failures;
    const thread = this.#begin();
    this.#thread = thread;
    thread.ready.then(
      () => {
        if (this.#stopping) return;
        this.#becomeReady();
        this.#told.restarted(this, failures);
      },
      // How it ended is told elsewhere.
      () => undefined,
    );
  }

  #becomeReady(): void {
    this.#state = 'ready';
    this.#told.ready(this);
  }

  // --- for the group -----------------------------------------------------------------------------

  /** @internal Resolves when the first thread is ready, and rejects when it fails before `all`. */
  async started(): Promise<void> {
    await this.#thread.ready;
    if (this.#stopping) return;
    this.#becomeReady();
  }

  /** @internal Rejects when the thread fails; says nothing while it does not. */
  failed(): Promise<never> {
    const thread = this.#thread;
    return new Promise((_, reject) => {
      void thread.exited.then(({ code, error }) => {
        if (error !== undefined) reject(error);
        else if (code !== 0 || !thread.isReady) reject(thread.endedError(code));
      });
    });
  }

  /** @internal From now on failures are mended. */
  supervise(): void {
    this.#supervised = true;
    const { exit } = this.#thread;
    if (exit === undefined) return;
    this.#after(this.#thread, exit.code !== 0, this.#thread.endedError(exit.code));
  }

  /** @internal Puts a new thread in the place of the one there is, which then finishes. */
  async replace(drainMs: number): Promise<void> {
    clearTimeout(this.#timer);
    const old = this.#thread;
    const next = this.#begin();
    this.#next = next;
    try {
      await next.ready;
    } catch (error) {
      this.#next = undefined;
      // The old one goes on, unless it has failed meanwhile.
      if (old.exit !== undefined && !this.#stopping) this.#after(next, true, error as Error);
      throw error;
    }
    this.#next = undefined;
    this.#thread = next;
    this.#failures = 0;
    this.blocked = false;
    if (!this.#stopping) this.#becomeReady();
    await this.#finish(old, false, drainMs);
  }

  async #finish(thread: Thread, last: boolean, timeoutMs: number | undefined): Promise<void> {
    if (thread.exit !== undefined) return;
    if (!thread.isReady || timeoutMs === 0) {
      thread.expected = true;
      await thread.terminate();
    } else thread.drain(last);
    const late = (): void => void thread.terminate();
    const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
    await thread.exited;
    clearTimeout(timer);
  }

  /** @internal Resolves when no thread is left. */
  async end(timeoutMs: number | undefined): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (this.#state !== 'ended') this.#state = 'stopping';
    while (this.#threads.size > 0) {
      await Promise.all([...this.#threads].map((thread) => this.#finish(thread, true, timeoutMs)));
    }
    this.#state = 'ended';
  }

  /** @internal Its signs of life, or undefined while there is nothing to be heard of. */
  get beats(): number | undefined {
    const running = this.#state === 'ready' || this.#state === 'stopping';
    return running && this.#thread.exit === undefined ? this.#thread.beats : undefined;
  }

  /** @internal */
  terminate(error: Error): void {
    void this.#thread.terminate(error);
  }

  /** @internal */
  async stats(timeoutMs: number): Promise<WorkerStats> {
    const thread = this.#thread;
    const answer = await thread.ask(timeoutMs);
    return {
      index: this.index,
      state: this.#state,
      blocked: this.blocked,
      restarts: this.restarts,
      utilisation: thread.utilisation(),
      cpuMs: thread.exit === undefined ? thread.cpuMs() : undefined,
      ring: answer?.ring,
      reported: answer?.reported ?? {},
      answered: answer !== undefined,
    };
  }
}
