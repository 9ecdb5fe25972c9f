/** The backend over epoll: sockets by readiness, files by Node's helper threads. */
import { read as readFile, write as writeFile } from 'node:fs';
import {
  EALREADY,
  ECANCELED,
  EINPROGRESS,
  EINTR,
  EPOLLET,
  EPOLLIN,
  EPOLLOUT,
  EPOLLRDHUP,
  SO_ERROR,
  SOL_SOCKET,
} from '../abi.js';
import { Epoll } from '../epoll/epoll.js';
import { type Descriptor, type FdLike, type OwnedFd, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { poolSplice } from '../pool/calls.js';
import { checkNodeThreads } from '../pool/node-threads.js';
import { fileOffset } from '../ring/operation.js';
import { milliseconds } from '../ring/ops/timespec.js';
import { encodeAddress, type SocketAddress } from '../socket/address.js';
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
  Stream,
  StreamEvents,
  StreamOptions,
} from './backend.js';
import { closedError } from './closed.js';
import { DatagramPage } from './datagram-page.js';
import { Dirty, type Sender } from './dirty.js';
import { EpollAcceptor } from './epoll-acceptor.js';
import { EpollDatagrams } from './epoll-datagrams.js';
import { tellWhenReady } from './epoll-ready.js';
import { EpollStream } from './epoll-stream.js';
import { BlockPool } from './outgoing.js';
import { Told } from './told.js';
import { TransferPage } from './transfer-page.js';

const EVENTS = 1024;

/** Who is told of the events of a descriptor; the tag is its place in a table. */
export interface Watched {
  ready(events: number): void;
}

interface Closable {
  close(): void;
}

type FileDone = (error: NodeJS.ErrnoException | null, count: number) => void;

/** A helper thread that reads or writes cannot be stopped. */
const NOTHING_TO_CANCEL: Pending = { cancel: () => undefined };

