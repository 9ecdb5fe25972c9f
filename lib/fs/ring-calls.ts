/** The calls as operations of a ring, which this thread keeps for its files. */
import {
  IORING_OP_FTRUNCATE,
  IORING_OP_LINKAT,
  IORING_OP_MKDIRAT,
  IORING_OP_RENAMEAT,
  IORING_OP_SYMLINKAT,
  IORING_OP_UNLINKAT,
} from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { opSupported } from '../features.js';
import type { PathLike } from '../path.js';
import { LinkError } from '../ring/link.js';
import type { FileAdvice } from '../ring/ops/file-bits.js';
import type { FileStatus } from '../ring/ops/file-status.js';
import * as op from '../ring/ops/index.js';
import { Ring } from '../ring/ring.js';
import type { RunOptions } from '../ring/sinks.js';
import type { AllocateOptions, Durability, DurableWrite, FileCalls, Signal } from './calls.js';
import { oneWrite } from './durable-write.js';
import { resultOf } from './failure.js';
import { ThreadCalls } from './thread-calls.js';

const ENTRIES = 1024;
const COMPLETIONS = 8192;
/** Bits of O_ACCMODE: what is asked for beside them goes as it is. */
const ACCESS = ['read', 'write', 'readwrite'] as const;

const until = (signal: Signal): RunOptions | undefined => (signal ? { signal } : undefined);

/** What an operation of a chain came to. */
const settled = async (outcome: PromiseSettledResult<unknown>): Promise<unknown> => {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
};

/** What the kernel lacks an operation for, a helper thread does. */
export class RingCalls implements FileCalls {
  readonly name = 'io_uring';
  readonly ring: Ring;
  readonly #threads = new ThreadCalls();

  constructor() {
    this.ring = Ring.open({ entries: ENTRIES, completionEntries: COMPLETIONS });
  }

  open(path: PathLike, flags: number, mode: number, signal: Signal): Promise<OwnedFd> {
    const access = ACCESS[flags & 3] ?? 'readwrite';
    const operation = op.openat(path, { access, mode, rawFlags: flags & ~3 });
    return this.ring.run(operation, until(signal));
  }

  read(file: OwnedFd, target: ArrayBufferView, offset: number, signal: Signal): Promise<number> {
    return this.ring.run(op.read(file, target, { offset }), until(signal));
  }

  write(file: OwnedFd, source: ArrayBufferView, offset: number, signal: Signal): Promise<number> {
    return this.ring.run(op.write(file, source, { offset }), until(signal));
  }

  readv(
    file: OwnedFd,
    targets: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number> {
    return this.ring.run(op.readv(file, targets, { offset }), until(signal));
  }

  writev(
    file: OwnedFd,
    sources: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number> {
    return this.ring.run(op.writev(file, sources, { offset }), until(signal));
  }

  fsync(file: OwnedFd, datasync: boolean, signal: Signal): Promise<void> {
    return this.ring.run(op.fsync(file, { datasync }), until(signal));
  }

  async writeDurably(
    file: OwnedFd,
    source: Uint8Array,
    offset: number,
    what: Durability,
  ): Promise<DurableWrite> {
    const writing = op.write(file, source, { offset, dsync: what === 'written' });
    if (what !== 'file') {
      const result = await resultOf(this.ring.run(writing));
      return oneWrite(this, file, source, offset, what, result);
    }
    try {
      const [written] = await this.ring.link([writing, op.fsync(file, { datasync: true })]);
      return { written, synced: 0 };
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      const [written = 0, synced = 0] = await Promise.all(
        error.results.map((each) => resultOf(settled(each))),
      );
      return { written, synced };
    }
  }

  ftruncate(file: OwnedFd, length: number, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_FTRUNCATE)) return this.#threads.ftruncate(file, length, signal);
    return this.ring.run(op.ftruncate(file, length), until(signal));
  }

  fallocate(
    file: OwnedFd,
    offset: number,
    length: number,
    options: AllocateOptions,
    signal: Signal,
  ): Promise<void> {
    return this.ring.run(op.fallocate(file, offset, length, options), until(signal));
  }

  fadvise(
    file: OwnedFd,
    advice: FileAdvice,
    offset: number,
    length: number,
    signal: Signal,
  ): Promise<void> {
    return this.ring.run(op.fadvise(file, advice, { offset, length }), until(signal));
  }

  statx(target: PathLike | OwnedFd, noFollow: boolean, signal: Signal): Promise<FileStatus> {
    return this.ring.run(op.statx(target, { noFollow }), until(signal));
  }

  rename(from: PathLike, to: PathLike, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_RENAMEAT)) return this.#threads.rename(from, to, signal);
    return this.ring.run(op.renameat(from, to), until(signal));
  }

  unlink(path: PathLike, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_UNLINKAT)) return this.#threads.unlink(path, signal);
    return this.ring.run(op.unlinkat(path), until(signal));
  }

  rmdir(path: PathLike, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_UNLINKAT)) return this.#threads.rmdir(path, signal);
    return this.ring.run(op.unlinkat(path, { removeDir: true }), until(signal));
  }

  mkdir(path: PathLike, mode: number, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_MKDIRAT)) return this.#threads.mkdir(path, mode, signal);
    return this.ring.run(op.mkdirat(path, { mode }), until(signal));
  }

  link(existing: PathLike, path: PathLike, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_LINKAT)) return this.#threads.link(existing, path, signal);
    return this.ring.run(op.linkat(existing, path), until(signal));
  }

  symlink(target: PathLike, path: PathLike, signal: Signal): Promise<void> {
    if (!opSupported(IORING_OP_SYMLINKAT)) return this.#threads.symlink(target, path, signal);
    return this.ring.run(op.symlinkat(target, path), until(signal));
  }
}
