/** A path as the kernel reads it: UTF-8 (or bytes as they are) with a zero at the end. */
import { fileURLToPath } from 'node:url';
import { AT_FDCWD } from '../../abi.js';
import { type FdLike, plainDescriptor } from '../../fd/fd.js';
import { invalidType, invalidValue } from '../../validate.js';
import { Operation, type OperationKind } from '../operation.js';
import { highWord } from '../sqe.js';

export type PathLike = string | Uint8Array | URL;

/** Where a relative path starts. */
export interface DirectoryOptions {
  /** An open directory that a relative path starts at. Default: the working directory. */
  dirfd?: FdLike;
}

/** PATH_MAX, with its terminating zero. */
const PATH_BYTES_MAX = 4096;

/** The path's bytes, terminated. */
export function pathBytes(name: string, value: unknown): Uint8Array {
  const bytes = rawBytes(name, value);
  if (bytes.includes(0)) throw invalidValue(name, 'must be without null bytes', value);
  if (bytes.length >= PATH_BYTES_MAX) {
    throw invalidValue(name, `must be shorter than ${PATH_BYTES_MAX} bytes`, value);
  }
  const terminated = new Uint8Array(bytes.length + 1);
  terminated.set(bytes);
  return terminated;
}

function rawBytes(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  if (value instanceof URL && value.protocol === 'file:') {
    return Buffer.from(pathOf(name, value));
  }
  throw invalidType(name, 'a string, a Uint8Array or a file: URL', value);
}

function pathOf(name: string, url: URL): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw invalidValue(name, 'must be a file: URL without a host and without encoded slashes', url);
  }
}

/** The path as it is shown in errors. */
export function shownPath(value: PathLike): string {
  if (typeof value === 'string') return value;
  return value instanceof URL ? fileURLToPath(value) : Buffer.from(value).toString();
}

/** An operation on a path that starts at `dirfd`, or at the working directory. */
export function inDirectory<Result>(
  of: OperationKind<Result>,
  name: string,
  dirfd: FdLike | undefined,
): Operation<Result> {
  if (dirfd !== undefined) return new Operation(of, plainDescriptor(name, dirfd));
  const operation = new Operation(of);
  operation.fd = AT_FDCWD;
  return operation;
}

/** Hands one path to the kernel, or two: the second where others have the file offset. */
export function withPaths<Result>(
  operation: Operation<Result>,
  first: Uint8Array,
  second?: Uint8Array,
): Operation<Result> {
  const total = first.length + (second?.length ?? 0);
  return operation.arguments(total, (self, block) => {
    block.bytes.set(first);
    self.addressLow = block.addressLow;
    self.addressHigh = block.addressHigh;
    if (second === undefined) return;
    block.bytes.set(second, first.length);
    const low = (block.addressLow >>> 0) + first.length;
    self.offsetLow = low | 0;
    self.offsetHigh = block.addressHigh + highWord(low);
  });
}
