/** Facts about thousands of files: a few jobs for helper threads, and no promise for each file. */
import { AT_STATX_SYNC_AS_STAT, AT_SYMLINK_NOFOLLOW, STATX_ALL, STATX_DIOALIGN } from '../abi.js';
import { abortError, type SystemError, systemError } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { poolStatx } from '../pool/calls.js';
import { type FileStatus, STATX_BYTES, statusFrom } from '../ring/ops/file-status.js';
import { boolean, invalidType } from '../validate.js';
import { type SignalOptions, signalOf } from './options.js';

/** Paths of one job: about a millisecond of a helper thread. */
const JOB_PATHS = 1024;
/** Of the four threads that Node's pool has, so that others get theirs. */
const JOBS_AT_ONCE = 2;
/** PATH_MAX: room for it is mapped, and what is not used costs nothing. */
const PATH_BYTES = 4096;
const RESULT_BYTES = 4;
/** Offsets in `struct statx`. */
const MODE = 28;
const SIZE = 40;
const MTIME = 112;

/** What became of each path, by its index. */
export class StatBatch {
  readonly length: number;
  /** How many failed. */
  readonly failures: number;
  readonly #paths: readonly PathLike[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #results: Int32Array;

  /** @internal */
  constructor(
    paths: readonly PathLike[],
    bytes: Uint8Array,
    results: Int32Array,
    failures: number,
  ) {
    this.length = paths.length;
    this.failures = failures;
    this.#paths = paths;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#results = results;
  }

  /** 0, or `-errno`. */
  errno(index: number): number {
    return this.#results[index] ?? 0;
  }

  /** Why there are no facts about it, if so. */
  error(index: number): SystemError | undefined {
    const result = this.errno(index);
    if (result === 0) return undefined;
    return systemError(result, 'stat', { path: shownPath(this.#paths[index] as PathLike) });
  }

  /** All that is known; throws where the path failed. */
  status(index: number): FileStatus {
    const error = this.error(index);
    if (error !== undefined) throw error;
    return statusFrom(this.#bytes.subarray(index * STATX_BYTES, (index + 1) * STATX_BYTES));
  }

  /** Type and permissions; 0 where the path failed. */
  mode(index: number): number {
    return this.#view.getUint16(index * STATX_BYTES + MODE, true);
  }

  /** Bytes; 0 where the path failed. */
  size(index: number): number {
    return Number(this.#view.getBigUint64(index * STATX_BYTES + SIZE, true));
  }

  /** Milliseconds since 1970; 0 where the path failed. */
  mtimeMs(index: number): number {
    const at = index * STATX_BYTES + MTIME;
    const seconds = Number(this.#view.getBigInt64(at, true));
    return seconds * 1000 + this.#view.getUint32(at + 8, true) / 1e6;
  }
}

export interface StatBatchOptions extends SignalOptions {
  /** Of symbolic links themselves. Default false. */
  noFollow?: boolean;
}

/**
 * Facts about each of `paths`. Resolves when all have been asked for; single ones that fail are in
 * the result.
 *
 * io_uring hands each statx to a kernel thread by itself: a list for a helper thread costs less.
 *
 * @kernel 4.11
 * @man statx(2)
 */
export async function statBatch(
  paths: readonly PathLike[],
  options: StatBatchOptions = {},
): Promise<StatBatch> {
  if (!Array.isArray(paths)) throw invalidType('paths', 'an array of paths', paths);
  const signal = signalOf(options, 'noFollow');
  const noFollow = boolean('noFollow', options.noFollow ?? false);
  const flags = AT_STATX_SYNC_AS_STAT | (noFollow ? AT_SYMLINK_NOFOLLOW : 0);
  const bytes = new Uint8Array(paths.length * STATX_BYTES);
  const results = new Int32Array(paths.length);
  let next = 0;
  let failures = 0;
  const worker = async (): Promise<void> => {
    using job = new Job();
    while (next < paths.length) {
      if (signal?.aborted) throw abortError(signal);
      const first = next;
      const count = Math.min(JOB_PATHS, paths.length - first);
      next += count;
      // The other worker counts meanwhile: nothing is read before the wait.
      const failed = await job.run(paths, first, count, flags);
      failures += failed;
      job.copyTo(bytes, results, first, count);
    }
  };
  // What a job needs is checked before any of it begins.
  for (const [index, path] of paths.entries()) {
    if (typeof path !== 'string' || path.includes('\0')) pathBytes(`paths[${index}]`, path);
  }
  const workers = Array.from({ length: JOBS_AT_ONCE }, worker);
  for (const ended of await Promise.allSettled(workers)) {
    if (ended.status === 'rejected') throw ended.reason;
  }
  return new StatBatch(paths, bytes, results, failures);
}

/** Memory for a job: packed paths, answers, and a result for each. */
class Job implements Disposable {
  readonly #paths = Mapping.anonymous({ size: JOB_PATHS * PATH_BYTES });
  readonly #answers = Mapping.anonymous({ size: JOB_PATHS * (STATX_BYTES + RESULT_BYTES) });

  async run(
    paths: readonly PathLike[],
    first: number,
    count: number,
    flags: number,
  ): Promise<number> {
    const packed = Buffer.from(this.#paths.bytes.buffer);
    let at = 0;
    for (let index = first; index < first + count; index++) {
      const path = paths[index] as PathLike;
      if (typeof path === 'string') {
        at += packed.write(path, at, PATH_BYTES - 1);
        packed[at++] = 0;
      } else {
        const bytes = pathBytes(`paths[${index}]`, path);
        packed.set(bytes, at);
        at += bytes.length;
      }
    }
    this.#answers.bytes.fill(0, 0, count * (STATX_BYTES + RESULT_BYTES));
    const mask = STATX_ALL | STATX_DIOALIGN;
    return await poolStatx(this.#paths, count, flags, mask, this.#answers);
  }

  copyTo(bytes: Uint8Array, results: Int32Array, first: number, count: number): void {
    const answers = this.#answers.bytes;
    bytes.set(answers.subarray(0, count * STATX_BYTES), first * STATX_BYTES);
    results.set(new Int32Array(answers.buffer, count * STATX_BYTES, count), first);
  }

  [Symbol.dispose](): void {
    this.#paths.dispose();
    this.#answers.dispose();
  }
}
