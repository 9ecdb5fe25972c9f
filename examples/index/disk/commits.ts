/** Group commit: changes that come while others are being made durable share the next record. */
import type { AppendLog } from 'nearmetal/log';
import { Batch } from './changes.js';

/** Of one record; what comes beyond goes into another at once. */
const BATCH_BYTES_MAX = 1 << 20;

export class Commits {
  private readonly log: AppendLog;
  private batch = new Batch();
  private readonly spare: Batch[] = [];
  /** What all callers of the batch that is being filled have been given. */
  private promise: Promise<void> | undefined = undefined;
  /** Of the last batch, which is durable when all before it are. */
  private latest: Promise<void> = Promise.resolve();
  private resolve: () => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;
  private inFlight = 0;
  /** Why nothing can be changed any more. */
  failure: Error | undefined = undefined;
  onCommit: () => void = () => undefined;

  constructor(log: AppendLog) {
    this.log = log;
  }

  put(source: Uint8Array, keyStart: number, keyLength: number, value: Uint8Array): Promise<void> {
    this.batch.put(source, keyStart, keyLength, value);
    return this.joined();
  }

  delete(source: Uint8Array, keyStart: number, keyLength: number): Promise<void> {
    this.batch.delete(source, keyStart, keyLength);
    return this.joined();
  }

  /** Resolves when all that came before is durable; rejects when it is not known to be. */
  async flush(): Promise<void> {
    await this.latest;
    if (this.failure !== undefined) throw this.failure;
  }

  private joined(): Promise<void> {
    let { promise } = this;
    if (promise === undefined) {
      promise = new Promise((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
      });
      this.promise = promise;
      this.latest = promise;
      // What comes until then in this turn shares it.
      if (this.inFlight === 0) queueMicrotask(() => this.send());
    }
    if (this.batch.length > BATCH_BYTES_MAX) this.send();
    return promise;
  }

  private send(): void {
    const { batch, resolve, reject } = this;
    if (this.promise === undefined) return;
    this.promise = undefined;
    this.batch = this.spare.pop() ?? new Batch();
    if (this.failure !== undefined) {
      batch.clear();
      this.spare.push(batch);
      reject(this.failure);
      return;
    }
    this.inFlight++;
    const settle = (): void => {
      this.inFlight--;
      batch.clear();
      this.spare.push(batch);
      this.send();
    };
    this.log.append(batch.written).then(
      () => {
        settle();
        resolve();
        this.onCommit();
      },
      (error) => {
        this.failure ??= new Error(
          `the index takes no more changes, open it again: ${(error as Error).message}`,
          { cause: error },
        );
        settle();
        reject(this.failure);
      },
    );
  }
}
