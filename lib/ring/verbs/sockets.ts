/** Connections and what travels on them, as methods of a ring. */
import type { DirectFd, FdLike, OwnedFd } from '../../fd/fd.js';
import type { SocketAddress } from '../../socket/address.js';
import { invalidType } from '../../validate.js';
import type { BufferRing } from '../buffer-ring.js';
import type { Into } from '../into.js';
import type { Lease } from '../lease.js';
import type { CommonOptions } from '../operation.js';
import * as op from '../ops/index.js';
import type { ListenOptions } from '../ops/listen.js';
import type { LeasedMessage, Message } from '../ops/message.js';
import type { ReceiveOptions } from '../ops/recv.js';
import type { RecvmsgOptions } from '../ops/recvmsg.js';
import type { RecvmsgMultishotOptions } from '../ops/recvmsg-multishot.js';
import type { SendOptions, ZeroCopyOptions } from '../ops/send-options.js';
import type { SendZcOptions } from '../ops/send-zc.js';
import type { SendmsgOptions } from '../ops/sendmsg.js';
import type { SocketOptions } from '../ops/socket.js';
import type { SocketLevel, SocketOption } from '../ops/socket-option.js';
import type { TxTimestamp } from '../ops/tx-timestamp.js';
import type { GetsocknameOptions, GetsockoptOptions } from '../ops/uring-cmd.js';
import type { FileTable } from '../registrations/file-table.js';
import type { RunOptions } from '../sinks.js';
import type { MultishotStream, StreamOptions } from '../stream.js';
import type { ZeroCopySend } from '../zero-copy.js';
import { split, splitStream } from './doors.js';
import { PipeVerbs } from './pipes.js';

export abstract class SocketVerbs extends PipeVerbs {
  accept(listener: FdLike | DirectFd, options?: CommonOptions & RunOptions): Promise<OwnedFd>;
  accept(
    listener: FdLike | DirectFd,
    options: CommonOptions & Into & RunOptions,
  ): Promise<DirectFd>;
  accept(
    listener: FdLike | DirectFd,
    options?: CommonOptions & Partial<Into> & RunOptions,
  ): Promise<OwnedFd | DirectFd> {
    const [own, run] = split(options as (CommonOptions & Into & RunOptions) | undefined);
    return this.run(op.accept(listener, own), run);
  }

  acceptMultishot(listener: FdLike | DirectFd, options?: StreamOptions): MultishotStream<OwnedFd>;
  acceptMultishot(
    listener: FdLike | DirectFd,
    options: StreamOptions & Into<FileTable>,
  ): MultishotStream<DirectFd>;
  acceptMultishot(
    listener: FdLike | DirectFd,
    options?: StreamOptions & Partial<Into<FileTable>>,
  ): MultishotStream<OwnedFd> | MultishotStream<DirectFd> {
    if (options?.into === undefined) return this.stream(op.acceptMultishot(listener), options);
    const { into, ...rest } = options;
    return this.stream(op.acceptMultishot(listener, { into }), rest);
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

  /** As `send`, out of the memory itself: the result's `released` says when it is free again. */
  sendZc(
    socket: FdLike | DirectFd,
    source: ArrayBufferView,
    options?: SendZcOptions & RunOptions,
  ): Promise<ZeroCopySend> {
    const [own, run] = split<SendZcOptions>(options);
    return this.run(op.sendZc(socket, source, own), run);
  }

  sendmsg(
    socket: FdLike | DirectFd,
    sources: ArrayBufferView | readonly ArrayBufferView[],
    options?: SendmsgOptions & RunOptions,
  ): Promise<number> {
    const [own, run] = split<SendmsgOptions>(options);
    return this.run(op.sendmsg(socket, sources, own), run);
  }

  sendmsgZc(
    socket: FdLike | DirectFd,
    sources: ArrayBufferView | readonly ArrayBufferView[],
    options?: SendmsgOptions & ZeroCopyOptions & RunOptions,
  ): Promise<ZeroCopySend> {
    const [own, run] = split<SendmsgOptions & ZeroCopyOptions>(options);
    return this.run(op.sendmsgZc(socket, sources, own), run);
  }

  recvmsg(
    socket: FdLike | DirectFd,
    targets: ArrayBufferView | readonly ArrayBufferView[],
    options?: RecvmsgOptions & RunOptions,
  ): Promise<Message> {
    const [own, run] = split<RecvmsgOptions>(options);
    return this.run(op.recvmsg(socket, targets, own), run);
  }

  recvmsgMultishot(
    socket: FdLike | DirectFd,
    options: RecvmsgMultishotOptions & StreamOptions,
  ): MultishotStream<LeasedMessage> {
    const [own, stream] = splitStream<RecvmsgMultishotOptions>(options);
    return this.stream(op.recvmsgMultishot(socket, own), stream);
  }

  shutdown(
    socket: FdLike | DirectFd,
    side: 'read' | 'write' | 'both',
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.shutdown(socket, side, own), run);
  }

