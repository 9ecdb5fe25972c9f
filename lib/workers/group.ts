/** A group of workers: how they start together, are watched over, replaced, and end. */
import { EventEmitter } from 'node:events';
import { abortError, SystemError } from '../errors.js';
import type { Channel, ChannelOptions } from '../shared/channel.js';
import type { SocketAddress } from '../socket/address.js';
import { integer, onlyKeys } from '../validate.js';
import { Channels, GROUP } from './channels.js';
import { WorkerError } from './errors.js';
import { Health } from './health.js';
import type { ChannelToOptions } from './lines.js';
import { entryOf, type LaunchOptions, type LaunchPlan, planLaunch, timeout } from './options.js';
import { Ports } from './ports.js';
import type { GivenLine, Orders, Refusal } from './protocol.js';
import { SupervisedWorker, type WorkerStats, type WorkerTold } from './supervised.js';
import { Thread, type WorkerExit } from './thread.js';

/** What a group tells of, each with the worker that it is about. */
export interface GroupEvents {
  /** A thread is ready: after `launch`, those that take a place. */
  ready: [worker: SupervisedWorker];
  /** A thread failed: `error` is its uncaught exception. Where nobody listens it is a warning. */
  crash: [worker: SupervisedWorker, error: Error];
  /** A thread is ready in the place of one that failed, for the nth time in a row. */
  restart: [worker: SupervisedWorker, failures: number];
  /** A thread has ended, in whatever way. */
  exit: [worker: SupervisedWorker, exit: WorkerExit];
  /** No sign of life for `blockedAfterMs`; and it moves again. */
  blocked: [worker: SupervisedWorker];
  unblocked: [worker: SupervisedWorker];
  /** What an entry has sent by its `parentPort`. */
  message: [worker: SupervisedWorker, value: unknown];
}

/** How `drain` and `stop` end. */
export interface FinishOptions {
  /** A thread that has not finished by then is terminated. */
  timeoutMs?: number;
}

export interface ReloadOptions {
  /** Another module than before. */
  entry?: string | URL;
  /** Other data than before. */
  data?: unknown;
  /** An old thread that has not finished by then is terminated. Default 10,000. */
  drainTimeoutMs?: number;
}

export interface StatsOptions {
  /** How long a worker is waited for. Default 1,000. */
  timeoutMs?: number;
}

const STOP_MS = 10_000;

