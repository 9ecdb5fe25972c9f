/**
 * One way from a socket to a socket. What is little goes by recv(2) and send(2), which cost less
 * than splice(2) for it; what is more goes through a pipe, for as long as it goes. The pipe is held
 * while there is something in it: many ways that are quiet share a few.
 */
import {
  EAGAIN,
  EINTR,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SHUT_WR,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '../abi.js';
import { SystemError } from '../errors.js';
import { setFlags } from '../fd/fcntl.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Pipe } from '../fd/pipe.js';
import { native } from '../native.js';
import { sharedPipes } from './pipe-pool.js';

const SPLICE_FLAGS = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/** Moved before others get their turn. */
const TURN_BYTES = 1 << 20;
/** More than pipes hold: as much as goes in. */
const FULL = 2 ** 30;
/** Splicing begins when this is full, and ends when less than a part of it comes. */
const SMALL_BYTES = 16_384;
const FEW_BYTES = 4096;

/** Where all of this thread receive what is little: good until it has been sent. */
const small = new Uint8Array(SMALL_BYTES);

export class Pump {
  /** Bytes that the target has taken. */
  moved = 0;
  /** `-errno` of what broke it, or 0. */
  failure = 0;
  /** All of the source has gone to the target. */
  ended = false;
  /** What the sockets were last known to be ready for. */
  readable = true;
  writable = true;
  /** There may be more to receive when little has come: an end, an error, or urgent data. */
  careful = false;
  readonly #source: OwnedFd;
  readonly #target: OwnedFd;
  /** What goes before all that is received. */
  readonly #before: Uint8Array[];
  #pipe: Pipe | undefined = undefined;
  #inPipe = 0;
  #splices = false;
  /** Both sockets are known not to wait. */
  #prepared = false;
  #sourceEnded = false;

  constructor(source: OwnedFd, target: OwnedFd, before: Uint8Array[]) {
    this.#source = source;
    this.#target = target;
    this.#before = before;
  }

  /** Moves what there is; true when it stopped with more to move. */
  run(): boolean {
    const more = this.#move();
    if (this.#inPipe === 0) this.close();
    return more;
  }

  #move(): boolean {
    for (const start = this.moved; this.moved - start < TURN_BYTES; ) {
      if (this.ended || this.failure < 0 || !this.#step()) return false;
    }
    return true;
  }

  /** False when it has to wait, or is over. */
  #step(): boolean {
    if (this.#inPipe > 0) return this.#drain();
    const first = this.#before[0];
    if (first !== undefined) return this.#sendFirst(first);
    if (this.#sourceEnded) {
      this.ended = true;
      return false;
    }
    if (!this.readable) return false;
    // A pipe also takes what the target has no room for yet.
    return this.#splices || !this.writable ? this.#fill() : this.#pass();
  }

  // --- little ------------------------------------------------------------------------------------

  #sendFirst(bytes: Uint8Array): boolean {
    if (!this.writable) return false;
    const sent = this.#sent(native.send(this.#target.fd, bytes, 0, bytes.length, SEND_FLAGS));
    if (sent === bytes.length) this.#before.shift();
    else this.#before[0] = bytes.subarray(sent);
    return this.writable && this.failure === 0;
  }

  #pass(): boolean {
    const count = native.recv(this.#source.fd, small, MSG_DONTWAIT);
    if (count <= 0) return this.#received(count);
    if (count === SMALL_BYTES) this.#beginToSplice();
    else if (!this.careful) this.readable = false;
    const sent = this.#sent(native.send(this.#target.fd, small, 0, count, SEND_FLAGS));
    if (sent < count) this.#before.push(small.slice(sent, count));
    return this.failure === 0;
  }

  /** What the target has taken. */
  #sent(result: number): number {
    if (result >= 0) {
      this.moved += result;
      return result;
    }
    this.#refused(result);
    return 0;
  }

  // --- much --------------------------------------------------------------------------------------

  #beginToSplice(): void {
    this.#splices = true;
    if (this.#prepared) return;
    this.#prepared = true;
    // One that waits would stop the whole thread.
    for (const socket of [this.#source, this.#target]) setFlags(socket, { nonblock: true });
  }

  #fill(): boolean {
    if (!this.#splices) this.#beginToSplice();
    const pipe = this.#taken();
    if (pipe === undefined) return false;
    const { fd } = this.#source;
    const result = native.splice(fd, -1, pipe.writeEnd.fd, -1, FULL, SPLICE_FLAGS);
    if (result <= 0) return this.#received(result);
    this.#inPipe = result;
    this.#splices = result >= FEW_BYTES;
    return true;
  }

  /** The pipe, or none and a failure (EMFILE). */
  #taken(): Pipe | undefined {
    if (this.#pipe !== undefined) return this.#pipe;
    try {
      this.#pipe = sharedPipes().take();
    } catch (error) {
      if (!SystemError.is(error)) throw error;
      this.failure = error.errno;
    }
    return this.#pipe;
  }

  #drain(): boolean {
    if (!this.writable) return false;
    const source = (this.#pipe as Pipe).readEnd.fd;
    const { fd } = this.#target;
    const result = native.splice(source, -1, fd, -1, this.#inPipe, SPLICE_FLAGS);
    if (result > 0) {
      this.#inPipe -= result;
      this.moved += result;
    } else this.#refused(result);
    return this.writable && this.failure === 0;
  }

  // --- what the kernel says ----------------------------------------------------------------------

  /** Of a receive that gave nothing. */
  #received(result: number): boolean {
    if (result === 0) this.#sourceEnded = true;
    else if (result === -EAGAIN) this.readable = false;
    else if (result !== -EINTR) this.failure = result;
    return result === 0 || result === -EINTR;
  }

  /** Of a send. */
  #refused(result: number): void {
    if (result === -EAGAIN) this.writable = false;
    else if (result !== -EINTR) this.failure = result;
  }

  /** What it waits for. */
  get wantsToReceive(): boolean {
    return !this.readable && !this.#sourceEnded && !this.#holds;
  }

  get wantsToSend(): boolean {
    return !this.writable && this.#holds;
  }

  /** It has something for the target. */
  get #holds(): boolean {
    return this.#inPipe > 0 || this.#before.length > 0;
  }

  /** Tells the target that this was all; the other way may go on. */
  shutdown(): void {
    // Who is gone already hears of it elsewhere.
    native.shutdown(this.#target.fd, SHUT_WR);
  }

  /** What is in the pipe is lost. */
  close(): void {
    const pipe = this.#pipe;
    if (pipe === undefined) return;
    this.#pipe = undefined;
    if (this.#inPipe > 0) pipe.close();
    else sharedPipes().giveEmpty(pipe);
  }
}