  socket(domain: 'inet' | 'inet6' | 'unix', options?: SocketOptions & RunOptions): Promise<OwnedFd>;
  socket(
    domain: 'inet' | 'inet6' | 'unix',
    options: SocketOptions & Into & RunOptions,
  ): Promise<DirectFd>;
  socket(
    domain: 'inet' | 'inet6' | 'unix',
    options?: SocketOptions & Partial<Into> & RunOptions,
  ): Promise<OwnedFd | DirectFd> {
    const [own, run] = split(options as (SocketOptions & Into & RunOptions) | undefined);
    return this.run(op.socket(domain, own), run);
  }

  bind(
    socket: FdLike | DirectFd,
    address: SocketAddress,
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.bind(socket, address, own), run);
  }

  listen(socket: FdLike | DirectFd, options?: ListenOptions & RunOptions): Promise<void> {
    const [own, run] = split<ListenOptions>(options);
    return this.run(op.listen(socket, own), run);
  }

  getsockopt<Level extends SocketLevel>(
    socket: FdLike | DirectFd,
    level: Level,
    name: SocketOption<Level>,
    options?: GetsockoptOptions & RunOptions,
  ): Promise<Uint8Array> {
    const [own, run] = split<GetsockoptOptions>(options);
    return this.run(op.getsockopt(socket, level, name, own), run);
  }

  setsockopt<Level extends SocketLevel>(
    socket: FdLike | DirectFd,
    level: Level,
    name: SocketOption<Level>,
    value: number | boolean | ArrayBufferView,
    options?: CommonOptions & RunOptions,
  ): Promise<void> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.setsockopt(socket, level, name, value, own), run);
  }

  getsockname(
    socket: FdLike | DirectFd,
    options?: GetsocknameOptions & RunOptions,
  ): Promise<SocketAddress> {
    const [own, run] = split<GetsocknameOptions>(options);
    return this.run(op.getsockname(socket, own), run);
  }

  /** When what is sent on `socket` leaves; the ring needs `cqe32` or `cqeMixed`. */
  txTimestampMultishot(
    socket: FdLike | DirectFd,
    options?: CommonOptions & StreamOptions,
  ): MultishotStream<TxTimestamp> {
    const [own, stream] = splitStream<CommonOptions>(options);
    return this.stream(op.txTimestampMultishot(socket, own), stream);
  }

  /** Bytes that wait to be received. */
  siocinq(socket: FdLike | DirectFd, options?: CommonOptions & RunOptions): Promise<number> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.siocinq(socket, own), run);
  }

  /** Bytes that have been sent and not yet acknowledged. */
  siocoutq(socket: FdLike | DirectFd, options?: CommonOptions & RunOptions): Promise<number> {
    const [own, run] = split<CommonOptions>(options);
    return this.run(op.siocoutq(socket, own), run);
  }
}
