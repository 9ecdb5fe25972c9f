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
  EPOLLPRI,
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
import { encodeOnce, type SocketAddress } from '../socket/address.js';
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
import { EpollAcceptor } from './epoll-acceptor.js';
import { EpollDatagrams } from './epoll-datagrams.js';
import { tellWhenReady } from './epoll-ready.js';
import { EpollStream } from './epoll-stream.js';
import { type Member, Members } from './members.js';
import { BlockPool } from './outgoing.js';
import { Told } from './told.js';
import { TransferPage } from './transfer-page.js';

const EVENTS = 1024;
/** What `poll` tells of. */
const POLLED = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

/** What is open, and told of the events of its descriptor; the tag of these is its place. */
export interface Watched extends Member {
  ready(events: number): void;
}

type FileDone = (error: NodeJS.ErrnoException | null, count: number) => void;

/** A helper thread that reads or writes cannot be stopped. */
const NOTHING_TO_CANCEL: Pending = { cancel: () => undefined };
const nothing = (): void => undefined;

export class EpollBackend implements Backend {
  readonly name = 'epoll';
  readonly why: string;
  readonly plan: BackendPlan;
  readonly pool = new BlockPool();
  readonly epoll: Epoll;
  readonly transfers = new TransferPage();
  private readonly members = new Members<Watched>();
  private readonly dirty = new Dirty();
  #datagramPage: DatagramPage | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(plan: BackendPlan) {
    this.plan = plan;
    this.why = plan.why;
    this.epoll = Epoll.open({ maxEvents: EVENTS, budget: EVENTS });
    const ready = (tag: number, events: number): void => this.members.at(tag)?.ready(events);
    this.epoll.handle(ready, { batched: plan.batched });
  }

  /** Made for the first datagram socket. */
  get datagramPage(): DatagramPage {
    this.#datagramPage ??= new DatagramPage();
    return this.#datagramPage;
  }

  get active(): number {
    return this.members.size;
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

  /** It is open from here on, until it leaves, unless `begin` throws: the kernel may refuse it. */
  enter(what: Watched, begin?: () => void): void {
    if (this.#closing !== undefined) throw closedError();
    this.members.enter(what);
    try {
      begin?.();
    } catch (error) {
      this.members.leave(what);
      throw error;
    }
  }

  leave(what: Watched): void {
    this.members.leave(what);
  }

  /** Waits for `wanted` on a socket from now on, where it waited for `earlier`. */
  changeInterest(socket: OwnedFd, tag: number, earlier: number, wanted: number): void {
    // Without anything to wait for it would still be told of errors, for as long as they last.
    if (wanted === 0) this.epoll.delete(socket);
    else if (earlier === 0) this.epoll.add(socket, wanted, { tag });
    else this.epoll.modify(socket, wanted);
  }

  sendSoon(stream: Sender): void {
    if (this.dirty.empty) queueMicrotask(this.dirty.flush);
    this.dirty.add(stream);
  }

  readonly fill: Fill = (file, sourceOffset, pipe, length, done) => {
    this.splice(file, pipe, length, { sourceOffset, targetOffset: -1, flags: 0 }, done);
  };

  // --- the contract ------------------------------------------------------------------------------

  accept(listener: OwnedFd, events: AcceptEvents): Acceptor {
    return new EpollAcceptor(this, listener, events);
  }

  connect(socket: OwnedFd, address: SocketAddress, done: Done): Pending {
    const { bytes } = encodeOnce('address', address);
    const { fd } = plainDescriptor('socket', socket);
    const told = new Told(this, done);
    const result = native.connect(fd, bytes);
    // Interrupted, it goes on as one that has only begun.
    if (![-EINPROGRESS, -EALREADY, -EINTR].includes(result)) {
      process.nextTick(() => told.tell(result));
      return told;
    }
    const error = new Int32Array(1);
    told.onReady = () => {
      native.getsockopt(fd, SOL_SOCKET, SO_ERROR, error);
      told.tell(0 - (error[0] as number));
    };
    try {
      this.epoll.add(socket, EPOLLOUT, { tag: told.place });
    } catch (thrown) {
      this.leave(told);
      throw thrown;
    }
    // Closed meanwhile, it is ready for nobody: this tells.
    const user = { open: true, letGo: () => told.cancel() };
    socket.addUser(user);
    told.onEnd = () => {
      user.open = false;
      if (!socket.closed) this.epoll.delete(socket);
    };
    return told;
  }

  stream(socket: OwnedFd, events: StreamEvents, options: StreamOptions = {}): Stream {
    return new EpollStream(this, socket, events, options);
  }

  datagrams(socket: OwnedFd, events: DatagramEvents, options: DatagramOptions = {}): Datagrams {
    return new EpollDatagrams(this, socket, events, options);
  }

  poll(socket: OwnedFd, ready: (events: number) => void): Poll {
    const end = (): void => {
      if (!user.open) return;
      user.open = false;
      this.leave(polled);
    };
    const cancel = (): void => {
      if (user.open && !socket.closed) this.epoll.delete(socket);
      end();
    };
    const user = { open: true, letGo: end };
    const polled: Watched = { place: -1, ready, close: () => socket.close() };
    this.enter(polled, () => {
      this.epoll.add(socket, POLLED, { tag: polled.place });
    });
    socket.addUser(user);
    // Everything is told once for each time that it comes: to wait costs nothing.
    return { wait: nothing, cancel };
  }

  ready(fd: FdLike, direction: 'in' | 'out', done: Done): Pending {
    plainDescriptor('fd', fd);
    return tellWhenReady(this, fd, direction, new Told(this, done));
  }

  /** By a helper thread. */
  splice(source: FdLike, target: FdLike, length: number, plan: SplicePlan, done: Done): Pending {
    const from = plainDescriptor('source', source);
    const to = plainDescriptor('target', target);
    const { sourceOffset, targetOffset, flags } = plan;
    const thread = this.#startThread();
    poolSplice(from, sourceOffset, to, targetOffset, length, flags).then((result) => {
      this.leave(thread);
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

  #startThread(): Watched {
    const thread: Watched = { place: -1, ready: nothing, close: nothing };
    this.enter(thread);
    return thread;
  }

  /** A helper thread has the number: it is kept from others until the thread is done. */
  #onThread(file: Descriptor, done: Done): FileDone {
    const thread = this.#startThread();
    file.inFlight++;
    return (error, count) => {
      this.leave(thread);
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
    const told = new Told(this, done);
    const timer = setTimeout(() => told.tell(0), milliseconds('ms', ms));
    told.onEnd = () => clearTimeout(timer);
    return told;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.members.closeAll();
    while (this.members.size > 0) await new Promise((resolve) => setImmediate(resolve));
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
