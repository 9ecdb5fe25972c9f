/** A path as the kernel reads it: UTF-8 (or bytes as they are) with a zero at the end. */
import { fileURLToPath } from 'node:url';
import { invalidType, invalidValue } from './validate.js';

export type PathLike = string | Uint8Array | URL;

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
