/**
 * One way from a socket or pipe to a socket, through a pipe: splice(2) for as long as it goes. The
 * pipe is held while there is something in it: many ways that are quiet share a few.
 */
import { EAGAIN, EINTR, SHUT_WR, SPLICE_F_MOVE, SPLICE_F_NONBLOCK } from '../abi.js';
import { SystemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Pipe } from '../fd/pipe.js';
import { native } from '../native.js';
import { sharedPipes } from './pipe-pool.js';

const FLAGS = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
/** Moved before others get their turn. */
const TURN_BYTES = 1 << 20;
/** What any empty pipe takes. */
const PIECE_BYTES = 65_536;
/** More than pipes hold: as much as goes in. */
const FULL = 2 ** 30;

export class Pump {
  /** Bytes that the target has taken. */
  moved = 0;
  /** `-errno` of what broke it, or 0. */
  failure = 0;
  /** The source has ended, and the target was told so. */
  ended = false;
  /** What the sockets were last known to be ready for. */
  readable = false;
  writable = false;
  readonly #source: OwnedFd;
  readonly #target: OwnedFd;
  #pipe: Pipe | undefined = undefined;
  /** What had been received before: it goes first. */
  readonly #before: Uint8Array[];
  #inPipe = 0;
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
      if (this.ended || this.failure < 0) return false;
      if (this.#inPipe === 0 && !this.#fill()) return false;
      if (this.#inPipe > 0 && !this.#drain()) return false;
    }
    return true;
  }

  #fill(): boolean {
    const bytes = this.#before[0];
    if (bytes !== undefined) {
      const pipe = this.#taken();
      if (pipe === undefined) return false;
      this.#before.shift();
      if (bytes.length > PIECE_BYTES) this.#before.unshift(bytes.subarray(PIECE_BYTES));
      const piece = bytes.subarray(0, PIECE_BYTES);
      return this.#filled(native.write(pipe.writeEnd.fd, piece));
    }
    if (this.#sourceEnded) return this.#end();
    if (!this.readable) return false;
    const pipe = this.#taken();
    if (pipe === undefined) return false;
    const { fd } = this.#source;
    return this.#filled(native.splice(fd, -1, pipe.writeEnd.fd, -1, FULL, FLAGS));
  }

  #filled(result: number): boolean {
    if (result > 0) this.#inPipe = result;
    else if (result === 0) this.#sourceEnded = true;
    else if (result === -EAGAIN) this.readable = false;
    else if (result !== -EINTR) this.failure = result;
    return result >= 0 || result === -EINTR;
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
    const { fd } = this.#target;
    const source = (this.#pipe as Pipe).readEnd.fd;
    const result = native.splice(source, -1, fd, -1, this.#inPipe, FLAGS);
    if (result > 0) {
      this.#inPipe -= result;
      this.moved += result;
    } else if (result === -EAGAIN) this.writable = false;
    else if (result !== -EINTR) this.failure = result;
    return result > 0 || result === -EINTR;
  }

  /** Half of the connection ends; the other way may go on. */
  #end(): false {
    this.ended = true;
    // Who is gone already hears of it elsewhere.
    native.shutdown(this.#target.fd, SHUT_WR);
    return false;
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
