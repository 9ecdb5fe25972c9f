/** What is behind a `Socket`: a stream of a backend, from the first attempt to the last event. */
import { AsyncResource } from 'node:async_hooks';
import type { OnReadOpts } from 'node:net';
import { EPIPE } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { FileDone, Pending, Stream, StreamEvents } from '../loop/backend.js';
import type { SharedBackend } from '../loop/shared-backend.js';
import { failedCall, socketClosed } from './node-errors.js';
import type { Socket } from './socket.js';

type Callback = (error?: Error | null) => void;

/** What goes down in one piece: larger writes are sent by and by, and not copied as a whole. */
const PIECE_BYTES = 65_536;

export class Wire implements StreamEvents {
  readonly shared: SharedBackend;
  stream: Stream | undefined = undefined;
  bytesRead = 0;
  /** Written, and taken over by the stream. */
  bytesDispatched = 0;
  resetting = false;
  private readonly socket: Socket;
  private readonly resource = new AsyncResource('nearmetal.net.Socket');
  private readonly onread: OnReadOpts | undefined;
  /** The bytes of a write, from `offset` of `pieces[index]` on. */
  private pieces: readonly Uint8Array[] | undefined = undefined;
  private index = 0;
  private offset = 0;
  private onWritten: Callback | undefined = undefined;
  private onFinished: Callback | undefined = undefined;
  private onClosed: (() => void) | undefined = undefined;
  private reading = false;
  private held = false;
  private referenced = true;

  constructor(socket: Socket, shared: SharedBackend, onread: OnReadOpts | undefined) {
    this.socket = socket;
    this.shared = shared;
    this.onread = onread;
  }

  // --- the process's life ------------------------------------------------------------------------

  /** There is something to stay alive for; or there is not. */
  hold(wanted: boolean): void {
    if (wanted === this.held) return;
    this.held = wanted;
    if (this.referenced) this.count(wanted);
  }

  reference(wanted: boolean): void {
    if (wanted === this.referenced) return;
    this.referenced = wanted;
    if (this.held) this.count(wanted);
  }

  private count(more: boolean): void {
    if (more) this.shared.reference();
    else this.shared.dereference();
  }

  /** Calls something of the user's in the async context of the socket. */
  enter(call: () => void): void {
    this.resource.runInAsyncScope(call);
  }

  /** As new: the socket connects once more. */
  begin(): void {
    this.bytesRead = 0;
    this.bytesDispatched = 0;
    this.resetting = false;
    this.reading = false;
  }

  // --- the stream --------------------------------------------------------------------------------

  /** From here on there is a connection. */
  adopt(descriptor: OwnedFd): void {
    this.hold(true);
    this.reading = false;
    this.stream = this.shared.backend.stream(descriptor, this, { paused: true });
  }

  read(): void {
    if (this.reading || this.stream === undefined) return;
    this.reading = true;
    this.stream.resume();
  }

  private stopReading(): void {
    this.reading = false;
    this.stream?.pause();
  }

  /** One after the other, as the stream takes them; then `callback`. */
  write(pieces: readonly Uint8Array[], callback: Callback): void {
    if (this.stream === undefined) {
      callback(socketClosed());
      return;
    }
    this.pieces = pieces;
    this.index = 0;
    this.offset = 0;
    this.onWritten = callback;
    this.pump();
  }

  private pump(): void {
    const { stream, pieces } = this;
    if (stream === undefined || pieces === undefined) return;
    while (this.index < pieces.length) {
      const piece = pieces[this.index] as Uint8Array;
      const length = Math.min(piece.length - this.offset, PIECE_BYTES);
      const room = stream.send(piece, this.offset, length);
      this.bytesDispatched += length;
      this.offset += length;
      if (this.offset === piece.length) {
        this.index++;
        this.offset = 0;
      }
      if (!room) return;
    }
    this.settleWrite();
  }

  /** A part of a file, behind what the stream has taken over; undefined when there is no stream. */
  sendFile(file: OwnedFd, offset: number, length: number, done: FileDone): Pending | undefined {
    return this.stream?.sendFile(file, offset, length, (result, bytes) => {
      this.bytesDispatched += bytes;
      this.socket.touch();
      this.resource.runInAsyncScope(done, undefined, result, bytes);
    });
  }

