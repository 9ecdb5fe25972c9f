/** Records on their way in: those that are copied, and those that wait for room. */
import { abortError } from '../errors.js';
import { Batch, type Entry } from './batch.js';
import { frameBytes } from './layout.js';

interface Held extends Entry {
  readonly signal: AbortSignal | undefined;
  readonly onAbort: () => void;
}

export class Intake {
  readonly #capacity: number;
  readonly #idle: Batch[] = [];
  /** In the order in which they came. */
  readonly #held = new Set<Held>();
  #filling: Batch;
  #taken: Batch | undefined = undefined;
  #heldBytes = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#filling = new Batch(capacity);
    this.#idle.push(new Batch(capacity));
  }

  /** Bytes of records, framed, that have not been written. */
  get bytes(): number {
    return this.#heldBytes + this.#filling.used + (this.#taken?.used ?? 0);
  }

  get empty(): boolean {
    return this.#filling.count === 0 && this.#held.size === 0;
  }

  /** Copies the record, or holds on to its bytes until there is room. */
  add(entry: Entry, signal: AbortSignal | undefined): void {
    if (this.#held.size === 0 && this.#filling.has(entry.length)) {
      this.#filling.add(entry);
      return;
    }
    const held = {
      ...entry,
      signal,
      onAbort: (): void => {
        this.#letGo(held);
        held.reject(abortError(signal as AbortSignal));
      },
    };
    signal?.addEventListener('abort', held.onAbort, { once: true });
    this.#held.add(held);
    this.#heldBytes += frameBytes(held.length);
    this.#admit();
  }

  /** The records to be written next; `giveBack` comes before the next `take`. */
  take(): Batch {
    const taken = this.#filling;
    this.#taken = taken;
    this.#filling = this.#idle.pop() as Batch;
    this.#admit();
    return taken;
  }

  giveBack(batch: Batch): void {
    this.#taken = undefined;
    batch.clear();
    if (batch.capacity === this.#capacity) this.#idle.push(batch);
    else batch.free();
  }

  /** Turns everybody away who has not been taken. */
  rejectAll(error: unknown): void {
    for (const { reject } of this.#filling.waiters) reject(error);
    this.#filling.clear();
    for (const held of this.#held) {
      this.#letGo(held);
      held.reject(error);
    }
  }

  free(): void {
    for (const batch of [this.#filling, ...this.#idle]) batch.free();
    this.#idle.length = 0;
  }

  #admit(): void {
    for (const held of this.#held) {
      if (!this.#filling.has(held.length)) {
        // One that fits into no batch gets one to itself, when it is its turn.
        if (this.#filling.count > 0) return;
        this.#letGo(held);
        this.#alone(held);
      } else {
        this.#letGo(held);
        this.#filling.add(held);
      }
    }
  }

  #alone(held: Held): void {
    try {
      const own = new Batch(frameBytes(held.length));
      own.add(held);
      // Detached meanwhile, it has been turned away.
      if (own.count === 0) own.free();
      else {
        this.#idle.push(this.#filling);
        this.#filling = own;
      }
    } catch (error) {
      // There is no memory for it.
      held.reject(error);
    }
  }

  #letGo(held: Held): void {
    this.#held.delete(held);
    this.#heldBytes -= frameBytes(held.length);
    held.signal?.removeEventListener('abort', held.onAbort);
  }
}
