/** Channels: structured messages, requests and descriptors both ways, through shared memory. */
import { SystemError } from '../errors.js';
import type { Ring } from '../ring/ring.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { invalidType, onlyKeys } from '../validate.js';
import { Inbox, OVER } from './channel-inbox.js';
import { ID_SHIFT, kindOf, leftError, Outbox, purposeOf } from './channel-outbox.js';
import { type ChannelWaitOptions, checkWait, limit, Requests } from './channel-requests.js';
import { Transit } from './channel-transit.js';
import { type Decoded, decode, discard, errorOf, failureOf } from './channel-values.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import type { MessageConsumer } from './message-consumer.js';
import type { MessageProducer } from './message-producer.js';
import { SpscMessages } from './spsc-messages.js';

export interface ChannelOptions {
  /** Bytes of a queue, a power of two; a message has less than half of it. Default 2^18. */
  capacity?: number;
}

export interface ChannelOpenOptions {
  /**
   * The ring that waits for messages: one whose own loop the thread runs, for instance. Default:
   * one that this thread's waits have in common.
   */
  ring?: Ring;
}

/** Bytes of each direction's queue where nothing else is asked for. */
export const CHANNEL_CAPACITY: number = 2 ** 18;

// Why a message was sent.
const MESSAGE = 0;
const REQUEST = 1;
const ANSWER = 2;
const FAILURE = 3;

/** So many messages are taken before the loop has its turn. */
const TURN = 256;
/** Between two looks for another end that died before it had taken part. */
const LOOK_MS = 1000;
/**
 * After a message the next one is looked for at each turn of the loop for so long: to sleep and be
 * woken costs both sides together about as much.
 */
const AWAKE_MS = 0.03;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const queueName = (name: string, end: number): string => `${name} ${end}`;

/**
 * One end of a channel between two threads, or processes.
 *
 * A message is what `structuredClone` can copy, and comes out as a copy; bytes (Buffer, Uint8Array)
 * are not serialized, and come out as a Buffer. An `OwnedFd`, a `Mapping` of a memfd or a
 * `SharedMemory` that was created here, as the message itself or as one of its properties, is
 * moved: the sender's is closed, and the receiver has its own. What was moved and never taken is
 * closed with the channel.
 *
 *     channel.onMessage((message) => console.log(message));
 *     await channel.send({ socket, greeting: 'hello' });
 *     const answer = await channel.request({ key: 7 }, { timeoutMs: 100 });
 *
 * While something waits (an iteration, a handler, a request) it keeps the thread alive. When the
 * other end is closed, what it had sent still comes, then iterations end. When it died they fail
 * with `PEER_DIED`. Either way what waits for room or an answer is refused: nothing waits for ever.
 */
