/** An ordered index in memory that is durable: found by key, read in order, there after a crash. */
import { join } from 'node:path';
import { mkdir } from 'nearmetal/fs';
import { AppendLog } from 'nearmetal/log';
import { CHECKPOINT_MARK } from './disk/changes.js';
import { writeCheckpoint } from './disk/checkpoint-writer.js';
import { Commits } from './disk/commits.js';
import { type Recovered, recover } from './disk/recovery.js';
import { refuse } from './errors.js';
import { type Loaded, load } from './load.js';
import { type Bytes, VALUE_BYTES_MAX } from './memory/records.js';
import { type IndexOptions, type Plan, planOf } from './options.js';
import {
  checkRange,
  type Entry,
  entriesOf,
  type PrefixOptions,
  type RangeOptions,
  rangeOfPrefix,
  walk,
} from './range.js';
import { Store } from './store.js';

/** Gets the memory, and where in it key and value begin and the value ends; false ends the scan. */
export type Visitor = (
  bytes: Buffer,
  key: number,
  value: number,
  end: number,
) => boolean | undefined | undefined;

const checkpointPath = (directory: string): string => join(directory, 'checkpoint');

/** Opens the index in `directory`, with all that was durable there. */
export function open(options: IndexOptions): Promise<OrderedIndex> {
  return OrderedIndex.open(planOf(options));
}

export class OrderedIndex implements AsyncDisposable {
  /** What was there when it was opened. */
  readonly recovered: Recovered;
  /** Why a checkpoint that nobody waited for failed; the next one may go well. */
  checkpointFailure: Error | undefined = undefined;
  private readonly plan: Plan;
  private readonly store: Store;
  private readonly log: AppendLog;
  private readonly commits: Commits;
  private checkpointing: Promise<void> | undefined = undefined;
  private closing: Promise<void> | undefined = undefined;
  private loading = false;
  /** Bytes of the log after the last checkpoint. */
  private checkpointedAt = 0;
  private due = false;

  private constructor(plan: Plan, store: Store, log: AppendLog, recovered: Recovered) {
    this.plan = plan;
    this.store = store;
    this.log = log;
    this.recovered = recovered;
    this.commits = new Commits(log);
    this.commits.onCommit = () => this.checkpointIfDue();
  }

  static async open(plan: Plan): Promise<OrderedIndex> {
    await mkdir(plan.directory, { recursive: true });
    // Its lock is the lock of all that is in the directory.
    const log = await AppendLog.open(join(plan.directory, 'log'), {
      sync: plan.sync,
      segmentBytes: segmentBytes(plan.checkpointBytes),
    });
    let store: Store | undefined;
    try {
      store = new Store(plan.memory, plan.pageSize);
      const recovered = await recover(checkpointPath(plan.directory), log, store);
      return new OrderedIndex(plan, store, log, recovered);
    } catch (error) {
      store?.close();
      await log.close();
      throw error;
    }
  }

  /** Entries that there are. */
  get count(): number {
    return this.store.count;
  }

  /** Bytes in use of the memory that it has. */
  get bytes(): number {
    return this.store.blocks.inUse;
  }

  /** What pages the memory is on: '2MiB', 'transparent' or 'ordinary'. */
  get backing(): string {
    return this.store.pages.mapping.backing;
  }

  /** Why the memory is not on the pages that were asked for. */
  get fallback(): string | undefined {
    return this.store.pages.fallback;
  }

  /** Why nothing can be changed any more. */
  get failure(): Error | undefined {
    return this.commits.failure;
  }

  /** Bytes of the log, which a checkpoint makes short. */
  get logBytes(): number {
    return this.log.bytes;
  }

  /** A copy of the value; undefined where there is none. */
  get(key: Bytes): Buffer | undefined {
    const place = this.opened().find(key);
    return place === 0 ? undefined : this.store.records.value(place);
  }

  /** As `get`, in place: the bytes are those of the value until the next change. */
  view(key: Bytes): Buffer | undefined {
    const place = this.opened().find(key);
    return place === 0 ? undefined : this.store.records.valueView(place);
  }

  has(key: Bytes): boolean {
    return this.opened().find(key) !== 0;
  }

  /**
   * Sets a value. It is seen at once; when the promise resolves it is durable, by `sync`.
   *
   * Rejects with an IndexFullError where memory has no room: then nothing has been changed.
   */
  put(key: Bytes, value: Bytes): Promise<void> {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    if (bytes.length > VALUE_BYTES_MAX) {
      refuse('value', `at most ${VALUE_BYTES_MAX} bytes long`, `${bytes.length} bytes`);
    }
    const refusal = this.refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const { store } = this;
    const { records, key: staged } = store;
    try {
      store.put(key, bytes);
    } catch (error) {
      if (error instanceof RangeError) throw error;
      return Promise.reject(error);
    }
    const length = records.keyLength(staged);
    return this.commits.put(records.bytes, records.keyStart(staged), length, bytes);
  }