export class EpollBackend implements Backend {
  readonly name = 'epoll';
  readonly why: string;
  readonly plan: BackendPlan;
  readonly pool = new BlockPool();
  readonly epoll: Epoll;
  readonly transfers = new TransferPage();
  private readonly watched: (Watched | undefined)[] = [];
  private readonly free: number[] = [];
  private readonly dirty = new Dirty();
  readonly #active = new Set<Closable>();
  #datagramPage: DatagramPage | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(plan: BackendPlan) {
    this.plan = plan;
    this.why = plan.why;
    this.epoll = Epoll.open({ maxEvents: EVENTS, budget: EVENTS });
    const ready = (tag: number, events: number): void => this.watched[tag]?.ready(events);
    this.epoll.handle(ready, { batched: plan.batched });
  }

  /** Made for the first datagram socket. */
  get datagramPage(): DatagramPage {
    this.#datagramPage ??= new DatagramPage();
    return this.#datagramPage;
  }

  get active(): number {
    return this.#active.size;
  }

  ref(): void {
    this.epoll.ref();
  }

  unref(): void {
    this.epoll.unref();
  }

  flush(): void {
    this.dirty.flush();
  }

  // --- for what belongs to it --------------------------------------------------------------------

  watch(who: Watched): number {
    const tag = this.free.pop() ?? this.watched.length;
    this.watched[tag] = who;
    return tag;
  }

  /** Waits for `wanted` on a socket from now on, where it waited for `earlier`. */
  changeInterest(socket: OwnedFd, tag: number, earlier: number, wanted: number): void {
    // Without anything to wait for it would still be told of errors, for as long as they last.
    if (wanted === 0) this.epoll.delete(socket);
    else if (earlier === 0) this.epoll.add(socket, wanted, { tag });
    else this.epoll.modify(socket, wanted);
  }

  unwatch(tag: number): void {
    this.watched[tag] = undefined;
    this.free.push(tag);
  }

  sendSoon(stream: Sender): void {
    if (this.dirty.empty) queueMicrotask(this.dirty.flush);
    this.dirty.add(stream);
  }

  readonly fill: Fill = (file, sourceOffset, pipe, length, done) => {
    this.splice(file, pipe, length, { sourceOffset, targetOffset: -1, flags: 0 }, done);
  };

  forget(what: Closable): void {
    this.#active.delete(what);
  }

  #start<Started extends Closable>(what: Started): Started {
    if (this.#closing !== undefined) throw closedError();
    this.#active.add(what);
    return what;
  }

  // --- the contract ------------------------------------------------------------------------------

  accept(listener: OwnedFd, events: AcceptEvents): Acceptor {
    return this.#start(new EpollAcceptor(this, listener, events));
  }

  connect(socket: OwnedFd, address: SocketAddress, done: Done): Pending {
    const { bytes } = encodeAddress('address', address);
    const { fd } = plainDescriptor('socket', socket);
    const told = this.#start(new Told(this, done));
    const result = native.connect(fd, bytes);
    // Interrupted, it goes on as one that has only begun.
    if (![-EINPROGRESS, -EALREADY, -EINTR].includes(result)) {
      process.nextTick(() => told.tell(result));
      return told;
    }
    const error = new Int32Array(1);
    const ready = (): void => {
      native.getsockopt(fd, SOL_SOCKET, SO_ERROR, error);
      told.tell(0 - (error[0] as number));
    };
    const tag = this.watch({ ready });
    this.epoll.add(socket, EPOLLOUT, { tag });
    // Closed meanwhile, it is ready for nobody: this tells.
    const user = { open: true, letGo: () => told.cancel() };
    socket.addUser(user);
    told.onEnd = () => {
      user.open = false;
      this.unwatch(tag);
      if (!socket.closed) this.epoll.delete(socket);
    };
    return told;
  }

  stream(socket: OwnedFd, events: StreamEvents, options: StreamOptions = {}): Stream {
    return this.#start(new EpollStream(this, socket, events, options));
  }

  datagrams(socket: OwnedFd, events: DatagramEvents, options: DatagramOptions = {}): Datagrams {
    return this.#start(new EpollDatagrams(this, socket, events, options));
  }

  poll(socket: OwnedFd, ready: (events: number) => void): Pending {
    const tag = this.watch({ ready });
    this.epoll.add(socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, { tag });
    const end = (): void => {
      if (!user.open) return;
      user.open = false;
      this.unwatch(tag);
      this.forget(polled);
    };
    const cancel = (): void => {
      if (user.open && !socket.closed) this.epoll.delete(socket);
      end();
    };
    const user = { open: true, letGo: end };
    socket.addUser(user);
    const polled = this.#start({ close: cancel, cancel });
    return polled;
  }

  ready(fd: FdLike, direction: 'in' | 'out', done: Done): Pending {
    plainDescriptor('fd', fd);
    return tellWhenReady(this, fd, direction, this.#start(new Told(this, done)));
  }

  /** By a helper thread. */
  splice(source: FdLike, target: FdLike, length: number, plan: SplicePlan, done: Done): Pending {
    const from = plainDescriptor('source', source);
    const to = plainDescriptor('target', target);
    const { sourceOffset, targetOffset, flags } = plan;
    const thread = this.#start({ close: () => undefined });
    poolSplice(from, sourceOffset, to, targetOffset, length, flags).then((result) => {
      this.forget(thread);
      // Out of the promise: what throws there is an 'uncaughtException', as elsewhere.
      process.nextTick(done, result);
    });
    return NOTHING_TO_CANCEL;
  }

  read(file: FdLike, target: Uint8Array, offset: number, done: Done): Pending {
    const { fd } = plainDescriptor('file', file);
    checkNodeThreads();
    const position = positionOf(offset);
    readFile(fd, target, 0, target.length, position, this.#onThread(file, done));
    return NOTHING_TO_CANCEL;
  }

  write(file: FdLike, source: Uint8Array, offset: number, done: Done): Pending {
    const { fd } = plainDescriptor('file', file);
    checkNodeThreads();
    const position = positionOf(offset);
    writeFile(fd, source, 0, source.length, position, this.#onThread(file, done));
    return NOTHING_TO_CANCEL;
  }

  /** A helper thread has the number: it is kept from others until the thread is done. */
  #onThread(file: Descriptor, done: Done): FileDone {
    const thread = this.#start({ close: () => undefined });
    file.inFlight++;
    return (error, count) => {
      this.forget(thread);
      if (--file.inFlight === 0) {
        const { onIdle } = file;
        file.onIdle = undefined;
        onIdle?.();
      }
      // In place of a file that was closed meanwhile there is one that refuses everything.
      done(!error ? count : file.fd < 0 ? -ECANCELED : (error.errno ?? -ECANCELED));
    };
  }

  timer(ms: number, done: Done): Pending {
    const told = this.#start(new Told(this, done));
    const timer = setTimeout(() => told.tell(0), milliseconds('ms', ms));
    told.onEnd = () => clearTimeout(timer);
    return told;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const what of this.#active) what.close();
    while (this.#active.size > 0) await new Promise((resolve) => setImmediate(resolve));
    this.epoll.close();
    this.pool.dispose();
    this.transfers.dispose();
    this.#datagramPage?.dispose();
  }
}

/** As the ring has it: -1 is the file's own position. */
function positionOf(offset: number): number | null {
  const position = fileOffset('offset', offset);
  return position < 0 ? null : position;
}
