/** What an end of a channel sends: in its order, and as soon as there is room. */
import type { Ring } from '../ring/ring.js';
import { outOfRange } from '../validate.js';
import { SLOTS, type Transit } from './channel-transit.js';
import { detached, type Encoded, encode, move } from './channel-values.js';
import { SharedError } from './errors.js';
import type { MessageProducer } from './message-producer.js';

/** Between two looks whether slots for descriptors are free. */
const SLOTS_POLL_MS = 1;

/** What waits for room. */
interface Waiting {
  readonly tag: number;
  readonly encoded: Encoded;
  settle(error?: Error): void;
}

const SENT: Promise<void> = Promise.resolve();

/** What a message was sent as; the number of a request goes above. */
export type Purpose = 0 | 1 | 2 | 3;
const PURPOSE_SHIFT = 2;
export const ID_SHIFT = 4;

export class Outbox {
  readonly #producer: MessageProducer;
  readonly #transit: Transit;
  readonly #wait: { ring?: Ring };
  readonly #failed: (error: Error) => void;
  readonly #waiting: Waiting[] = [];
  #error: Error | undefined;
  #flushing = false;

  /** @param failed called when nothing can be sent any more */
  constructor(
    producer: MessageProducer,
    transit: Transit,
    wait: { ring?: Ring },
    failed: (error: Error) => void,
  ) {
    this.#producer = producer;
    this.#transit = transit;
    this.#wait = wait;
    this.#failed = failed;
  }

  /** Messages that wait for room. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Sends at once, or not at all. */
  trySend(purpose: Purpose, id: number, value: unknown): boolean {
    const encoded = this.#encode(value);
    return this.#waiting.length === 0 && this.#put(tagOf(purpose, id, encoded), encoded);
  }

  /**
   * Sends at once, or when there is room. `withdraw`, if it is given, is handed a function that
   * takes the message back while it waits.
   */
  send(
    purpose: Purpose,
    id: number,
    value: unknown,
    withdraw?: (take: (error: Error) => void) => void,
  ): Promise<void> {
    let tag: number;
    let kept: Encoded;
    try {
      const encoded = this.#encode(value);
      tag = tagOf(purpose, id, encoded);
      if (this.#waiting.length === 0 && this.#put(tag, encoded)) return SENT;
      kept = detached(encoded);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      const waiting: Waiting = { tag, encoded: kept, settle };
      this.#waiting.push(waiting);
      withdraw?.((error) => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) refuse(this.#waiting.splice(at, 1), error);
      });
      void this.#flush();
    });
  }

  /** Nothing is sent any more, and what waits is refused. */
  fail(error: Error): void {
    this.#error ??= error;
    refuse(this.#waiting.splice(0), error);
  }

  #encode(value: unknown): Encoded {
    if (this.#error !== undefined) throw this.#error;
    const encoded = encode(value);
    const { longest, capacity } = this.#producer;
    const length = bytesOf(encoded);
    if (length > longest) {
      throw outOfRange(
        'message',
        `at most ${longest} bytes (options.capacity ${capacity})`,
        length,
      );
    }
    const { fds } = encoded;
    if (fds.length > SLOTS) throw outOfRange('message', `at most ${SLOTS} descriptors`, fds.length);
    if (fds.length > 0) this.#transit.needOneProcess();
    return encoded;
  }

  #put(tag: number, encoded: Encoded): boolean {
    const producer = this.#producer;
    if (producer.consumerLeft) throw leftError();
    const { length } = encoded.fds;
    if (length === 0) return producer.pushTagged(encoded.message, tag);
    const slots = this.#transit.free(length);
    // Room first: what has been moved cannot be had back.
    if (slots === undefined || producer.claim(bytesOf(encoded)) === undefined) return false;
    const bytes = move(encoded, this.#transit, slots);
    if (!producer.pushTagged(bytes, tag)) throw new SharedError('CORRUPT', 'room was taken back');
    // It may have left before the slots were filled, and then nobody else closes them.
    if (producer.consumerLeft) this.#transit.sweep(true);
    return true;
  }

  async #flush(): Promise<void> {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      while (this.#error === undefined) {
        const [first] = this.#waiting;
        if (first === undefined) break;
        if (this.#put(first.tag, first.encoded)) {
          this.#waiting.shift();
          first.settle();
        } else if (this.#transit.free(first.encoded.fds.length) === undefined) {
          await new Promise((resolve) => setTimeout(resolve, SLOTS_POLL_MS));
        } else await this.#producer.waitForRoom(this.#wait);
      }
    } catch (error) {
      this.fail(error as Error);
      this.#failed(error as Error);
    } finally {
      this.#flushing = false;
    }
  }
}

const bytesOf = ({ message }: Encoded): number =>
  typeof message === 'string' ? Buffer.byteLength(message) : message.length;

const tagOf = (purpose: Purpose, id: number, { kind }: Encoded): number =>
  (id << ID_SHIFT) | (purpose << PURPOSE_SHIFT) | kind;

export const purposeOf = (tag: number): number => (tag >>> PURPOSE_SHIFT) & 3;
export const kindOf = (tag: number): number => tag & 3;

export function leftError(): SharedError {
  return new SharedError('CLOSED', 'the other end of the channel has been closed');
}

function refuse(messages: readonly Waiting[], error: Error): void {
  for (const { encoded, settle } of messages) {
    for (const fd of encoded.fds) fd.close();
    settle(error);
  }
}