  /** Removes a key; resolves when that is durable, with whether there was one. */
  async delete(key: Bytes): Promise<boolean> {
    const refusal = this.refusal();
    if (refusal !== undefined) throw refusal;
    const { records, key: staged } = this.store;
    if (!this.store.delete(key)) return false;
    const length = records.keyLength(staged);
    await this.commits.delete(records.bytes, records.keyStart(staged), length);
    return true;
  }

  /**
   * Copies of the entries of a range. The index may change meanwhile: what was given out was there,
   * and what comes later is looked at later.
   */
  range(options: RangeOptions = {}): IterableIterator<Entry> {
    return entriesOf(this.opened(), checkRange(options));
  }

  /** Copies of the entries whose keys begin with `prefix`. */
  prefix(prefix: Bytes, options: PrefixOptions = {}): IterableIterator<Entry> {
    return this.range({ ...options, ...rangeOfPrefix(prefix) });
  }

  /** As `range`, in place and without an object for each entry. `visit` must change nothing. */
  scan(options: RangeOptions, visit: Visitor): void {
    const { tree, records } = this.opened();
    let left = checkRange(options).limit ?? Number.POSITIVE_INFINITY;
    if (left === 0) return;
    walk(tree, records, options, (place) => {
      const value = records.valueStart(place);
      const end = value + records.valueLength(place);
      if (visit(records.bytes, records.keyStart(place), value, end) === false) return false;
      return --left > 0;
    });
  }

  /**
   * Fills an empty index with entries in the order of their keys, all of them or none; resolves
   * with how many when they are durable. Until then nothing else can be changed, and what is read
   * is a part.
   */
  async bulkLoad(entries: Iterable<Loaded> | AsyncIterable<Loaded>): Promise<number> {
    const refusal = this.refusal();
    if (refusal !== undefined) throw refusal;
    if (this.count > 0) throw invalidState('the index has entries: only an empty one is loaded');
    this.loading = true;
    try {
      // A checkpoint that has begun before must not have a part of it.
      await this.checkpointing?.catch(() => undefined);
      await load(this.store, entries);
      await this.checkpoint();
      return this.count;
    } catch (error) {
      this.store.clear();
      throw error;
    } finally {
      this.loading = false;
    }
  }

  /** Writes all that there is into one file and makes the log short; changes go on meanwhile. */
  checkpoint(): Promise<void> {
    this.opened();
    const before = this.checkpointing ?? Promise.resolve();
    const running = before.then(
      () => this.writeCheckpoint(),
      () => this.writeCheckpoint(),
    );
    this.checkpointing = running;
    running.catch(() => undefined);
    return running;
  }

  /** Makes durable what is not, and gives everything back; a second call waits for the first. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private opened(): Store {
    if (this.closing === undefined) return this.store;
    throw invalidState('the index has been closed');
  }

  /** Why nothing can be changed now. */
  private refusal(): Error | undefined {
    if (this.closing !== undefined) return invalidState('the index has been closed');
    if (this.loading) return invalidState('the index is being loaded');
    return this.commits.failure;
  }

  private async writeCheckpoint(): Promise<void> {
    const { directory } = this.plan;
    // What is durable by now has been done in memory before.
    const sequence = this.log.durableSequence;
    await writeCheckpoint(directory, checkpointPath(directory), this.store, sequence, async () => {
      await this.commits.flush();
      await this.log.sync();
    });
    await this.log.append(CHECKPOINT_MARK);
    await this.log.dropBefore(sequence + 1);
    this.checkpointedAt = this.log.bytes;
  }

  private checkpointIfDue(): void {
    const { checkpointBytes } = this.plan;
    if (checkpointBytes === 0 || this.due || this.closing !== undefined) return;
    if (this.log.bytes - this.checkpointedAt < checkpointBytes) return;
    this.due = true;
    this.checkpoint()
      .then(
        () => {
          this.checkpointFailure = undefined;
        },
        (error) => {
          this.checkpointFailure = error;
          this.checkpointedAt = this.log.bytes;
        },
      )
      .finally(() => {
        this.due = false;
      });
  }

  private async end(): Promise<void> {
    await this.commits.flush().catch(() => undefined);
    await this.checkpointing?.catch(() => undefined);
    try {
      await this.log.close();
    } finally {
      this.store.close();
    }
  }
}

/** A few segments to a checkpoint, which removes those that it stands for. */
function segmentBytes(checkpointBytes: number): number {
  const most = 64 * 2 ** 20;
  if (checkpointBytes === 0) return most;
  return Math.min(most, Math.max(2 ** 20, Math.ceil(checkpointBytes / 4)));
}

function invalidState(message: string): TypeError {
  return Object.assign(new TypeError(message), { code: 'ERR_INVALID_STATE' });
}
