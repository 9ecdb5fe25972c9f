/** The calls on Node's helper threads, for where io_uring is refused. */
import * as fs from 'node:fs';
import {
  ECANCELED,
  RWF_DSYNC,
  STATX_BASIC_STATS,
  STATX_BTIME,
  SYS_fadvise64,
  SYS_fallocate,
  SYS_fdatasync,
  SYS_fsync,
  SYS_ftruncate,
} from '../abi.js';
import { abortError, check, systemError } from '../errors.js';
import { OwnedFd } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import type { PathLike } from '../path.js';
import { holdOpen, poolSyscall, poolWrite } from '../pool/calls.js';
import { asBytes, BYTES_MAX } from '../ring/operation.js';
import { ALLOCATE_FLAGS, FILE_ADVICE, type FileAdvice } from '../ring/ops/file-bits.js';
import { type FileStatus, fileType } from '../ring/ops/file-status.js';
import { flagBits } from '../ring/ops/flags.js';
import type { AllocateOptions, Durability, DurableWrite, FileCalls, Signal } from './calls.js';
import { oneWrite } from './durable-write.js';
import { resultOf } from './failure.js';

const EBADF = -9;

type NodeDone<Result> = (error: NodeJS.ErrnoException | null, result: Result) => void;

/** What Node takes in one call, and the kernel moves in one. */
const lengthOf = (view: ArrayBufferView): number => Math.min(view.byteLength, BYTES_MAX);

/** As many of them, to the byte: for more, Node tells nonsense. */
function partsOf(views: readonly ArrayBufferView[]): Uint8Array[] {
  let room = BYTES_MAX;
  return views.map((view) => {
    const part = asBytes(view).subarray(0, room);
    room -= part.length;
    return part;
  });
}

/** Paths that are bytes go to Node as a Buffer. */
const nodePath = (path: PathLike): string | Buffer | URL =>
  path instanceof Uint8Array ? Buffer.from(path) : path;

/** What Node's own functions have to be told for the file's own position. */
const nodeOffset = (offset: number): number | null => (offset < 0 ? null : offset);

/** `signal` counts until the thread has begun, which nothing can stop. */
function call<Result>(
  signal: Signal,
  begin: (done: NodeDone<Result>) => void,
  file?: OwnedFd,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    if (file?.closed) return reject(systemError(EBADF, 'read'));
    const letGo = file === undefined ? undefined : holdOpen([file]);
    begin((error, result) => {
      letGo?.();
      // Bun says undefined where Node says null.
      if (error) reject(error);
      else resolve(result);
    });
  });
}

export class ThreadCalls implements FileCalls {
  readonly name = 'threads';

  async open(path: PathLike, flags: number, mode: number, signal: Signal): Promise<OwnedFd> {
    const fd = await call<number>(signal, (done) => fs.open(nodePath(path), flags, mode, done));
    return OwnedFd.adopt(fd);
  }

  read(file: OwnedFd, target: ArrayBufferView, offset: number, signal: Signal): Promise<number> {
    return call<number>(
      signal,
      (done) =>
        fs.read(file.fd, asBytes(target), 0, lengthOf(target), nodeOffset(offset), (error, count) =>
          done(error, count),
        ),
      file,
    );
  }

  write(file: OwnedFd, source: ArrayBufferView, offset: number, signal: Signal): Promise<number> {
    return call<number>(
      signal,
      (done) =>
        fs.write(
          file.fd,
          asBytes(source),
          0,
          lengthOf(source),
          nodeOffset(offset),
          (error, count) => done(error, count),
        ),
      file,
    );
  }

