/** The operations as methods of a ring: one line each, over `run` and `stream`. */
import type { DirectFd, FdLike, OwnedFd } from '../fd/fd.js';
import type { SocketAddress } from '../socket/address.js';
import { invalidType, onlyKeys } from '../validate.js';
import type { BufferRing, Lease } from './buffer-ring.js';
import type { CommonOptions, MultishotOperation, SingleShot } from './operation.js';
import type { FsyncOptions } from './ops/fsync.js';
import * as op from './ops/index.js';
import type { OpenOptions } from './ops/openat.js';
import type { PathLike } from './ops/path.js';
import type { PollEvent, PollEvents } from './ops/poll-add.js';
import type { ReadOptions } from './ops/read.js';
import type { ReceiveOptions } from './ops/recv.js';
import type { SendOptions } from './ops/send.js';
import type { SocketOptions } from './ops/socket.js';
import type { FileStatus, StatxOptions } from './ops/statx.js';
import type { TimeoutOptions } from './ops/timeout.js';
import type { WriteOptions } from './ops/write.js';
import { RUN_KEYS, type RunOptions } from './sinks.js';
import type { MultishotStream, StreamOptions } from './stream.js';

/** Leaves what is an operation's own, for its maker to check. */
function split<Own extends object>(
  options: (Own & RunOptions) | undefined,
): [Own, RunOptions | undefined] {
  if (options === undefined) return [{} as Own, undefined];
  if (typeof options !== 'object' || options === null) {
    throw invalidType('options', 'an object', options);
  }
  const { signal, timeoutMs, ...own } = options;
  // The operation would refuse a misspelt one too, and not know what was meant.
  for (const key of Object.keys(own)) {
    if (/^(signal|timeoutms)$/i.test(key)) onlyKeys('options', own, RUN_KEYS);
  }
  if (signal === undefined && timeoutMs === undefined) return [own as unknown as Own, undefined];
  return [
    own as unknown as Own,
    { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) },
  ];
}

export abstract class Verbs {
  abstract run<Result>(operation: SingleShot<Result>, options?: RunOptions): Promise<Result>;
  abstract stream<Result>(
    operation: MultishotOperation<Result>,
    options?: StreamOptions,
  ): MultishotStream<Result>;

  nop(options?: CommonOptions & RunOptions): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.nop(own), run);
  }

  read(
    fd: FdLike | DirectFd,
    target: ArrayBufferView,
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.read(fd, target, own), run);
  }

  readFixed(
    fd: FdLike | DirectFd,
    target: ArrayBufferView,
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.readFixed(fd, target, own), run);
  }

  readv(
    fd: FdLike | DirectFd,
    targets: readonly ArrayBufferView[],
    options?: ReadOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReadOptions>(options);
    return this.run(op.readv(fd, targets, own), run);
  }

  write(
    fd: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.write(fd, source, own), run);
  }

  writeFixed(
    fd: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.writeFixed(fd, source, own), run);
  }

  writev(
    fd: FdLike | DirectFd,
    sources: readonly ArrayBufferView[],
    options?: WriteOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<WriteOptions>(options);
    return this.run(op.writev(fd, sources, own), run);
  }

  fsync(fd: FdLike | DirectFd, options?: FsyncOptions & RunOptions): Promise<void> {
    const [own, run] = split<FsyncOptions>(options);
    return this.run(op.fsync(fd, own), run);
  }

  openat(path: PathLike, options?: OpenOptions & RunOptions): Promise<OwnedFd> {
    const [own, run] = split<OpenOptions>(options);
    return this.run(op.openat(path, own), run);
  }

  statx(target: PathLike | FdLike, options?: StatxOptions & RunOptions): Promise<FileStatus> {
    const [own, run] = split<StatxOptions>(options);
    return this.run(op.statx(target, own), run);
  }

  accept(listener: FdLike | DirectFd, options?: CommonOptions & RunOptions): Promise<OwnedFd> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.accept(listener, own), run);
  }

  acceptMultishot(listener: FdLike | DirectFd, options?: StreamOptions): MultishotStream<OwnedFd> {
    return this.stream(op.acceptMultishot(listener), options);
  }

  connect(
    socket: FdLike | DirectFd,
    address: SocketAddress,
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.connect(socket, address, own), run);
  }

  recv(
    socket: FdLike | DirectFd,
    target: ArrayBufferView,
    options?: ReceiveOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<ReceiveOptions>(options);
    return this.run(op.recv(socket, target, own), run);
  }

  recvMultishot(
    socket: FdLike | DirectFd,
    options: { buffers: BufferRing } & StreamOptions,
  ): MultishotStream<Lease> {
    // Checked by the operation, also where nothing was given.
    const { buffers, ...rest } = options ?? {};
    return this.stream(op.recvMultishot(socket, { buffers }), rest);
  }

  send(
    socket: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: SendOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<SendOptions>(options);
    return this.run(op.send(socket, source, own), run);
  }

  /** Sends all of `source`, with as many operations as it takes. */
  async sendAll(
    socket: FdLike | DirectFd,
    source: Uint8Array,
    options?: SendOptions & RunOptions,
  ): Promise<void> {
    if (!(source instanceof Uint8Array)) throw invalidType('source', 'a Uint8Array', source);
    for (let sent = 0; sent < source.byteLength; ) {
      sent += await this.send(socket, source.subarray(sent), options);
    }
  }

  shutdown(
    socket: FdLike | DirectFd,
    side: 'read' | 'write' | 'both',
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.shutdown(socket, side, own), run);
  }

  socket(
    domain: 'inet' | 'inet6' | 'unix',
    options?: SocketOptions & RunOptions,
  ): Promise<OwnedFd> {
    const [own, run] = split<SocketOptions>(options);
    return this.run(op.socket(domain, own), run);
  }

  timeout(ms: number, options?: TimeoutOptions & RunOptions): Promise<void> {
    const [own, run] = split<TimeoutOptions>(options);
    return this.run(op.timeout(ms, own), run);
  }

  pollAdd(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: CommonOptions & RunOptions,
  ): Promise<PollEvents> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.pollAdd(fd, events, own), run);
  }

  pollMultishot(
    fd: FdLike | DirectFd,
    events: readonly PollEvent[],
    options?: StreamOptions,
  ): MultishotStream<PollEvents> {
    return this.stream(op.pollMultishot(fd, events), options);
  }

  /** Asks for the end of every operation on `fd`; gives how many there were. */
  asyncCancel(fd: FdLike, options?: CommonOptions & RunOptions): Promise<number> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.asyncCancel(fd, own), run);
  }
}
