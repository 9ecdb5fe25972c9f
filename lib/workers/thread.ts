/** One thread of a worker, seen from outside: how it starts, what it says, how it ends. */
import { MessageChannel, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { PinnedWorker, type PinnedWorkerOptions } from '../cpu/worker.js';
import { readLine } from '../proc/read.js';
import type { RingStats } from '../ring/stats.js';
import type { ChannelOptions } from '../shared/channel.js';
import { WorkerError } from './errors.js';
import {
  BEATS,
  type Command,
  type Envelope,
  type GivenLine,
  type Orders,
  POSTED,
  type Refusal,
  type Report,
  type Told,
  WORDS,
} from './protocol.js';

/** How a thread ended. */
export interface WorkerExit {
  /** Of the thread: 0 when it had nothing more to do, 1 when it failed or was terminated. */
  readonly code: number;
  /** What it failed of: its uncaught exception, or why it was terminated. */
  readonly error: Error | undefined;
  /** True when the group had told it to finish. */
  readonly expected: boolean;
}

export interface ThreadOptions {
  readonly orders: Orders;
  readonly readyTimeoutMs: number;
  readonly worker: Omit<PinnedWorkerOptions, 'cpus' | 'workerData' | 'transferList'>;
  /** A message of the entry's own. */
  message(value: unknown): void;
  /** It asks for a channel to another worker. */
  channel(thread: Thread, peer: number, options: ChannelOptions): GivenLine | Refusal;
  /** It has closed its end of a channel. */
  over(thread: Thread, line: number): void;
}

/** What a thread answers when it is asked how it is. */
export interface Answer {
  readonly ring: RingStats | undefined;
  readonly reported: Report;
}

const INSIDE = new URL('./workers-inside.js', import.meta.url);

export class Thread {
  /** Resolves when it is ready; rejects with what it ended of before. */
  readonly ready: Promise<void>;
  readonly exited: Promise<WorkerExit>;
  /** It has been told to finish. */
  expected = false;
  readySince = Infinity;
  /** Set once it has ended. */
  exit: WorkerExit | undefined;
  /** Undefined until the thread is placed. */
  pinned: PinnedWorker | undefined;
  readonly #options: ThreadOptions;
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS * 4));
  readonly #channel = new MessageChannel();
  readonly #answers = new Map<number, (answer: Answer | undefined) => void>();
  #asked = 0;
  #error: Error | undefined;
  #terminated = false;
  #timer: NodeJS.Timeout | undefined;
  #becomeReady: () => void = () => undefined;
  #failReady: (error: Error) => void = () => undefined;
  #finish: (exit: WorkerExit) => void = () => undefined;
  #lastUse: ReturnType<Worker['performance']['eventLoopUtilization']> | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.exited = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.ready = new Promise((resolve, reject) => {
      this.#becomeReady = resolve;
      this.#failReady = reject;
    });
    // Nobody may be waiting for it.
    this.ready.catch(() => undefined);
    void this.#start();
  }

  get worker(): Worker | undefined {
    return this.pinned?.worker;
  }

  get isReady(): boolean {
    return this.readySince < Infinity;
  }

  /** Moves on while the thread is not blocked. */
  get beats(): number {
    return Atomics.load(this.#words, BEATS);
  }

  async #start(): Promise<void> {
    const { orders, worker } = this.#options;
    const { port1, port2 } = this.#channel;
    const envelope: Envelope = { orders, port: port2, words: this.#words };
    try {
      this.pinned = await PinnedWorker.spawn(INSIDE, {
        name: `worker ${orders.index}`,
        ...worker,
        cpus: orders.cpus,
        workerData: envelope,
        transferList: [port2],
      });
    } catch (error) {
      port1.close();
      this.#end(1, error as Error);
      return;
    }
    const { worker: running } = this.pinned;
    running.on('error', (error) => {
      this.#error ??= error;
    });
    running.on('message', (value) => this.#options.message(value));
    running.on('messageerror', (error) => void this.terminate(error));
    running.once('exit', (code) => this.#left(code));
    port1.on('message', (told: Told) => this.#hear(told)).unref();
    if (this.#terminated) void running.terminate();
    else this.#limit();
  }

  #limit(): void {
    const { readyTimeoutMs, orders } = this.#options;
    if (this.isReady) return;
    const { index } = orders;
    this.#timer = setTimeout(() => {
      const message = `worker ${index} was not ready after ${readyTimeoutMs} ms`;
      void this.terminate(new WorkerError('NOT_READY', message, { index }));
    }, readyTimeoutMs);
  }

  #hear(told: Told): void {
    if (told.what === 'ready') {
      if (this.isReady || this.#terminated) return;
      clearTimeout(this.#timer);
      this.readySince = performance.now();
      this.#becomeReady();
    } else if (told.what === 'channel') {
      const line = this.#options.channel(this, told.peer, told.options);
      this.#post({ what: 'channel', id: told.id, line });
    } else if (told.what === 'over') {
      this.#options.over(this, told.line);
    } else {
      this.#answers.get(told.id)?.(told);
      this.#answers.delete(told.id);
    }
  }

  /** What it said before it ended may still be on its way. */
  #left(code: number): void {
    const { port1 } = this.#channel;
    for (;;) {
      const received = receiveMessageOnPort(port1);
      if (received === undefined) break;
      this.#hear(received.message);
    }
    port1.close();
    this.#end(code, this.#error);
  }

  #end(code: number, error: Error | undefined): void {
    clearTimeout(this.#timer);
    const { expected } = this;
    this.exit = { code, error, expected };
    for (const answer of this.#answers.values()) answer(undefined);
    this.#answers.clear();
    this.#finish(this.exit);
    // Those who were told of its end have heard of it when this is rejected.
    const failed = (): void => this.#failReady(error ?? this.endedError(code));
    if (!this.isReady) void this.exited.then(() => process.nextTick(failed));
  }

  /** For a thread that ended without an exception. */
  endedError(code: number): WorkerError {
    const { index } = this.#options.orders;
    const when = this.isReady ? '' : ' before it was ready';
    return new WorkerError('ENDED', `worker ${index} ended with ${code}${when}`, { index });
  }

  #post(command: Command): void {
    this.#channel.port1.postMessage(command);
    Atomics.add(this.#words, POSTED, 1);
  }

  /** Tells it to finish; `last` when no other thread is to take its place. */
  drain(last: boolean): void {
    if (this.expected) return;
    this.expected = true;
    this.#post({ what: 'drain', last });
  }

  /** Ends it now; `error` is what it then has ended of. */
  async terminate(error?: Error): Promise<void> {
    this.#terminated = true;
    if (error !== undefined) this.#error ??= error;
    await this.pinned?.terminate();
  }

  /** Undefined when it does not answer in time: it is blocked, or has ended. */
  ask(timeoutMs: number): Promise<Answer | undefined> {
    if (!this.isReady || this.exit !== undefined) return Promise.resolve(undefined);
    const id = this.#asked++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#answers.delete(id);
        resolve(undefined);
      }, timeoutMs);
      this.#answers.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.#post({ what: 'stats', id });
    });
  }

  /** The part of the time since it was last asked that the event loop was busy: 0 to 1. */
  utilisation(): number {
    const { worker } = this;
    if (worker === undefined || this.exit !== undefined) return 0;
    const now = worker.performance.eventLoopUtilization();
    const use =
      this.#lastUse === undefined
        ? now
        : worker.performance.eventLoopUtilization(now, this.#lastUse);
    this.#lastUse = now;
    // Read from outside, its idle time may be ahead of its clock.
    return Math.min(Math.max(use.utilization, 0), 1);
  }

  /** Milliseconds that it has run on a CPU; undefined where the kernel does not say. */
  cpuMs(): number | undefined {
    if (this.pinned === undefined) return undefined;
    const line = readLine(`/proc/self/task/${this.pinned.tid}/schedstat`);
    return line === undefined ? undefined : Number(line.split(' ')[0]) / 1e6;
  }
}