  readv(
    file: OwnedFd,
    targets: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number> {
    return call<number>(
      signal,
      (done) =>
        fs.readv(file.fd, partsOf(targets), nodeOffset(offset), (error, n) => done(error, n)),
      file,
    );
  }

  writev(
    file: OwnedFd,
    sources: readonly ArrayBufferView[],
    offset: number,
    signal: Signal,
  ): Promise<number> {
    return call<number>(
      signal,
      // The types leave out that null is the file's own position, as in readv.
      (done) =>
        fs.writev(file.fd, partsOf(sources), nodeOffset(offset) as number, (error, n) =>
          done(error, n),
        ),
      file,
    );
  }

  async fsync(file: OwnedFd, datasync: boolean, signal: Signal): Promise<void> {
    const number = datasync ? SYS_fdatasync : SYS_fsync;
    check(await poolSyscall([file], number, [file.fd], signal), datasync ? 'fdatasync' : 'fsync');
  }

  async writeDurably(
    file: OwnedFd,
    source: Uint8Array,
    offset: number,
    what: Durability,
  ): Promise<DurableWrite> {
    const mapping = Mapping.of(source);
    if (mapping !== undefined && what !== 'file') {
      const { byteOffset: at, length } = source;
      const flags = what === 'written' ? RWF_DSYNC : 0;
      const result = await poolWrite(file, mapping, at, length, offset, flags);
      return oneWrite(this, file, source, offset, what, result);
    }
    const written = await resultOf(this.write(file, source, offset, undefined));
    if (what === 'none' || written < source.length) return { written, synced: -ECANCELED };
    return { written, synced: await resultOf(this.fsync(file, true, undefined)) };
  }

  async ftruncate(file: OwnedFd, length: number, signal: Signal): Promise<void> {
    check(await poolSyscall([file], SYS_ftruncate, [file.fd, length], signal), 'ftruncate');
  }

  async fallocate(
    file: OwnedFd,
    offset: number,
    length: number,
    options: AllocateOptions,
    signal: Signal,
  ): Promise<void> {
    const words = [file.fd, flagBits(ALLOCATE_FLAGS, options), offset, length];
    check(await poolSyscall([file], SYS_fallocate, words, signal), 'fallocate');
  }

  async fadvise(
    file: OwnedFd,
    advice: FileAdvice,
    offset: number,
    length: number,
    signal: Signal,
  ): Promise<void> {
    const words = [file.fd, offset, length, FILE_ADVICE[advice]];
    check(await poolSyscall([file], SYS_fadvise64, words, signal), 'fadvise');
  }

  async statx(target: PathLike | OwnedFd, noFollow: boolean, signal: Signal): Promise<FileStatus> {
    const options = { bigint: true } as const;
    if (target instanceof OwnedFd) {
      return statusOf(
        await call<fs.BigIntStats>(signal, (done) => fs.fstat(target.fd, options, done), target),
      );
    }
    const ask = noFollow ? fs.lstat : fs.stat;
    const path = nodePath(target);
    return statusOf(await call<fs.BigIntStats>(signal, (done) => ask(path, options, done)));
  }

  rename(from: PathLike, to: PathLike, signal: Signal): Promise<void> {
    return call<void>(signal, (done) =>
      fs.rename(nodePath(from), nodePath(to), done as fs.NoParamCallback),
    );
  }

  unlink(path: PathLike, signal: Signal): Promise<void> {
    return call<void>(signal, (done) => fs.unlink(nodePath(path), done as fs.NoParamCallback));
  }

  rmdir(path: PathLike, signal: Signal): Promise<void> {
    return call<void>(signal, (done) => fs.rmdir(nodePath(path), done as fs.NoParamCallback));
  }

  mkdir(path: PathLike, mode: number, signal: Signal): Promise<void> {
    return call<void>(signal, (done) => fs.mkdir(nodePath(path), mode, done as fs.NoParamCallback));
  }

  link(existing: PathLike, path: PathLike, signal: Signal): Promise<void> {
    return call<void>(signal, (done) =>
      fs.link(nodePath(existing), nodePath(path), done as fs.NoParamCallback),
    );
  }

  symlink(target: PathLike, path: PathLike, signal: Signal): Promise<void> {
    return call<void>(signal, (done) =>
      fs.symlink(nodePath(target), nodePath(path), done as fs.NoParamCallback),
    );
  }
}

/** glibc's split of a device number. */
const major = (device: bigint): number =>
  Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
const minor = (device: bigint): number =>
  Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));

/** What Node tells of a file; what it does not know is 0, and missing in `mask`. */
function statusOf(stats: fs.BigIntStats): FileStatus {
  const mode = Number(stats.mode);
  return {
    type: fileType(mode),
    mode,
    size: Number(stats.size),
    blocks: Number(stats.blocks),
    blockSize: Number(stats.blksize),
    inode: Number(stats.ino),
    links: Number(stats.nlink),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    deviceMajor: major(stats.dev),
    deviceMinor: minor(stats.dev),
    specialMajor: major(stats.rdev),
    specialMinor: minor(stats.rdev),
    mountId: 0,
    subvolume: 0,
    atimeMs: Number(stats.atimeNs) / 1e6,
    btimeMs: Number(stats.birthtimeNs) / 1e6,
    ctimeMs: Number(stats.ctimeNs) / 1e6,
    mtimeMs: Number(stats.mtimeNs) / 1e6,
    directMemoryAlignment: 0,
    directOffsetAlignment: 0,
    directReadOffsetAlignment: 0,
    atomicWriteMin: 0,
    atomicWriteMax: 0,
    atomicWriteSegmentsMax: 0,
    attributes: {},
    mask: STATX_BASIC_STATS | STATX_BTIME,
  };
}
