/** Pipes that are used again and again: to make one costs as much as to move 64 KiB through it. */
import { POLLIN } from '../abi.js';
import { SystemError } from '../errors.js';
import { Pipe, setPipeSize } from '../fd/pipe.js';
import { pollNow } from '../fd/poll-now.js';
import { integer, invalidType, onlyKeys } from '../validate.js';

const SIZE = 2 ** 20;
const SIZE_MAX = 2 ** 31;
const KEEP = 16;

export interface PipePoolOptions {
  /**
   * Bytes that each holds, as far as the kernel allows (fs.pipe-max-size,
   * fs.pipe-user-pages-soft): else what it gives. Default 1,048,576.
   */
  size?: number;
  /** Pipes that wait for their next use. Default 16. */
  keep?: number;
}

/**
 * A pool of empty pipes.
 *
 * @man pipe(7)
 */
export class PipePool implements Disposable {
  readonly size: number;
  readonly keep: number;
  readonly #free: Pipe[] = [];
  #closed = false;

  constructor(options: PipePoolOptions = {}) {
    onlyKeys('options', options, ['size', 'keep']);
    this.size = integer('size', options.size ?? SIZE, 1, SIZE_MAX);
    this.keep = integer('keep', options.keep ?? KEEP, 0, 4096);
  }

  /** Pipes that wait for their next use. */
  get free(): number {
    return this.#free.length;
  }

  /**
   * A pipe with nothing in it, which is the caller's until it is given back.
   *
   * @errno EMFILE the limit of descriptors is reached
   */
  take(): Pipe {
    if (this.#closed) throw closedPool();
    return this.#free.pop() ?? opened(this.size);
  }

  /** Takes a pipe back. One that has anything in it, or that lacks an end, is closed instead. */
  give(pipe: Pipe): void {
    if (!(pipe instanceof Pipe)) throw invalidType('pipe', 'a Pipe', pipe);
    if (this.#closed || this.#free.length >= this.keep || !isEmpty(pipe)) pipe.close();
    else if (!this.#free.includes(pipe)) this.#free.push(pipe);
  }

  /** @internal As `give`, of a pipe that is known to be whole and empty: nobody is asked. */
  giveEmpty(pipe: Pipe): void {
    if (this.#closed || this.#free.length >= this.keep) pipe.close();
    else this.#free.push(pipe);
  }

  /** Closes what waits here; pipes that are given back later are closed then. */
  close(): void {
    this.#closed = true;
    for (const pipe of this.#free.splice(0)) pipe.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function isEmpty({ readEnd, writeEnd }: Pipe): boolean {
  if (readEnd.closed || writeEnd.closed) return false;
  if (readEnd.inFlight + writeEnd.inFlight > 0) return false;
  return (pollNow(readEnd.fd, POLLIN) & POLLIN) === 0;
}

function opened(size: number): Pipe {
  const pipe = Pipe.open();
  try {
    setPipeSize(pipe.writeEnd, size);
  } catch (error) {
    // Above the limit of one pipe, or of all pipes of this user: it does with less.
    if (SystemError.is(error, 'EPERM', 'ENOMEM')) return pipe;
    pipe.close();
    throw error;
  }
  return pipe;
}

function closedPool(): TypeError {
  return Object.assign(new TypeError('the pool has been closed'), { code: 'ERR_INVALID_STATE' });
}

let shared: PipePool | undefined;

/** The pipes that streams and proxies of this thread share. */
export function sharedPipes(): PipePool {
  shared ??= new PipePool();
  return shared;
}