  private settleWrite(error?: Error): void {
    const { onWritten } = this;
    this.pieces = undefined;
    this.onWritten = undefined;
    onWritten?.(error);
  }

  /** Bytes of the write in progress that the stream has not taken over. */
  get undispatched(): number {
    if (this.pieces === undefined) return 0;
    let bytes = -this.offset;
    for (let index = this.index; index < this.pieces.length; index++) {
      bytes += (this.pieces[index] as Uint8Array).length;
    }
    return bytes;
  }

  /** All bytes of the write in progress. */
  get writing(): number {
    if (this.pieces === undefined) return 0;
    return this.pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  end(callback: Callback): void {
    // What is reset does not say goodbye first.
    if (this.stream === undefined || this.resetting) {
      callback();
      return;
    }
    this.onFinished = callback;
    this.stream.end();
  }

  /** `callback` when nothing is left; not before the next turn. */
  close(callback: () => void): void {
    const { stream } = this;
    this.stream = undefined;
    this.onClosed = callback;
    if (this.pieces !== undefined) {
      const unwritten = this.onWritten;
      this.pieces = undefined;
      process.nextTick(() => unwritten?.(socketClosed()));
    }
    if (stream === undefined) process.nextTick(() => this.closed());
    else if (this.resetting) stream.reset();
    else {
      // What was written in this turn is sent before the end, as Node does where there is room:
      // servers write why they refuse somebody, and destroy.
      if (stream.pending > 0) this.shared.backend.flush();
      stream.close();
    }
  }

  // --- what the stream tells ---------------------------------------------------------------------

  received(bytes: Uint8Array, length: number): void {
    this.bytesRead += length;
    this.resource.runInAsyncScope(this.give, this, bytes, length);
  }

  private give(bytes: Uint8Array, length: number): void {
    const { socket } = this;
    socket.touch();
    if (this.onread !== undefined) {
      this.giveToBuffer(this.onread, bytes, length);
      return;
    }
    const chunk = Buffer.allocUnsafe(length);
    chunk.set(length === bytes.length ? bytes : bytes.subarray(0, length));
    if (!socket.push(chunk)) this.stopReading();
  }

  /** The user's own buffer, as often as it takes. */
  private giveToBuffer(onread: OnReadOpts, bytes: Uint8Array, length: number): void {
    let more = true;
    for (let offset = 0; offset < length; ) {
      const target = typeof onread.buffer === 'function' ? onread.buffer() : onread.buffer;
      const count = Math.min(target.byteLength, length - offset);
      target.set(bytes.subarray(offset, offset + count));
      offset += count;
      if (!onread.callback(count, target)) more = false;
    }
    if (more) return;
    this.stopReading();
    this.socket.pause();
  }

  ended(): void {
    this.resource.runInAsyncScope(() => {
      // Told even if nobody reads, once there is nothing left to be read.
      this.socket.push(null);
      this.socket.read(0);
    });
  }

  drained(): void {
    this.resource.runInAsyncScope(() => {
      this.socket.touch();
      this.pump();
    });
  }

  finished(): void {
    const { onFinished } = this;
    this.onFinished = undefined;
    if (onFinished !== undefined) this.resource.runInAsyncScope(onFinished);
  }

  failed(result: number): void {
    const writing = result === -EPIPE || this.pieces !== undefined;
    const error = failedCall(result, writing ? 'write' : 'read');
    this.resource.runInAsyncScope(() => {
      this.settleWrite(error);
      this.socket.destroy(error);
    });
  }

  closed(): void {
    this.hold(false);
    this.stream = undefined;
    const { onClosed } = this;
    this.onClosed = undefined;
    // Closed by the backend itself, at its end: nobody has asked yet.
    if (onClosed === undefined) this.socket.destroy();
    // After the error, and whoever waited for that: Node has it in a later phase of its loop.
    else setImmediate(() => this.resource.runInAsyncScope(onClosed));
  }
}
