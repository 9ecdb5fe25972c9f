/** A ring as liburing has it: entries filled by hand, completions taken one by one. */
import { OPCODES } from '../../features/tables.js';
import { Mapping } from '../../memory/mapping.js';
import { bytesView, integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import { closedError } from '../closed.js';
import { opcodeOf } from '../ops/async-cancel.js';
import { planRing, type RingOptions } from '../options.js';
import { RawRing, type WaitLimits } from '../raw.js';
import { openRaw, type Queues } from '../setup.js';
import { highWord } from '../sqe.js';
import { Cqe } from './cqe.js';
import { SHAPES } from './shapes.js';
import { Sqe } from './sqe.js';

/** For what `wait` waits, and how long at most. */
export interface WaitOptions {
  /** Default 1. */
  count?: number;
  timeoutMs?: number;
}

/**
 * As a `RawRing`, whose entries are filled field by field. It is unsafe in that nobody but the
 * program knows which completion belongs to what, and whether descriptors are open; memory is named
 * by views of Mappings only, which stay mapped until the ring is closed.
 *
 * @kernel 5.11 for waits with a time limit (IORING_ENTER_EXT_ARG)
 * @man io_uring(7)
 */
export class UnsafeRing extends RawRing {
  readonly #sqe: Sqe;
  readonly #cqe = new Cqe();
  /** An entry has been given out that has not been checked. */
  #filling = false;

  private constructor(raw: Queues, enabled: boolean) {
    super(raw, enabled);
    this.#sqe = new Sqe(raw.submission.words, (mapping) => this.hold(mapping));
  }

  static override open(options: Omit<RingOptions, 'loop'> = {}): UnsafeRing {
    const plan = planRing({ ...options, loop: 'own' });
    return new UnsafeRing(openRaw(plan, false), plan.enabled);
  }

  /** Entries that are free. */
  get space(): number {
    return this.raw.submission.space;
  }

  /** Completions in the queue. */
  get ready(): number {
    return this.raw.completion.ready;
  }

  /**
   * The next entry, for an operation by its name in the kernel ('read', 'poll_add'); undefined when
   * the queue is full. The entry before it is checked first: one that names less memory than the
   * kernel would use is thrown away with an error, here or in `submit`.
   */
  getSqe(opcode: string): Sqe | undefined {
    if (this.closed) throw closedError();
    const code = opcodeOf('opcode', opcode);
    const shape = SHAPES[code];
    if (shape === undefined) {
      throw invalidValue('opcode', 'must be one whose memory can be checked here', opcode);
    }
    this.#check();
    const { submission } = this.raw;
    if (!submission.hasRoom(1)) return undefined;
    this.#filling = true;
    return this.#sqe.point(submission.reserve(), code, OPCODES[code]?.[0] ?? opcode, shape);
  }

  override submit(waitFor = 0, limits?: WaitLimits): number {
    this.#check();
    return super.submit(waitFor, limits);
  }

  /** The oldest completion, left in the queue until `seen`; undefined when there is none. */
  peek(): Cqe | undefined {
    if (this.closed) throw closedError();
    return this.raw.completion.peek(this.#cqe) ? this.#cqe : undefined;
  }

  /**
   * Submits what is queued and waits for a completion, or for `count`; undefined when the time is
   * over, or a signal came.
   */
  wait(options: WaitOptions = {}): Cqe | undefined {
    onlyKeys('options', options, ['count', 'timeoutMs']);
    const count = integer('count', options.count ?? 1, 1, 2 ** 31 - 1);
    const { timeoutMs } = options;
    if (this.ready >= count) this.submit();
    else this.submit(count, timeoutMs === undefined ? undefined : { timeoutMs });
    return this.peek();
  }

  /** Takes the oldest completion off the queue. */
  seen(): void {
    if (this.closed) throw closedError();
    if (!this.raw.completion.peek(this.#cqe)) throw new TypeError('there is no completion');
    this.raw.completion.seen();
  }

  /**
   * Writes the address of `target` into a structure that the kernel will read, such as an iovec.
   * Both are views of Mappings; what is around the address is the program's business.
   */
  putAddress(into: ArrayBufferView, byteOffset: number, target: ArrayBufferView): void {
    const place = bytesView('into', into);
    if (Mapping.of(place) === undefined) throw invalidType('into', 'a view of a Mapping', into);
    const view = bytesView('target', target);
    const mapping = Mapping.of(view);
    if (mapping === undefined) throw invalidType('target', 'a view of a Mapping', target);
    integer('byteOffset', byteOffset, 0, place.byteLength - 8);
    this.hold(mapping);
    const low = (mapping.addressLow >>> 0) + view.byteOffset;
    const data = new DataView(place.buffer, place.byteOffset, place.byteLength);
    data.setInt32(byteOffset, low | 0, true);
    data.setInt32(byteOffset + 4, mapping.addressHigh + highWord(low), true);
  }

  #check(): void {
    if (!this.#filling) return;
    this.#filling = false;
    try {
      this.#sqe.check();
    } catch (error) {
      this.raw.submission.takeBack(1);
      throw error;
    }
  }
}
