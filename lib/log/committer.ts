/** Writes batches, one at a time: what comes meanwhile shares the next write and its sync. */
import { SystemError, systemError } from '../errors.js';
import type { FileCalls } from '../fs/calls.js';
import { about } from '../fs/failure.js';
import type { Batch, Entry } from './batch.js';
import { LogWriteError, type WriteFailure } from './errors.js';
import { Intake } from './intake.js';
import type { LogPlan } from './options.js';
import type { Segments } from './segments.js';
import { writeFully } from './write-fully.js';

interface SyncWaiter {
  resolve(): void;
  reject(error: unknown): void;
}

export class Committer {
  readonly #segments: Segments;
  readonly #calls: FileCalls;
  readonly #plan: LogPlan;
  readonly #intake: Intake;
  #syncs: SyncWaiter[] = [];
  #running: Promise<void> | undefined = undefined;
  #timer: NodeJS.Timeout | undefined = undefined;
  /** The time of `everyMs` has come. */
  #due = false;
  /** Why nothing can be appended any more. */
  failure: WriteFailure | undefined = undefined;

  constructor(segments: Segments, calls: FileCalls, plan: LogPlan) {
    this.#segments = segments;
    this.#calls = calls;
    this.#plan = plan;
    this.#intake = new Intake(plan.bufferBytes);
  }

  get pendingBytes(): number {
    return this.#intake.bytes;
  }

  append(entry: Entry, signal: AbortSignal | undefined): void {
    if (this.failure !== undefined) {
      entry.reject(new LogWriteError(this.failure, 'absent'));
      return;
    }
    this.#intake.add(entry, signal);
    this.#start();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) {
        reject(new LogWriteError(this.failure, 'unknown'));
        return;
      }
      this.#syncs.push({ resolve, reject });
      this.#start();
    });
  }

  /** Writes what is left, and a mark that proves it to be durable. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    clearTimeout(this.#timer);
    this.#intake.free();
    try {
      if (this.failure === undefined) {
        await this.#syncNow();
        if (!this.#segments.marked) await this.#segments.mark();
      }
    } catch (error) {
      this.failure = error as WriteFailure;
    }
    // Whoever appended without a sync has been told that all was well.
    if (this.failure !== undefined && !this.#plan.everyCommit) {
      throw new LogWriteError(this.failure, 'unknown');
    }
  }

  #start(): void {
    // When all that run now have had their turn: what they append goes down together.
    this.#running ??= new Promise((resolve) => process.nextTick(resolve)).then(() => this.#run());
  }

  async #run(): Promise<void> {
    while (!this.#intake.empty || this.#syncs.length > 0 || this.#due) {
      await this.#commit().catch((error: WriteFailure) => this.#told(error));
      // Those who have just been answered may have more to say, which then shares the next one.
      await new Promise((resolve) => process.nextTick(resolve));
    }
    this.#running = undefined;
  }

  async #commit(): Promise<void> {
    const syncs = this.#syncs;
    this.#syncs = [];
    const batch = this.#intake.take();
    const sync = this.#plan.everyCommit || this.#due || syncs.length > 0;
    const first = this.#segments.next;
    try {
      if (batch.count > 0) await this.#write(batch, sync);
      else await this.#syncNow();
      for (const [index, { resolve }] of batch.waiters.entries()) resolve(first + index);
      for (const { resolve } of syncs) resolve();
    } catch (error) {
      const told = this.#told(error as WriteFailure);
      for (const { reject } of batch.waiters) reject(told);
      for (const { reject } of syncs) reject(told);
    }
    if (sync) this.#due = false;
    this.#intake.giveBack(batch);
    this.#watchTheTime();
  }

  /** What waiters get to know: unless the log could be put right, it has failed. */
  #told(error: WriteFailure): LogWriteError {
    if (error instanceof LogWriteError) return error;
    this.failure = error;
    this.#due = false;
    clearTimeout(this.#timer);
    this.#intake.rejectAll(new LogWriteError(error, 'absent'));
    const told = new LogWriteError(error, 'unknown');
    for (const { reject } of this.#syncs.splice(0)) reject(told);
    return told;
  }

  async #write(batch: Batch, sync: boolean): Promise<void> {
    const segments = this.#segments;
    const full = segments.position + batch.used > this.#plan.segmentBytes;
    if (full && segments.next > segments.active.header.first) await this.#nextSegment();
    const { position, next: first, durable } = segments;
    const { file, path, header } = segments.active;
    const bytes = batch.seal({ position, first, seed: header.seed, durable });
    // As a rule all before it is durable, so that one operation does both.
    const what = !sync ? 'none' : durable === position ? 'written' : 'file';
    const { written, synced } = await writeFully(this.#calls, { file, bytes, position }, what);
    if (written < 0) await this.#cutBack(systemError(written, 'write', { path }));
    // After this the kernel may take pages for clean that are not on the disk: asking it again
    // would be answered with a success that means nothing.
    if (sync && synced < 0) throw systemError(synced, 'fdatasync', { path });
    segments.wrote(bytes.length, batch.count);
    if (sync) segments.proven();
  }

  /** A write failed that began at the log's end: throws, whether all is as it was before or not. */
  async #cutBack(error: SystemError): Promise<never> {
    if (!SystemError.is(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) throw error;
    const { active, position } = this.#segments;
    try {
      await this.#calls.ftruncate(active.file, position, undefined);
      await this.#calls.fsync(active.file, true, undefined);
    } catch {
      throw error;
    }
    this.#segments.proven();
    throw new LogWriteError(error, 'absent');
  }

  async #nextSegment(): Promise<void> {
    const segments = this.#segments;
    await this.#syncNow();
    const made = await segments.create().catch((error: WriteFailure) => {
      throw new LogWriteError(error, 'absent');
    });
    await segments.begin(made);
  }

  async #syncNow(): Promise<void> {
    const { active, durable, position } = this.#segments;
    if (durable === position) return;
    const { file, path } = active;
    const syncing = this.#calls.fsync(file, true, undefined);
    await about(syncing, { syscall: 'fdatasync', path });
    this.#segments.proven();
  }

  #watchTheTime(): void {
    const { durable, position } = this.#segments;
    const { everyMs } = this.#plan;
    if (everyMs === 0 || durable === position || this.failure !== undefined) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#due = true;
      this.#start();
    }, everyMs);
  }
}
