/**
 * A file on its way to a socket. What the page cache has goes by sendfile(2) at once; the rest is
 * brought into a pipe by somebody who may wait for the disk, and goes on from there.
 */
import {
  EAGAIN,
  EBADF,
  ECONNABORTED,
  ECONNRESET,
  EHOSTUNREACH,
  EINTR,
  ENETUNREACH,
  ENOTCONN,
  EPIPE,
  ETIMEDOUT,
  SPLICE_F_MORE,
  SPLICE_F_NONBLOCK,
} from '../abi.js';
import { SystemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Pipe } from '../fd/pipe.js';
import { native } from '../native.js';
import { sharedPipes } from './pipe-pool.js';
import { isResident } from './resident.js';
import { moved, turnLeft, waitForTurn } from './turns.js';

/** By each that comes when others have had all of the turn: small files wait for no large ones. */
const LEAST_BYTES = 128 * 1024;
/** Looked up in the page cache in one go; what is there is held to be there for so long. */
const WINDOW_BYTES = 8 << 20;
const RESIDENT_MS = 50;

/** Brings bytes of a file into a pipe, without this thread waiting; -errno, or how many. */
export type Fill = (
  file: OwnedFd,
  offset: number,
  pipe: OwnedFd,
  length: number,
  done: (result: number) => void,
) => void;

/** What became of a step: no more to send; the socket is full; it waits for a disk or its turn. */
export type Step = 'ended' | 'full' | 'waiting';

export class FileSend {
  readonly file: OwnedFd;
  /** Bytes that the socket has taken. */
  sent = 0;
  /** 0, or `-errno` of what ended it early. */
  result = 0;
  /** It was the socket that failed, not the file. */
  socketFailed = false;
  #offset: number;
  #left: number;
  #pipe: Pipe | undefined = undefined;
  /** Where bytes come from that are in a pipe. */
  #readEnd: OwnedFd | undefined = undefined;
  #inPipe = 0;
  #filling = false;
  #queued = false;
  #ended = false;
  /** Up to here it was found in the page cache, and until when that counts. */
  #residentTo = 0;
  #residentUntil = 0;

  constructor(file: OwnedFd, offset: number, length: number) {
    this.file = file;
    this.#offset = offset;
    this.#left = length;
  }

  /** What somebody's pipe holds, which stays theirs. */
  static ofPipe(readEnd: OwnedFd, length: number): FileSend {
    const send = new FileSend(readEnd, -1, 0);
    send.#inPipe = length;
    send.#readEnd = readEnd;
    return send;
  }

  /** Bytes that the socket has not taken. */
  get left(): number {
    return this.#left + this.#inPipe;
  }

  /** Sends what it can; `goOn` is called when it has waited long enough. */
  step(socket: OwnedFd, fill: Fill, goOn: () => void): Step {
    if (this.#filling || this.#queued) return 'waiting';
    let left = Math.max(turnLeft(), this.sent === 0 ? LEAST_BYTES : 0);
    if (performance.now() > this.#residentUntil) this.#residentTo = 0;
    while (!this.#ended) {
      if (this.left === 0) this.end(0);
      else if (left <= 0) return this.#wait(goOn);
      else {
        const count = this.#move(socket.fd, left, fill, goOn);
        if (typeof count === 'string') return count;
        left -= count;
        moved(count);
      }
    }
    return 'ended';
  }

  /** Not for the socket to have room for much: one that is kept full costs the least. */
  #wait(goOn: () => void): 'waiting' {
    this.#queued = true;
    waitForTurn(() => {
      this.#queued = false;
      if (!this.#ended) goOn();
    });
    return 'waiting';
  }

  #move(socket: number, most: number, fill: Fill, goOn: () => void): number | 'full' | 'waiting' {
    if (this.file.closed && this.#inPipe === 0) {
      this.end(-EBADF);
      return 0;
    }
    if (this.#inPipe === 0) {
      const offset = this.#offset;
      const length = this.#resident(offset, Math.min(this.#left, most));
      if (length === 0) return this.#fill(fill, goOn);
      return this.#sent(native.sendfile(socket, this.file.fd, offset, length), true);
    }
    const pipe = this.#readEnd as OwnedFd;
    const flags = SPLICE_F_NONBLOCK | (this.#left > 0 ? SPLICE_F_MORE : 0);
    const result = native.splice(pipe.fd, -1, socket, -1, this.#inPipe, flags);
    return this.#sent(result, false);
  }

  /** Of the `length` bytes from `offset` on, how many can be had without waiting for a disk. */
  #resident(offset: number, length: number): number {
    if (this.#residentTo > offset) return Math.min(length, this.#residentTo - offset);
    const { fd } = this.file;
    const window = Math.min(this.#left, WINDOW_BYTES);
    if (isResident(fd, offset, window)) this.#residentTo = offset + window;
    else if (window > length && isResident(fd, offset, length)) this.#residentTo = offset + length;
    else return 0;
    this.#residentUntil = performance.now() + RESIDENT_MS;
    return length;
  }

  #sent(result: number, fromFile: boolean): number | 'full' {
    if (result === -EAGAIN) return 'full';
    if (result === -EINTR) return 0;
    if (result <= 0) {
      this.socketFailed = isOfSocket(result);
      // The file has become shorter.
      this.end(result);
      return 0;
    }
    this.sent += result;
    if (fromFile) {
      this.#offset += result;
      this.#left -= result;
    } else this.#inPipe -= result;
    return result;
  }

  #fill(fill: Fill, goOn: () => void): 'waiting' | 0 {
    try {
      this.#pipe ??= sharedPipes().take();
    } catch (error) {
      if (!SystemError.is(error)) throw error;
      this.end(error.errno);
      return 0;
    }
    this.#readEnd = this.#pipe.readEnd;
    const length = Math.min(this.#left, this.#pipe.size);
    this.#filling = true;
    fill(this.file, this.#offset, this.#pipe.writeEnd, length, (result) => {
      this.#filling = false;
      if (result > 0) {
        this.#offset += result;
        this.#left -= result;
        this.#inPipe = result;
      }
      if (this.#ended) this.#giveBack();
      else if (result <= 0 && result !== -EINTR) this.end(result);
      goOn();
    });
    return 'waiting';
  }

  /** No more of it is sent. */
  end(result: number): void {
    if (this.#ended) return;
    this.#ended = true;
    this.result = result;
    if (!this.#filling) this.#giveBack();
  }

  #giveBack(): void {
    // One that still has something in it is closed.
    if (this.#pipe !== undefined) sharedPipes().give(this.#pipe);
    this.#pipe = undefined;
  }
}

const SOCKET_ERRORS = [
  EPIPE,
  ECONNRESET,
  ECONNABORTED,
  ENOTCONN,
  ETIMEDOUT,
  EHOSTUNREACH,
  ENETUNREACH,
];
const isOfSocket = (result: number): boolean => SOCKET_ERRORS.includes(-result);
