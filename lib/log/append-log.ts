/** A log that records are appended to, and that is whole again after whatever ended its process. */
import { resolve } from 'node:path';
import { abortError } from '../errors.js';
import type { FileCalls } from '../fs/calls.js';
import { calls } from '../fs/choose.js';
import { pathBytes, shownPath } from '../path.js';
import { abortSignal, bytesView, integer, invalidType, onlyKeys, outOfRange } from '../validate.js';
import { Committer } from './committer.js';
import { closedLog } from './errors.js';
import { Folder } from './folder.js';
import { RECORD_BYTES_MAX } from './layout.js';
import { type AppendLogOptions, planLog } from './options.js';
import { type LogRecord, readRecords } from './records.js';
import { type Segment, Segments } from './segments.js';

/** Bytes of a record, or parts that become one. */
export type RecordBytes = ArrayBufferView | readonly ArrayBufferView[];

export interface AppendOptions {
  /** Gives up while the record waits for room; once it has been copied it will be written. */
  signal?: AbortSignal;
}

export interface RecordsOptions {
  /** Sequence number to begin with. Default: the first that is there. */
  from?: number;
  signal?: AbortSignal;
}

/**
 * A durable log of records, numbered from 1, in a folder of its own. Only one can have it open.
 *
 * With `sync: 'each'`, the default, a record whose `append` has resolved is found again, unchanged
 * and in its place, after `kill -9` and after a power failure, as far as the disk keeps its word.
 * Records whose `append` has not resolved may be found or not; never half of one.
 */
export class AppendLog implements AsyncDisposable {
  readonly path: string;
  readonly #calls: FileCalls;
  readonly #segments: Segments;
  readonly #committer: Committer;
  #closing: Promise<void> | undefined = undefined;

  private constructor(path: string, now: FileCalls, segments: Segments, committer: Committer) {
    this.path = path;
    this.#calls = now;
    this.#segments = segments;
    this.#committer = committer;
  }

  /**
   * Opens the log in the folder `path`, which is made where there is none. A write that a crash cut
   * off is cut away, and all that is left is durable when the promise resolves.
   *
   * Rejects with a LogLockedError where the log is open already, and with a LogCorruptError that
   * says where it is damaged: then nothing has been changed. What looks like a torn write is taken
   * for one unless something behind it proves that it had been durable; the last records before a
   * crash, until the log is opened again, have no such proof.
   *
   * @errno ENOENT the folder that `path` would be in does not exist
   * @kernel 3.15 for the lock; io_uring from 5.6, helper threads where it cannot be used
   * @man fdatasync(2)
   */
  static async open(path: string | URL, options: AppendLogOptions = {}): Promise<AppendLog> {
    if (ArrayBuffer.isView(path)) throw invalidType('path', 'a string or a file: URL', path);
    pathBytes('path', path);
    const plan = planLog(options);
    const now = calls();
    // Its files are found by name later, when the working folder may be another.
    const shown = resolve(shownPath(path));
    const folder = await Folder.open(shown, now);
    try {
      const segments = await Segments.open(folder, now, plan.verifyAll);
      return new AppendLog(shown, now, segments, new Committer(segments, now, plan));
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** Sequence number of the last record that was appended; one less than the first, where none. */
  get sequence(): number {
    return this.#segments.next - 1;
  }

  /** Of the first record that is there, or would be. */
  get firstSequence(): number {
    return this.#segments.first;
  }

  /** Of the last record that is known to be durable. */
  get durableSequence(): number {
    return this.#segments.durableNext - 1;
  }

  /** Bytes of the files, with what is between the records. */
  get bytes(): number {
    return this.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Its files, the oldest first; the last is the one written to. */
  get segments(): readonly Segment[] {
    return this.#segments.list();
  }

  /** Bytes of records that wait to be written: what to look at before appending more. */
  get pendingBytes(): number {
    return this.#committer.pendingBytes;
  }

  /** Bytes of a torn write that were cut off when the log was opened. */
  get cutBytes(): number {
    return this.#segments.cutBytes;
  }

  /** Why no record can be appended any more: only opening the log again helps. */
  get failure(): Error | undefined {
    return this.#committer.failure;
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /**
   * Appends a record of up to 64 MiB; resolves with its sequence number when it is durable, or
   * written, by the log's `sync`. Records get their places in the order of the calls.
   *
   * The bytes are copied at once, or when there is room again: `options.bufferBytes` are written
   * and as many more wait. Until the promise settles they must not change.
   *
   * Rejects with a LogWriteError, whose `outcome` says what has become of the record. After ENOSPC
   * the log is as it was before and can be used; after any other failure it has failed for good,
   * since the kernel forgets what it could not write.
   *
   * @errno ENOSPC there is no room
   * @errno EIO the disk failed
   * @man fdatasync(2)
   */
  append(record: RecordBytes, options: AppendOptions = {}): Promise<number> {
    const parts = partsOf(record);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    integer('record.byteLength', length, 0, RECORD_BYTES_MAX);
    onlyKeys('options', options, ['signal']);
    const signal = abortSignal('signal', options.signal);
    if (this.closed) return Promise.reject(closedLog());
    if (signal?.aborted) return Promise.reject(abortError(signal));
    return new Promise((done, reject) => {
      this.#committer.append({ parts, length, resolve: done, reject }, signal);
    });
  }

  /**
   * Resolves when all that was appended before is durable, whatever the log's `sync`.
   *
   * @errno EIO the disk failed: the log has failed for good
   * @man fdatasync(2)
   */
  sync(): Promise<void> {
    return this.closed ? Promise.reject(closedLog()) : this.#committer.sync();
  }

  /**
   * Reads the records that were appended before the first one is asked for. Their bytes are copies.
   *
   * Throws a LogCorruptError where one is damaged.
   */
  records(options: RecordsOptions = {}): AsyncGenerator<LogRecord, void, undefined> {
    onlyKeys('options', options, ['from', 'signal']);
    const signal = abortSignal('signal', options.signal);
    const first = this.firstSequence;
    const from = integer('from', options.from ?? first, 1, Number.MAX_SAFE_INTEGER);
    if (from < first) throw outOfRange('from', `>= ${first}: those before were dropped`, from);
    if (this.closed) throw closedLog();
    return readRecords(this.#calls, this.#segments, from, signal);
  }

  /** Removes the segments all of whose records come before `sequence`, durably. */
  dropBefore(sequence: number): Promise<void> {
    integer('sequence', sequence, 1, Number.MAX_SAFE_INTEGER);
    return this.closed ? Promise.reject(closedLog()) : this.#segments.dropBefore(sequence);
  }

  /**
   * Waits for what was appended, makes it durable and closes the log; a second call waits for the
   * first. Rejects where records that had been accepted without a sync may be lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#committer.close();
    } finally {
      await this.#segments.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function partsOf(record: RecordBytes): readonly Uint8Array[] {
  if (!Array.isArray(record)) return [asBytes('record', record)];
  return record.map((part, index) => asBytes(`record[${index}]`, part));
}

function asBytes(name: string, value: unknown): Uint8Array {
  if (typeof value === 'string') throw invalidType(name, 'bytes: Buffer.from(text)', value);
  const { buffer, byteOffset, byteLength } = bytesView(name, value);
  return new Uint8Array(buffer, byteOffset, byteLength);
}