export class Channel<In = unknown, Out = unknown> implements AsyncIterable<In>, Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /**
   * Resolves when the channel is over: with undefined when either end was closed, with the error
   * when the other one died or sent what cannot be. Noticed while something waits.
   */
  readonly ended: Promise<Error | undefined>;
  readonly #memory: SharedMemory;
  readonly #transit: Transit;
  readonly #producer: MessageProducer;
  readonly #consumer: MessageConsumer;
  readonly #outbox: Outbox;
  readonly #requests = new Requests();
  readonly #ring: Ring | undefined;
  #resolveEnded: (error: Error | undefined) => void = () => undefined;
  readonly #inbox = new Inbox();
  #responder: ((request: In) => unknown) | undefined;
  #pumping = false;
  #taken = 0;
  #over = false;

  private constructor(memory: SharedMemory, name: string, ring: Ring | undefined) {
    this.#memory = memory;
    this.#ring = ring;
    this.#transit = Transit.open(memory, name);
    const { end } = this.#transit;
    this.#producer = SpscMessages.producer(memory, queueName(name, end));
    this.#consumer = SpscMessages.consumer(memory, queueName(name, 1 - end));
    this.#outbox = new Outbox(this.#producer, this.#transit, this.#waits(), (error) => {
      // Who still listens hears what was sent before the end.
      if (!this.#wanted()) this.#finish(error);
    });
    memory.parts.add(this);
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  /** Makes a channel in `memory`, where it stays; its two ends are then opened by name. */
  static create(memory: SharedMemory, name: string, options: ChannelOptions = {}): void {
    onlyKeys('options', options, ['capacity']);
    const capacity = options.capacity ?? CHANNEL_CAPACITY;
    for (const end of [0, 1]) SpscMessages.create(memory, queueName(name, end), { capacity });
    Transit.create(memory, name);
  }

  /**
   * Takes the end that nobody has taken yet. Each end is had once: nobody takes the place of one
   * who has closed it, or has ended.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  static open<In = unknown, Out = unknown>(
    memory: SharedMemory,
    name: string,
    options: ChannelOpenOptions = {},
  ): Channel<In, Out> {
    onlyKeys('options', options, ['ring']);
    return new Channel<In, Out>(memory, name, options.ring);
  }

  /** @internal Closes descriptors that are on their way, when nobody has an end any more. */
  static clear(memory: SharedMemory, name: string): void {
    Transit.clear(memory, name);
  }

  /** Bytes of the longest message, as it is serialized. */
  get longest(): number {
    return this.#producer.longest;
  }

  /** Messages that wait for room. */
  get waiting(): number {
    return this.#outbox.length;
  }

  get closed(): boolean {
    return this.#over;
  }

  /**
   * Sends a message if there is room for it now and none waits; answers whether it did. What was to
   * be moved is still the sender's when it did not.
   *
   * @throws RangeError when it is longer than `longest`
   * @throws SharedError `CLOSED`, `PEER_DIED`
   */
  trySend(message: Out): boolean {
    return this.#outbox.trySend(MESSAGE, 0, message);
  }

  /**
   * Sends a message; resolves when it is in the queue, which is at once while there is room. It may
   * be changed afterwards; what is moved is gone from this end when this returns.
   *
   * @throws RangeError when it is longer than `longest`
   * @errno ETIMEDOUT there was no room for so long
   */
  send(message: Out, options?: ChannelWaitOptions): Promise<void> {
    if (options === undefined) return this.#outbox.send(MESSAGE, 0, message);
    return this.#sendWithin(message, options);
  }

  async #sendWithin(message: Out, options: ChannelWaitOptions): Promise<void> {
    checkWait(options);
    let unlimited = (): void => undefined;
    try {
      await this.#outbox.send(MESSAGE, 0, message, (withdraw) => {
        unlimited = limit(options, withdraw);
      });
    } finally {
      unlimited();
    }
  }

  /** Calls `handler` with each message that is no request; `undefined` takes it away. */
  onMessage(handler: ((message: In) => void) | undefined): void {
    this.#inbox.handle(callable('handler', handler));
    void this.#pump();
  }

  /** Each message that is no request, until the other end is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    for (;;) {
      const message = await this.#inbox.next(() => void this.#pump());
      if (message === OVER) return;
      yield message as In;
    }
  }

  /**
   * Sends a request, and resolves with what the other end's responder answers. Messages that come
   * before the answer are kept for whoever asks for them.
   *
   * @throws SharedError `NO_RESPONDER`, `CLOSED`, `PEER_DIED`; or what the responder threw
   * @errno ETIMEDOUT there was no answer for so long
   */
  async request(message: Out, options: ChannelWaitOptions = {}): Promise<In> {
    checkWait(options);
    return new Promise((resolve, reject) => {
      let withdraw = (_: Error): void => undefined;
      const end = (error: Error): void => {
        this.#requests.take(id)?.reject(error);
        withdraw(error);
      };
      const id = this.#requests.add({
        resolve: (value) => {
          unlimited();
          resolve(value as In);
        },
        reject: (error) => {
          unlimited();
          reject(error);
        },
      });
      const unlimited = limit(options, end);
      const sent = this.#outbox.send(REQUEST, id, message, (take) => {
        withdraw = take;
      });
      sent.catch(end);
      void this.#pump();
    });
  }

  /**
   * Calls `responder` with each request; what it answers, or what that resolves with, is sent back.
   * `undefined` takes it away: requests are then refused.
   */
  respond(responder: ((request: In) => unknown) | undefined): void {
    this.#responder = callable('responder', responder);
    void this.#pump();
  }

  /** Tells the other end that this is the end; what came and was not taken is dropped. */
  close(): void {
    this.#finish(undefined, new SharedError('CLOSED', 'this end has been closed'));
    this.#inbox.drop();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #waits(): { ring?: Ring } {
    return this.#ring === undefined ? {} : { ring: this.#ring };
  }

  #wanted(): boolean {
    return (
      this.#inbox.wanted ||
      this.#requests.size > 0 ||
      (this.#responder !== undefined && !this.#inbox.full)
    );
  }

  /** Takes messages for as long as somebody wants any; all that comes goes through here. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    let last = -Infinity;
    try {
      while (!this.#over && this.#wanted()) {
        const bytes = this.#consumer.pop();
        if (bytes !== undefined) {
          this.#dispatch(bytes);
          if (++this.#taken % TURN === 0) await this.#turn();
          last = performance.now();
        } else if (this.#consumer.ended) this.#finish(undefined);
        else if (this.#ring === undefined && performance.now() - last < AWAKE_MS) await nextTurn();
        else await this.#arrival();
      }
    } catch (error) {
      this.#finish(error as Error);
    } finally {
      this.#pumping = false;
    }
  }

  /** On a ring of its own loop nothing of Node's would come back. */
  #turn(): Promise<unknown> {
    return this.#ring?.nop() ?? nextTurn();
  }

  async #arrival(): Promise<void> {
    try {
      await this.#consumer.waitForData({ ...this.#waits(), timeoutMs: LOOK_MS });
    } catch (error) {
      if (!SystemError.is(error, 'ETIMEDOUT')) throw error;
      if (!this.#transit.peerDied) return;
      throw new SharedError('PEER_DIED', 'the other end of the channel has ended');
    }
  }

  #dispatch(bytes: Buffer): void {
    const { tag } = this.#consumer;
    const decoded = decode(kindOf(tag), bytes, this.#transit);
    const id = tag >>> ID_SHIFT;
    const purpose = purposeOf(tag);
    if (purpose === MESSAGE) this.#inbox.deliver(decoded);
    else if (purpose === REQUEST) void this.#answer(id, decoded);
    else {
      const pending = this.#requests.take(id);
      if (pending === undefined) discard(decoded.moved);
      else if (purpose === ANSWER) pending.resolve(decoded.value);
      else pending.reject(errorOf(decoded.value));
    }
  }

  async #answer(id: number, request: Decoded): Promise<void> {
    const responder = this.#responder;
    try {
      if (responder === undefined) {
        discard(request.moved);
        throw new SharedError('NO_RESPONDER', 'the other end of the channel answers no requests');
      }
      await this.#outbox.send(ANSWER, id, await responder(request.value as In));
    } catch (error) {
      this.#fail(id, error);
    }
  }

  #fail(id: number, error: unknown): void {
    // The channel may be over: whoever asked knows that.
    this.#outbox.send(FAILURE, id, failureOf(error)).catch(() => undefined);
  }

  #finish(error: Error | undefined, refusal: Error = error ?? leftError()): void {
    if (this.#over) return;
    this.#over = true;
    this.#memory.parts.delete(this);
    const peerGone = !this.#memory.closed && !this.#producer.consumerAlive;
    this.#outbox.fail(refusal);
    this.#producer.close();
    this.#consumer.close();
    if (!this.#memory.closed) this.#transit.sweep(peerGone);
    this.#requests.fail(refusal);
    this.#inbox.finish(error);
    this.#resolveEnded(error);
  }
}

function callable<Call>(name: string, call: Call): Call {
  if (call === undefined || typeof call === 'function') return call;
  throw invalidType(name, 'a function', call);
}
