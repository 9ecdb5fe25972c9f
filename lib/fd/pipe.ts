/** Both ends of a pipe: pipe2(2), and its size. */
import { F_GETPIPE_SZ, F_SETPIPE_SZ, O_CLOEXEC, O_DIRECT, O_NONBLOCK } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys } from '../validate.js';
import { type FdLike, OwnedFd, plainDescriptor } from './fd.js';

const SIZE_MAX = 2 ** 31;

export interface PipeOptions {
  /** Bytes that it holds, rounded up to a power of two of pages. Default: the kernel's, 65536. */
  size?: number;
  /** Each write is a packet, and each read takes one (O_DIRECT). Default false. */
  packets?: boolean;
  /** Reads and writes that would wait fail with EAGAIN. Default false, as rings want it. */
  nonblocking?: boolean;
}

/**
 * A pipe. Disposing of it closes both ends; each end can be closed, or given away, by itself.
 *
 * @man pipe(7)
 */
export class Pipe implements Disposable {
  readonly readEnd: OwnedFd;
  readonly writeEnd: OwnedFd;

  private constructor(readEnd: OwnedFd, writeEnd: OwnedFd) {
    this.readEnd = readEnd;
    this.writeEnd = writeEnd;
  }

  /**
   * @errno EMFILE the limit of descriptors is reached
   * @errno EPERM `size` is above fs.pipe-max-size
   * @kernel 2.6.27
   * @man pipe2(2)
   */
  static open(options: PipeOptions = {}): Pipe {
    onlyKeys('options', options, ['size', 'packets', 'nonblocking']);
    const { size } = options;
    if (size !== undefined) integer('size', size, 1, SIZE_MAX);
    const packets = boolean('packets', options.packets ?? false);
    const nonblocking = boolean('nonblocking', options.nonblocking ?? false);
    const flags = O_CLOEXEC | (packets ? O_DIRECT : 0) | (nonblocking ? O_NONBLOCK : 0);
    const pair = new Int32Array(2);
    check(native.pipe2(pair, flags), 'pipe2');
    const [source = -1, target = -1] = pair;
    const pipe = new Pipe(OwnedFd.adopt(source), OwnedFd.adopt(target));
    try {
      if (size !== undefined) setPipeSize(pipe.writeEnd, size);
    } catch (error) {
      pipe.close();
      throw error;
    }
    return pipe;
  }

  /** Bytes that it holds. */
  get size(): number {
    return pipeSize(this.writeEnd.closed ? this.readEnd : this.writeEnd);
  }

  close(): void {
    this.readEnd.close();
    this.writeEnd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Bytes that the pipe of `end` holds.
 *
 * @kernel 2.6.35
 * @man fcntl(2)
 */
export function pipeSize(end: FdLike): number {
  const { fd } = plainDescriptor('end', end);
  return check(native.fcntl(fd, F_GETPIPE_SZ, 0), 'F_GETPIPE_SZ', { fd });
}

/**
 * Asks for a pipe that holds `size` bytes; answers what it holds now, which may be more.
 *
 * @errno EPERM above fs.pipe-max-size, which needs CAP_SYS_RESOURCE
 * @errno EBUSY what is in it would not fit
 * @kernel 2.6.35
 * @man fcntl(2)
 */
export function setPipeSize(end: FdLike, size: number): number {
  const bytes = integer('size', size, 1, SIZE_MAX);
  const { fd } = plainDescriptor('end', end);
  return check(native.fcntl(fd, F_SETPIPE_SZ, bytes), 'F_SETPIPE_SZ', { fd });
}
