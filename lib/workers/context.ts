/** What a worker of a group has: its place, its data, its ring, its memory, its sockets. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { CpuSet } from '../cpu/set.js';
import { systemError } from '../errors.js';
import { dup } from '../fd/fcntl.js';
import { asFd, type OwnedFd } from '../fd/fd.js';
import { Arena } from '../memory/arena.js';
import { allocateOnNode } from '../numa/allocate.js';
import { localTo, nodes } from '../numa/nodes.js';
import type { OwnLoopOptions } from '../ring/own-loop.js';
import { Ring } from '../ring/ring.js';
import type { Channel } from '../shared/channel.js';
import type { SocketAddress } from '../socket/address.js';
import { endListening } from '../socket/listen.js';
import { integer, invalidType, invalidValue } from '../validate.js';
import { GROUP } from './channels.js';
import { WorkerError } from './errors.js';
import { type ChannelToOptions, openLine, planChannel } from './lines.js';
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
} from './protocol.js';
import { type ShardKey, shardOf } from './shard.js';

/** One worker of a group, seen from inside; `workerContext` gives it. */
export class WorkerContext<Data = unknown> {
  /** Which worker this is, from 0 to `count` - 1. Who takes its place has the same. */
  readonly index: number;
  readonly count: number;
  /** How many threads this worker has had before: 0 until it is restarted or reloaded. */
  readonly generation: number;
  /** Where it runs. */
  readonly cpus: CpuSet;
  /** The NUMA node of its CPUs; undefined where they are of several. */
  readonly node: number | undefined;
  /** A copy of what `launch` was given. */
  readonly data: Data;
  /** Where the group listens, one address for each of `listen`. */
  readonly addresses: readonly SocketAddress[];
  readonly #orders: Orders;
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  readonly #controller = new AbortController();
  readonly #drains: (() => unknown)[] = [];
  readonly #reports: (() => Report)[] = [];
  /** Messages that were taken off the port. */
  #taken = 0;
  /** Channels that have been asked for. */
  readonly #asks = new Map<number, (line: GivenLine | Refusal) => void>();
  #asked = 0;
  #draining = false;
  #signalled = false;
  #ready = false;
  #ring: Ring | undefined;
  #arena: Arena | undefined;

