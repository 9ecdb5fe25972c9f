/** `fanOut`: what one connection receives goes to several, each with the same pages. */
import { EAGAIN, ECANCELED, EPIPE, EPOLLIN } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { type Pipe, setPipeSize } from '../fd/pipe.js';
import { open } from '../fs/file.js';
import type { Pending } from '../loop/backend.js';
import { Connection } from '../net/connection.js';
import { spliceSync, teeSync } from '../splice/calls.js';
import { type PipePool, sharedPipes } from '../splice/pipe-pool.js';
import { abortSignal, invalidType, onlyKeys } from '../validate.js';

export interface FanOutOptions {
  /** Ends it, with an AbortError. */
  signal?: AbortSignal;
}

export interface FanOutResult {
  /** Bytes received. */
  readonly bytes: number;
  /** Bytes that each target has taken, and the error of one that was left out from then on. */
  readonly targets: readonly { readonly bytes: number; readonly error?: Error }[];
}

interface Branch {
  readonly target: Connection;
  readonly pipe: Pipe;
  bytes: number;
  error?: Error;
  pending?: Pending;
}

/**
 * Sends all that `source` receives to every target, as fast as the slowest of them takes it, and
 * resolves at its end. `source` is closed then; the targets stay as they are, and can be written to
 * meanwhile. A target that fails is left out; the others go on.
 *
 * @errno ECONNRESET the peer of `source` broke off
 * @kernel 2.6.17
 * @man tee(2), splice(2)
 */
export async function fanOut(
  source: Connection,
  targets: readonly Connection[],
  options: FanOutOptions = {},
): Promise<FanOutResult> {
  if (!(source instanceof Connection)) throw invalidType('source', 'a Connection', source);
  if (!Array.isArray(targets) || !targets.every((each) => each instanceof Connection)) {
    throw invalidType('targets', 'an array of Connections', targets);
  }
  onlyKeys('options', options, ['signal']);
  const signal = abortSignal('signal', options.signal);
  const { socket, received, over, shared } = await source.detach();
  const pool = sharedPipes();
  const pipes: Pipe[] = [];
  const branches: Branch[] = [];
  const readable: Readable = new Readable(() => poll.wait(EPOLLIN));
  // Whatever it is, bytes, an end or an error: reading tells.
  const poll = shared.backend.poll(socket, () => readable.wake());
  const fail = (error: Error): void => {
    readable.fail(error);
    // A target that does not read must not keep it from ending.
    for (const { pending } of branches) pending?.cancel();
  };
  const aborted = (): void => fail(abortError(signal as AbortSignal));
  signal?.addEventListener('abort', aborted, { once: true });
  socket.addUser({ open: true, letGo: () => fail(systemError(-ECANCELED, 'splice')) });
  let bytes = 0;
  try {
    await using nothing = await open('/dev/null', 'r+');
    if (signal?.aborted) throw abortError(signal);
    const trunk = taken(pool, pipes);
    for (const target of targets) branches.push({ target, pipe: taken(pool, pipes), bytes: 0 });
    // What is in the trunk has to fit in each of the others.
    const size = Math.min(...pipes.map((pipe) => pipe.size));
    if (size < trunk.size) setPipeSize(trunk.writeEnd, size);
    for (const piece of received) {
      bytes += piece.length;
      await Promise.all(branches.map((branch) => written(branch, piece)));
    }
    for (;;) {
      const count = spliceSync(socket, trunk.writeEnd, size, { nonblock: true, move: true });
      if (count === 0) break;
      if (count === undefined) {
        await readable.next();
        continue;
      }
      bytes += count;
      await Promise.all(branches.map((branch) => passOn(branch, trunk.readEnd, count)));
      drop(trunk.readEnd, nothing.fd, count);
      readable.check();
    }
    readable.check();
  } finally {
    signal?.removeEventListener('abort', aborted);
    poll.cancel();
    socket.close();
    over();
    for (const pipe of pipes) pool.give(pipe);
  }
  const results = branches.map(({ bytes: sent, error }) =>
    error === undefined ? { bytes: sent } : { bytes: sent, error },
  );
  return { bytes, targets: results };
}

function taken(pool: PipePool, pipes: Pipe[]): Pipe {
  const pipe = pool.take();
  pipes.push(pipe);
  return pipe;
}

async function written(branch: Branch, piece: Uint8Array): Promise<void> {
  if (branch.error !== undefined) return;
  try {
    await branch.target.write(piece);
    branch.bytes += piece.length;
  } catch (error) {
    branch.error = error as Error;
  }
}

/** The pages are in both pipes then; resolves when the target has taken them. */
function passOn(branch: Branch, trunk: OwnedFd, count: number): Promise<void> {
  const { target, pipe } = branch;
  if (branch.error !== undefined) return Promise.resolve();
  return new Promise((resolve) => {
    try {
      if (target.socket.closed) throw systemError(-EPIPE, 'splice');
      const copied = teeSync(trunk, pipe.writeEnd, count, { nonblock: true });
      if (copied !== count) throw systemError(-EAGAIN, 'tee');
      branch.pending = target.stream.sendPipe(pipe.readEnd, count, (result, bytes) => {
        branch.bytes += bytes;
        target.bytesSent += bytes;
        if (result < 0) branch.error = systemError(result, 'splice');
        resolve();
      });
    } catch (error) {
      branch.error = error as Error;
      resolve();
    }
  });
}

function drop(pipe: OwnedFd, nothing: OwnedFd, count: number): void {
  for (let left = count; left > 0; ) left -= spliceSync(pipe, nothing, left) ?? left;
}

/** One who waits for the source, woken by its events. */
class Readable {
  readonly #wait: () => void;
  #ready = false;
  #failure: Error | undefined = undefined;
  #wake: (() => void) | undefined = undefined;

  constructor(wait: () => void) {
    this.#wait = wait;
  }

  wake(): void {
    this.#ready = true;
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.wake();
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async next(): Promise<void> {
    if (!this.#ready) {
      this.#wait();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#ready = false;
    this.check();
  }
}
