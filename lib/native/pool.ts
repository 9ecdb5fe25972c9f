/** System calls that helper threads make: what `native/pool.cc` exports. */

/** Called on the thread that asked, with the result or `-errno`. */
export type PoolDone = (result: number) => void;

/** Each answers 0 when it has been handed to a thread, or `-errno`. */
export interface PoolCalls {
  /** As `syscall`: integer arguments only. */
  poolSyscall(done: PoolDone, number: number, ...integers: number[]): number;
  /** Here and below, offsets of -1 are the descriptors' own positions. */
  poolCopyFileRange(
    done: PoolDone,
    source: number,
    sourceOffset: number,
    target: number,
    targetOffset: number,
    length: number,
  ): number;
  poolSplice(
    done: PoolDone,
    source: number,
    sourceOffset: number,
    target: number,
    targetOffset: number,
    length: number,
    flags: number,
  ): number;
  poolSendfile(
    done: PoolDone,
    target: number,
    source: number,
    offset: number,
    length: number,
  ): number;
  /** pwritev2(2) of `length` bytes of a region from `at` on. */
  poolWrite(
    done: PoolDone,
    fd: number,
    region: number,
    at: number,
    length: number,
    offset: number,
    flags: number,
  ): number;
  /** `path` needs no zero at its end. The descriptor is owned at once. */
  poolOpenat2(
    done: PoolDone,
    dirfd: number,
    path: Uint8Array,
    flags: number,
    mode: number,
    resolve: number,
  ): number;
  poolGetdents64(
    done: PoolDone,
    fd: number,
    region: number,
    offset: number,
    length: number,
  ): number;
  /**
   * statx(2) of each of `count` paths, which stand in region `paths` as terminated strings. Region
   * `answers` gets a `struct statx` for each, and behind all of them a 32-bit result for each. The
   * result of the whole is how many failed.
   */
  poolStatx(
    done: PoolDone,
    dirfd: number,
    paths: number,
    count: number,
    flags: number,
    mask: number,
    answers: number,
  ): number;
}
