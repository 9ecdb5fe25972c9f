/**
 * System calls that may wait for a device, made by a helper thread of libuv's pool: what io_uring
 * has no operation for, and all of it where io_uring is refused.
 */
import { AT_FDCWD } from '../abi.js';
import { abortError, check } from '../errors.js';
import type { Descriptor } from '../fd/fd.js';
import type { Mapping } from '../memory/mapping.js';
import type { PoolDone } from '../native/pool.js';
import { native } from '../native.js';

/** A helper thread has these numbers: they are kept from others until it is done. */
export function holdOpen(descriptors: readonly Descriptor[]): () => void {
  for (const descriptor of descriptors) descriptor.inFlight++;
  return () => {
    for (const descriptor of descriptors) {
      if (--descriptor.inFlight > 0) continue;
      const { onIdle } = descriptor;
      descriptor.onIdle = undefined;
      onIdle?.();
    }
  };
}

/** A thread that has begun cannot be stopped: `signal` counts before it has. */
function onThread(
  descriptors: readonly Descriptor[],
  signal: AbortSignal | undefined,
  begin: (done: PoolDone) => number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortError(signal));
      return;
    }
    const letGo = holdOpen(descriptors);
    const started = begin((result) => {
      letGo();
      resolve(result);
    });
    if (started === 0) return;
    letGo();
    resolve(started);
  });
}

/** Any system call with integer arguments; resolves with its result, or `-errno`. */
export function poolSyscall(
  descriptors: readonly Descriptor[],
  number: number,
  integers: readonly number[],
  signal?: AbortSignal,
): Promise<number> {
  return onThread(descriptors, signal, (done) => native.poolSyscall(done, number, ...integers));
}

/** copy_file_range(2); resolves with the bytes copied, or `-errno`. */
export function poolCopyFileRange(
  source: Descriptor,
  sourceOffset: number,
  target: Descriptor,
  targetOffset: number,
  length: number,
): Promise<number> {
  return onThread([source, target], undefined, (done) =>
    native.poolCopyFileRange(done, source.fd, sourceOffset, target.fd, targetOffset, length),
  );
}

/** splice(2); resolves with the bytes moved, or `-errno`. */
export function poolSplice(
  source: Descriptor,
  sourceOffset: number,
  target: Descriptor,
  targetOffset: number,
  length: number,
  flags: number,
): Promise<number> {
  return onThread([source, target], undefined, (done) =>
    native.poolSplice(done, source.fd, sourceOffset, target.fd, targetOffset, length, flags),
  );
}

/** sendfile(2); resolves with the bytes moved, or `-errno`. */
export function poolSendfile(
  target: Descriptor,
  source: Descriptor,
  offset: number,
  length: number,
): Promise<number> {
  return onThread([source, target], undefined, (done) =>
    native.poolSendfile(done, target.fd, source.fd, offset, length),
  );
}

/**
 * pwritev2(2) of bytes of a mapping, which stays mapped as long; resolves with the bytes written,
 * or `-errno`.
 */
export function poolWrite(
  file: Descriptor,
  source: Mapping,
  at: number,
  length: number,
  offset: number,
  flags: number,
): Promise<number> {
  return onThread([file], undefined, (done) =>
    native.poolWrite(done, file.fd, source.region, at, length, offset, flags),
  );
}

/**
 * openat2(2) of `path`, without a zero in it, from `directory` or the current one; resolves with
 * an owned number, or `-errno`.
 */
export function poolOpenat2(
  directory: Descriptor | undefined,
  path: Uint8Array,
  flags: number,
  mode: number,
  resolve: number,
): Promise<number> {
  const from = directory?.fd ?? AT_FDCWD;
  return onThread(directory === undefined ? [] : [directory], undefined, (done) =>
    native.poolOpenat2(done, from, path, flags, mode, resolve),
  );
}

/** getdents64(2) into a mapping; resolves with its bytes, 0 at the end, or `-errno`. */
export function poolGetdents64(directory: Descriptor, into: Mapping): Promise<number> {
  return onThread([directory], undefined, (done) =>
    native.poolGetdents64(done, directory.fd, into.region, 0, into.size),
  );
}

/** statx(2) of `count` packed paths; resolves with how many failed. */
export async function poolStatx(
  paths: Mapping,
  count: number,
  flags: number,
  mask: number,
  answers: Mapping,
): Promise<number> {
  const failures = await onThread([], undefined, (done) =>
    native.poolStatx(done, AT_FDCWD, paths.region, count, flags, mask, answers.region),
  );
  return check(failures, 'statx');
}