  /** @internal */
  constructor({ orders, port, words }: Envelope) {
    this.#orders = orders;
    this.#port = port;
    this.#words = words;
    this.index = orders.index;
    this.count = orders.count;
    this.generation = orders.generation;
    this.cpus = CpuSet.parse(orders.cpus);
    this.node = orders.node;
    this.data = orders.data as Data;
    this.addresses = orders.addresses;
    port.on('message', (command: Command) => this.#take(command)).unref();
    setInterval(() => this.#beat(), orders.heartbeatMs).unref();
  }

  /** The first of its CPUs. */
  get cpu(): number {
    return this.cpus.first as number;
  }

  /** A ring of this worker's own, with the options of `launch`; opened when first asked for. */
  get ring(): Ring {
    this.#ring ??= Ring.open(this.#orders.ring);
    return this.#ring;
  }

  /**
   * Memory of this worker's own, on its NUMA node or, where that has none, the nearest that has,
   * with the options of `launch`; mapped when it is first asked for.
   *
   * @errno ENOMEM the node has not that much memory
   * @errno EPERM seccomp refuses mbind, which machines of several nodes need
   * @man mbind(2)
   */
  get arena(): Arena {
    if (this.#arena !== undefined) return this.#arena;
    const { arena } = this.#orders;
    const several = this.node !== undefined && nodes().length > 1;
    this.#arena = several
      ? Arena.over(allocateOnNode(localTo(this.cpus.first as number), arena))
      : Arena.map(arena);
    return this.#arena;
  }

  /**
   * Aborts when this worker is to finish: the group drains, stops, or puts another thread in its
   * place. Who has asked for it is waited for: until the thread has nothing more to do, or the time
   * of `drain`, `stop` or `reload` is over.
   */
  get signal(): AbortSignal {
    this.#signalled = true;
    return this.#controller.signal;
  }

  /**
   * Called when this worker is to finish (see `signal`). The thread ends when what all such
   * functions answer has resolved.
   *
   *     context.onDrain(() => serving.drain());
   */
  onDrain(call: () => unknown): void {
    if (typeof call !== 'function') throw invalidType('call', 'a function', call);
    this.#drains.push(call);
  }

  /**
   * A copy of this worker's listening socket, for `serve({ listener })` and to be closed. The group
   * keeps the socket itself: what connects while the worker restarts waits in its backlog.
   *
   * @param which of the group's `listen`, in its order
   * @errno EMFILE the limit of descriptors is reached
   */
  listener(which = 0): OwnedFd {
    const { listeners } = this.#orders;
    integer('which', which, 0, listeners.length - 1);
    return dup(asFd(listeners[which] as number));
  }

  /** With `ready: 'called'` the group waits for this; a second call does nothing. */
  ready(): void {
    if (this.#ready) return;
    this.#ready = true;
    this.#tell({ what: 'ready' });
  }

  /**
   * A channel to another worker, or to the group: what both have asked for first is one, what they
   * ask for next is another. Messages to one who has not asked yet wait in it. It is over when
   * either thread ends: what takes the other's place has a new one, for which both ask again.
   *
   *     const channel = await context.channelTo(1);
   *     const answer = await channel.request({ key: 'k' }, { timeoutMs: 100 });
   *
   * @throws WorkerError `ENDED` when no thread of that worker will come
   * @errno EMFILE the limit of descriptors is reached
   * @man memfd_create(2)
   */
  async channelTo<In = unknown, Out = unknown>(
    peer: number | 'group',
    options: ChannelToOptions = {},
  ): Promise<Channel<In, Out>> {
    const index = peer === 'group' ? GROUP : integer('peer', peer, 0, this.count - 1);
    if (index === this.index) throw invalidValue('peer', 'must be another worker', peer);
    const plan = planChannel(options);
    const id = this.#asked++;
    const line = await new Promise<GivenLine | Refusal>((resolve) => {
      this.#asks.set(id, resolve);
      this.#port.ref();
      this.#tell({ what: 'channel', id, peer: index, options: plan });
    });
    if (this.#asks.size === 0) this.#port.unref();
    if ('errno' in line) throw systemError(line.errno, line.syscall);
    if ('ended' in line) throw new WorkerError('ENDED', `worker ${index} has ended`, { index });
    const over = (): void => this.#tell({ what: 'over', line: line.id });
    return openLine(line.fd, index, options, over) as Channel<In, Out>;
  }

  /** Called whenever somebody asks for the group's statistics; answers numbers by name. */
  report(call: () => Report): void {
    if (typeof call !== 'function') throw invalidType('call', 'a function', call);
    this.#reports.push(call);
  }

  /** The worker that `key` belongs to: 0 to `count` - 1. */
  shardOf(key: ShardKey): number {
    return shardOf(key, this.count);
  }

  /**
   * Runs the ring's own loop, as `ring.runLoop` does, and stays in touch with the group: a ring
   * whose loop is 'own' runs here until nothing is pending on it. Timers and messages of Node stand
   * still meanwhile.
   *
   * @kernel 5.11 IORING_ENTER_EXT_ARG
   * @man io_uring_enter(2)
   */
  runLoop(options: OwnLoopOptions = {}): void {
    const { until } = options;
    this.ring.runLoop({
      ...options,
      until: () => {
        this.#beat();
        this.#takeAll();
        return until?.() ?? false;
      },
    });
  }

  #beat(): void {
    Atomics.add(this.#words, BEATS, 1);
  }

  #takeAll(): void {
    while (this.#taken !== Atomics.load(this.#words, POSTED)) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  #take(command: Command): void {
    this.#taken++;
    if (command.what === 'drain') void this.#drain(command.last);
    else if (command.what === 'stats') this.#answer(command.id);
    else {
      this.#asks.get(command.id)?.(command.line);
      this.#asks.delete(command.id);
    }
  }

  #answer(id: number): void {
    const ring = this.#ring === undefined ? undefined : { ...this.#ring.stats };
    const reported: Report = Object.assign({}, ...this.#reports.map((call) => call()));
    for (const [name, value] of Object.entries(reported)) {
      if (typeof value !== 'number') throw invalidType(`report.${name}`, 'a number', value);
    }
    this.#tell({ what: 'stats', id, ring, reported });
  }

  /** What fails here is an uncaught error of the worker. */
  async #drain(last: boolean): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    const { index } = this;
    this.#controller.abort(new WorkerError('STOPPED', `worker ${index} is to finish`, { index }));
    const ends = this.#drains.map(async (call) => call());
    // Those who accept have just stopped to: nothing is taken from them by this.
    if (last) for (const fd of this.#orders.listeners) endListening(asFd(fd));
    await Promise.all(ends);
    // Who wants the signal alone ends by himself.
    if (ends.length > 0 || !this.#signalled) process.exit();
  }

  #tell(told: Told): void {
    this.#port.postMessage(told);
  }
}

/** Where both copies of a package that is installed twice look. */
const SLOT = Symbol.for('nearmetal.worker');

type Slot = { [SLOT]?: WorkerContext<never> };

/** @internal */
export function beginContext(envelope: Envelope): WorkerContext {
  const context = new WorkerContext(envelope);
  (globalThis as Slot)[SLOT] = context as WorkerContext<never>;
  return context;
}

/**
 * The worker that this thread is.
 *
 * @throws WorkerError in a thread that no `launch` has started
 */
export function workerContext<Data = unknown>(): WorkerContext<Data> {
  const context = (globalThis as Slot)[SLOT];
  if (context !== undefined) return context;
  const message = 'workerContext() is for modules that launch() runs, in their threads';
  throw new WorkerError('NOT_A_WORKER', message);
}
