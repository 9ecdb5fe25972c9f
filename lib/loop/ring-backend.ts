/** The backend over io_uring. */
import { ECANCELED, ETIME, MSG_MORE } from '../abi.js';
import type { FdLike, OwnedFd } from '../fd/fd.js';
import { BufferRing } from '../ring/buffer-ring.js';
import { closeEngine } from '../ring/closing.js';
import { Engine } from '../ring/engine.js';
import type { MultishotOperation, Operation } from '../ring/operation.js';
import { connect } from '../ring/ops/connect.js';
import { pollAdd } from '../ring/ops/poll-add.js';
import { read } from '../ring/ops/read.js';
import { recvMultishot } from '../ring/ops/recv.js';
import { send } from '../ring/ops/send.js';
import { splice } from '../ring/ops/splice.js';
import { timeout } from '../ring/ops/timeout.js';
import { write } from '../ring/ops/write.js';
import { planRing } from '../ring/options.js';
import type { Sink } from '../ring/slots.js';
import type { SocketAddress } from '../socket/address.js';
import type { SplicePlan } from '../splice/calls.js';
import type { Fill } from '../splice/file-send.js';
import type {
  AcceptEvents,
  Acceptor,
  Backend,
  BackendPlan,
  DatagramEvents,
  DatagramOptions,
  Datagrams,
  Done,
  Pending,
  Poll,
  Stream,
  StreamEvents,
  StreamOptions,
} from './backend.js';
import { closedError } from './closed.js';
import { DatagramPage } from './datagram-page.js';
import { Dirty, type Sender } from './dirty.js';
import { type Member, Members } from './members.js';
import { BlockPool } from './outgoing.js';
import { RingAcceptor } from './ring-acceptor.js';
import { RingDatagrams } from './ring-datagrams.js';
import { RingPoll } from './ring-poll.js';
import { RingStream } from './ring-stream.js';

const ENTRIES = 1024;
const COMPLETIONS = 8192;
const BUFFERS = 256;
const BUFFERS_MAX = 1024;
const BUFFER_BYTES = 16_384;
/** Of slots for datagrams: how many bytes at first, how few, how many, how many times as many. */
const DATAGRAM_POOL_BYTES = 4 * 2 ** 20;
const SLOTS_MIN = 32;
const SLOTS_MAX = 1024;
const SLOTS_GROWTH = 4;

/** One operation of which the result is told to a function. */
class Single implements Sink, Pending {
  readonly batched: boolean;
  readonly #backend: RingBackend;
  readonly #done: Done;
  readonly #success: number;
  place = -1;
  #slot = -1;
  #generation = 0;

  constructor(
    backend: RingBackend,
    operation: Operation<unknown>,
    done: Done,
    success = Number.NaN,
  ) {
    this.#backend = backend;
    this.batched = backend.plan.batched;
    this.#done = done;
    this.#success = success;
    backend.enter(this);
    this.#slot = backend.begin(operation, this, 0);
    if (this.#slot >= 0) this.#generation = backend.generationOf(this.#slot);
    else process.nextTick(() => this.complete(0, -ECANCELED));
  }

  complete(_tag: number, result: number): void {
    this.#slot = -1;
    this.#backend.leave(this);
    // ERESTARTSYS and its kin: the call was cut short.
    if (result <= -512 && result >= -516) this.#done(-ECANCELED);
    else this.#done(result === this.#success ? 0 : result);
  }

  cancel(): void {
    if (this.#slot >= 0) this.#backend.cancel(this.#slot, this.#generation);
  }

  close(): void {
    this.cancel();
  }
}

export class RingBackend implements Backend {
  readonly name = 'io_uring';
  readonly why: string;
  readonly plan: BackendPlan;
  readonly pool = new BlockPool();
  readonly buffers: BufferRing;
  readonly #engine: Engine;
  readonly #dirty = new Dirty();
  readonly #members = new Members<Member>();
  #receive: MultishotOperation<unknown> | undefined = undefined;
  #send: Operation<unknown> | undefined = undefined;
  #pollIn: Operation<unknown> | undefined = undefined;
  #pollOut: Operation<unknown> | undefined = undefined;
  readonly #datagramBuffers = new Map<number, BufferRing>();
  #datagramPage: DatagramPage | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(plan: BackendPlan) {
    this.plan = plan;
    this.why = plan.why;
    this.#engine = new Engine(planRing({ entries: ENTRIES, completionEntries: COMPLETIONS }));
    this.#engine.beforeSubmit = this.#dirty.flush;
    try {
      this.buffers = new BufferRing(this.#engine, {
        count: BUFFERS,
        maxCount: BUFFERS_MAX,
        size: BUFFER_BYTES,
      });
    } catch (error) {
      this.#engine.destroy(false);
      throw error;
    }
    this.#engine.bufferRings.add(this.buffers);
  }

  /** Made for the first datagram socket. */
  get datagramPage(): DatagramPage {
    this.#datagramPage ??= new DatagramPage();
    return this.#datagramPage;
  }

