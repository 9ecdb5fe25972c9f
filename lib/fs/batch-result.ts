/** What became of a batch: a number for each operation, and an error where one is asked for. */
import { systemError } from '../errors.js';

export class BatchResult {
  /** For each operation the bytes moved, which may be fewer than asked, or `-errno`. */
  readonly results: Int32Array;
  /** How many failed. */
  readonly failures: number;
  /** Bytes moved by all of them. */
  readonly bytes: number;
  readonly #syscall: string;
  readonly #path: string;

  /** @internal */
  constructor(results: Int32Array, syscall: string, path: string) {
    this.results = results;
    let failures = 0;
    let bytes = 0;
    for (const result of results) {
      if (result < 0) failures++;
      else bytes += result;
    }
    this.failures = failures;
    this.bytes = bytes;
    this.#syscall = syscall;
    this.#path = path;
  }

  /** The error of an operation that failed; undefined of one that did not. */
  error(index: number): Error | undefined {
    const result = this.results[index];
    if (result === undefined || result >= 0) return undefined;
    return systemError(result, this.#syscall, this.#path === '' ? {} : { path: this.#path });
  }
}