/** Workers that were launched together; made by `launch`. */
export class WorkerGroup extends EventEmitter<GroupEvents> implements AsyncDisposable {
  readonly workers: readonly SupervisedWorker[];
  /**
   * Resolves when no thread is left: the group was stopped, or every worker has finished. Rejects
   * when a worker failed too often, which stopped the others.
   */
  readonly closed: Promise<void>;
  readonly #plan: LaunchPlan;
  readonly #ports: Ports;
  readonly #addresses: readonly SocketAddress[];
  readonly #health: Health;
  readonly #channels = new Channels();
  readonly #abort = (): void => void this.stop();
  #ending: Promise<void> | undefined;
  #failure: Error | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #close: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  /** @internal */
  constructor(plan: LaunchPlan) {
    super();
    this.#plan = plan;
    this.#ports = new Ports(
      plan.listen,
      plan.places.map(({ cpus }) => cpus),
      plan.steerByCpu,
    );
    this.#addresses = this.#ports.addresses;
    this.closed = new Promise((resolve, reject) => {
      this.#close = resolve;
      this.#fail = reject;
    });
    const told = this.#told();
    this.workers = plan.places.map((place, index) => {
      const make = (generation: number): Thread => this.#thread(index, generation);
      return new SupervisedWorker(index, place, plan.restart, make, told);
    });
    this.#health = new Health(this.workers, plan.heartbeatMs, plan.silentLooks, (worker) =>
      this.#changed(worker),
    );
  }

  /** Where it listens, one for each of `listen`. */
  get addresses(): readonly SocketAddress[] {
    return this.#addresses;
  }

  /** The first port; undefined where there is none. */
  get port(): number | undefined {
    return this.#addresses.flatMap((address) => ('port' in address ? [address.port] : []))[0];
  }

  /**
   * A channel to a worker, which asks for its end by `context.channelTo('group')`. It is over when
   * the worker's thread ends, or the group.
   *
   * @throws WorkerError `ENDED` when no thread of that worker will come
   * @errno EMFILE the limit of descriptors is reached
   * @man memfd_create(2)
   */
  async channelTo<In = unknown, Out = unknown>(
    index: number,
    options: ChannelToOptions = {},
  ): Promise<Channel<In, Out>> {
    integer('index', index, 0, this.workers.length - 1);
    if (this.workers[index]?.state === 'ended') {
      throw new WorkerError('ENDED', `worker ${index} has ended`, { index });
    }
    return this.#channels.to(index, options) as Channel<In, Out>;
  }

  #line(thread: Thread, index: number, peer: number, options: ChannelOptions): GivenLine | Refusal {
    if (peer !== GROUP && this.workers[peer]?.state === 'ended') return { ended: true };
    try {
      const { id, memory } = this.#channels.ask(index, thread, peer, options);
      return { id, fd: memory.fd?.fd ?? -1 };
    } catch (error) {
      if (!SystemError.is(error)) throw error;
      return { errno: error.errno, syscall: error.syscall };
    }
  }

  #thread(index: number, generation: number): Thread {
    const plan = this.#plan;
    const place = plan.places[index];
    const orders: Orders = {
      entry: plan.entry,
      index,
      count: plan.places.length,
      generation,
      cpus: `${place?.cpus}`,
      node: place?.node,
      data: plan.data,
      readyWhen: plan.readyWhen,
      heartbeatMs: plan.heartbeatMs,
      ring: plan.ring,
      arena: plan.arena,
      listeners: this.#ports.of(index),
      addresses: this.#addresses,
    };
    const thread = new Thread({
      orders,
      readyTimeoutMs: plan.readyTimeoutMs,
      worker: plan.thread,
      message: (value) => this.#tell('message', this.workers[index] as SupervisedWorker, value),
      channel: (asking, peer, options) => this.#line(asking, index, peer, options),
      over: (asking, line) => this.#channels.over(line, asking),
    });
    void thread.exited.then(() => this.#channels.ended(thread));
    return thread;
  }

  // --- what is told ------------------------------------------------------------------------------

  /** Later, so that what a listener throws is its own affair. */
  #tell<Name extends keyof GroupEvents>(name: Name, ...about: GroupEvents[Name]): void {
    process.nextTick(() => (this as EventEmitter).emit(name, ...about));
  }

  #told(): WorkerTold {
    return {
      ready: (worker) => this.#tell('ready', worker),
      restarted: (worker, failures) => this.#tell('restart', worker, failures),
      exited: (worker, exit) => {
        this.#tell('exit', worker, exit);
        process.nextTick(() => worker.state === 'ended' && this.#channels.gone(worker.index));
      },
      crashed: (worker, error) => this.#crashed(worker, error),
      gaveUp: (worker, cause) => {
        const { index } = worker;
        const message = `worker ${index} failed too often; its last error: ${cause.message}`;
        this.#failure ??= new WorkerError('GAVE_UP', message, { index, cause });
        void this.stop();
      },
      ended: (worker) => {
        this.#ports.retire(worker.index);
        if (this.workers.every(({ state }) => state === 'ended')) void this.stop();
      },
    };
  }

  #crashed(worker: SupervisedWorker, error: Error): void {
    if (this.listenerCount('crash') > 0) {
      this.#tell('crash', worker, error);
      return;
    }
    process.emitWarning(`worker ${worker.index} failed: ${error.message}`, {
      type: 'NearmetalWarning',
      code: 'NEARMETAL_WORKER_CRASH',
      detail: error.stack ?? `${error}`,
    });
  }

  #changed(worker: SupervisedWorker): void {
    this.#tell(worker.blocked ? 'blocked' : 'unblocked', worker);
    if (!worker.blocked || !this.#plan.terminateBlocked) return;
    const { index } = worker;
    const message = `the event loop of worker ${index} stood still`;
    worker.terminate(new WorkerError('BLOCKED', message, { index }));
  }

  // --- the beginning -----------------------------------------------------------------------------

  /** @internal */
  async start(): Promise<void> {
    const { signal } = this.#plan;
    let aborted = (): void => undefined;
    const abortion = new Promise<never>((_, reject) => {
      aborted = () => reject(abortError(signal as AbortSignal));
      if (signal?.aborted) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
    const failures = this.workers.map((worker) => worker.failed());
    for (const failure of [abortion, ...failures]) failure.catch(() => undefined);
    const ready = Promise.all(this.workers.map((worker) => worker.started()));
    try {
      await Promise.race([ready, abortion, ...failures]);
    } catch (error) {
      this.closed.catch(() => undefined);
      await this.stop({ timeoutMs: 0 });
      throw error;
    } finally {
      signal?.removeEventListener('abort', aborted);
    }
    signal?.addEventListener('abort', this.#abort, { once: true });
    for (const worker of this.workers) worker.supervise();
  }

  // --- afterwards --------------------------------------------------------------------------------

  /** How every worker is. Of one that does not answer in time, what is known from here. */
  stats(options: StatsOptions = {}): Promise<WorkerStats[]> {
    onlyKeys('options', options, ['timeoutMs']);
    const timeoutMs = timeout('options.timeoutMs', options.timeoutMs ?? 1000);
    return Promise.all(this.workers.map((worker) => worker.stats(timeoutMs)));
  }

  /** Sends to the `parentPort` of every worker that has a thread now. */
  broadcast(value: unknown): void {
    for (const { worker } of this.workers) worker?.postMessage(value);
  }

  /**
   * Puts new threads in the place of all, one worker after the other: each accepts before the old
   * one is told to finish, so no connection is lost if the old one drains. Resolves when all old
   * ones have ended. Rejects when a new one is not ready: its worker, and those after it, go on as
   * they were.
   */
  reload(options: ReloadOptions = {}): Promise<void> {
    onlyKeys('options', options, ['entry', 'data', 'drainTimeoutMs']);
    const drainMs = timeout('options.drainTimeoutMs', options.drainTimeoutMs ?? STOP_MS);
    const entry = options.entry === undefined ? undefined : entryOf(options.entry);
    const before = this.#reloading;
    const reloaded = before.then(async () => {
      if (entry !== undefined) this.#plan.entry = entry;
      if ('data' in options) this.#plan.data = options.data;
      for (const worker of this.workers) {
        if (this.#ending !== undefined) {
          throw new WorkerError('STOPPED', 'the group has been stopped', worker);
        }
        if (worker.state !== 'ended') await worker.replace(drainMs);
      }
    });
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /**
   * Tells every worker to finish (see `context.onDrain` and `context.signal`), and resolves when
   * all threads have ended. Default: waits as long as it takes.
   */
  drain(options: FinishOptions = {}): Promise<void> {
    onlyKeys('options', options, ['timeoutMs']);
    const { timeoutMs } = options;
    return this.#end(timeoutMs === undefined ? undefined : timeout('options.timeoutMs', timeoutMs));
  }

  /** As `drain`, and by default for no longer than 10 seconds. 0 terminates all threads at once. */
  stop(options: FinishOptions = {}): Promise<void> {
    onlyKeys('options', options, ['timeoutMs']);
    return this.#end(timeout('options.timeoutMs', options.timeoutMs ?? STOP_MS));
  }

  /** Asked again, another time limit holds as well. */
  #end(timeoutMs: number | undefined): Promise<void> {
    const ends = Promise.all(this.workers.map((worker) => worker.end(timeoutMs)));
    this.#ending ??= ends.then(async () => {
      // Behind all that is to be told.
      await new Promise<void>((resolve) => process.nextTick(resolve));
      this.#health.close();
      this.#ports.close();
      this.#channels.close();
      this.#plan.signal?.removeEventListener('abort', this.#abort);
      if (this.#failure === undefined) this.#close();
      else this.#fail(this.#failure);
    });
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/**
 * Runs `entry` in several threads, each on CPUs of its own, with a ring, memory and listening
 * sockets of its own (`workerContext` gives them there). Resolves when all are ready; rejects with
 * what the first of them failed of, and then none is left.
 *
 *     const group = await launch({ entry: new URL('./server.js', import.meta.url),
 *       listen: { port: 7000 } });
 *
 * @errno ENOENT there is no such module
 * @errno EADDRINUSE another socket has the port
 * @errno EINVAL a CPU is offline or outside the cpuset
 * @kernel 3.9 SO_REUSEPORT
 * @man sched_setaffinity(2), socket(7)
 */
export async function launch<Data = unknown>(options: LaunchOptions<Data>): Promise<WorkerGroup> {
  const plan = planLaunch(options);
  plan.signal?.throwIfAborted();
  const group = new WorkerGroup(plan);
  await group.start();
  return group;
}