  /** Where datagrams go, in slots of `size` bytes; sockets with the same size share them. */
  datagramBuffers(size: number): BufferRing {
    const found = this.#datagramBuffers.get(size);
    if (found !== undefined) return found;
    const fitting = Math.min(Math.max(DATAGRAM_POOL_BYTES / size, SLOTS_MIN), SLOTS_MAX);
    const count = 2 ** Math.floor(Math.log2(fitting));
    const options = { count, maxCount: count * SLOTS_GROWTH, size };
    const buffers = new BufferRing(this.#engine, options);
    this.#engine.bufferRings.add(buffers);
    this.#datagramBuffers.set(size, buffers);
    return buffers;
  }

  get active(): number {
    return this.#members.size;
  }

  ref(): void {
    this.#engine.setWantsReference(true);
  }

  unref(): void {
    this.#engine.setWantsReference(false);
  }

  flush(): void {
    if (this.#engine.open) this.#engine.flush();
  }

  // --- for what belongs to it --------------------------------------------------------------------

  /** Answers the slot, or -1 when the backend or the descriptor has been closed. */
  begin(operation: Operation<unknown>, sink: Sink, tag: number): number {
    const { descriptor } = operation;
    if (!this.#engine.open || (descriptor !== undefined && descriptor.fd < 0)) return -1;
    if (this.#engine.closing) return -1;
    return this.#engine.begin(operation, sink, tag);
  }

  /** Asks for the end of what is in flight in `slot`, until it is gone. */
  cancel(slot: number, generation: number): void {
    this.#engine.cancels.ask(slot, generation);
  }

  generationOf(slot: number): number {
    return this.#engine.slots.generations[slot] as number;
  }

  /** To receive on a connection: one operation for all of them, as is the one to send. */
  receiveOn(socket: OwnedFd): MultishotOperation<unknown> {
    this.#receive ??= recvMultishot(socket, { buffers: this.buffers });
    return this.#receive.on(socket);
  }

  /** To wait once until a socket can be received from, or sent to. */
  pollOn(socket: OwnedFd, toSend: boolean): Operation<unknown> {
    if (toSend) {
      this.#pollOut ??= pollAdd(socket, ['out']);
      return this.#pollOut.on(socket);
    }
    this.#pollIn ??= pollAdd(socket, ['in', 'rdhup', 'pri']);
    return this.#pollIn.on(socket);
  }

  /** This kernel has no multishot form of it: one by one, then. */
  lowerReceive(): void {
    this.#receive?.lower?.();
    if (this.#receive !== undefined) this.#receive.lower = undefined;
  }

  /** `more` when something follows at once. */
  sendOn(socket: OwnedFd, more: boolean): Operation<unknown> {
    // The kernel itself goes on after a short send; which bytes, the stream says.
    this.#send ??= send(socket, this.buffers.bytes(0), { waitAll: true });
    if (more) this.#send.operationFlags |= MSG_MORE;
    else this.#send.operationFlags &= ~MSG_MORE;
    return this.#send.on(socket);
  }

  sendSoon(stream: Sender): void {
    this.#dirty.add(stream);
    this.#engine.submitSoon();
  }

  /** A worker of the kernel does it, and waits for the disk. */
  readonly fill: Fill = (file, sourceOffset, pipe, length, done) => {
    if (this.#closing !== undefined) process.nextTick(done, -ECANCELED);
    else this.#single(splice(file, pipe, length, { sourceOffset }), done);
  };

  /** It is open from here on, until it leaves. */
  enter(what: Member): void {
    if (this.#closing !== undefined) throw closedError();
    this.#members.enter(what);
  }

  leave(what: Member): void {
    this.#members.leave(what);
  }

  // --- the contract ------------------------------------------------------------------------------

  accept(listener: OwnedFd, events: AcceptEvents): Acceptor {
    return new RingAcceptor(this, listener, events);
  }

  connect(socket: OwnedFd, address: SocketAddress, done: Done): Pending {
    return this.#single(connect(socket, address), done);
  }

  stream(socket: OwnedFd, events: StreamEvents, options: StreamOptions = {}): Stream {
    return new RingStream(this, socket, events, options);
  }

  datagrams(socket: OwnedFd, events: DatagramEvents, options: DatagramOptions = {}): Datagrams {
    return new RingDatagrams(this, socket, events, options);
  }

  poll(socket: OwnedFd, ready: (events: number) => void): Poll {
    return new RingPoll(this, socket, ready);
  }

  ready(fd: FdLike, direction: 'in' | 'out', done: Done): Pending {
    return this.#single(pollAdd(fd, [direction]), (events) => done(Math.min(events, 0)));
  }

  /** By a worker of the kernel. */
  splice(source: FdLike, target: FdLike, length: number, plan: SplicePlan, done: Done): Pending {
    const { sourceOffset, targetOffset, flags } = plan;
    const operation = splice(source, target, length, { sourceOffset, targetOffset });
    operation.operationFlags |= flags;
    return this.#single(operation, done);
  }

  read(file: FdLike, target: Uint8Array, offset: number, done: Done): Pending {
    return this.#single(read(file, target, { offset }), done);
  }

  write(file: FdLike, source: Uint8Array, offset: number, done: Done): Pending {
    return this.#single(write(file, source, { offset }), done);
  }

  timer(ms: number, done: Done): Pending {
    return this.#single(timeout(ms), done, -ETIME);
  }

  #single(operation: Operation<unknown>, done: Done, success?: number): Pending {
    return new Single(this, operation, done, success);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#members.closeAll();
    while (this.#members.size > 0 && this.#engine.open) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closeEngine(this.#engine);
    this.pool.dispose();
    this.#datagramPage?.dispose();
  }
}
