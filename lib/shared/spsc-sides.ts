/** The two sides of a queue from one producer to one consumer, whatever goes through it. */
import { itBelongsToItsThread } from '../uncloneable.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import {
  fillOf,
  leavePart,
  needPeer,
  SPSC_CONSUMER,
  SPSC_CONSUMER_SLEEPS,
  SPSC_ENDED,
  SPSC_HEAD,
  SPSC_LEFT,
  SPSC_PRODUCER,
  SPSC_PRODUCER_SLEEPS,
  SPSC_TAIL,
  takePart,
} from './spsc.js';
import { type AsyncWaitOptions, Sleepers, someoneSleeps } from './waiting.js';

function closedError(): SharedError {
  return new SharedError('CLOSED', 'this side of the queue has been closed');
}

/** The side that puts in. `Unit`s are records or bytes; counts of them are modulo 2^32. */
export abstract class ProducerSide implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** Records, or bytes of messages with their headers. */
  readonly capacity: number;
  protected readonly words: Int32Array;
  protected readonly memory: SharedMemory;
  protected readonly room: Sleepers;
  protected readonly hasRoom = (): boolean =>
    this.closed || this.look() >= this.wanted || Atomics.load(this.words, SPSC_LEFT) !== 0;
  readonly #data: Sleepers;
  /** Where the next one goes, and how far there was room at the last look. */
  protected tail: number;
  protected limit: number;
  /** Of that much room is waited for. */
  protected wanted = 1;
  protected closed = false;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, capacity: number) {
    this.memory = memory;
    this.words = words;
    this.capacity = capacity;
    takePart(memory, words, SPSC_PRODUCER, 'the queue has a producer');
    memory.parts.add(this);
    // What the one before had not published was never there.
    this.tail = Atomics.load(words, SPSC_TAIL);
    this.limit = this.tail;
    Atomics.store(words, SPSC_ENDED, 0);
    const look = () => needPeer(memory, words, SPSC_CONSUMER, 'consumer');
    this.room = new Sleepers(words, SPSC_PRODUCER_SLEEPS, look);
    this.#data = new Sleepers(words, SPSC_CONSUMER_SLEEPS, look);
  }

  /** Shows the consumer what has been staged. */
  publish(): void {
    // Release: what was stored before is seen with it. And it comes before the look at who sleeps.
    Atomics.store(this.words, SPSC_TAIL, this.tail);
    if (someoneSleeps(this.words, SPSC_CONSUMER_SLEEPS)) this.#data.wakeNow();
  }

  /** False when the consumer has gone, or ended. Nobody yet counts as there. */
  get consumerAlive(): boolean {
    if (Atomics.load(this.words, SPSC_LEFT) !== 0) return false;
    const owner = Atomics.load(this.words, SPSC_CONSUMER);
    return owner === 0 || this.memory.isAlive(owner);
  }

  /** @internal Resolves when there is room for what had none, or the consumer has left. */
  waitForRoom(options: AsyncWaitOptions): Promise<void> {
    return this.room.wait(this.hasRoom, options);
  }

  /** @internal The consumer has closed its side. */
  get consumerLeft(): boolean {
    return Atomics.load(this.words, SPSC_LEFT) !== 0;
  }

  /** Publishes what was staged and tells the consumer that this is the end. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.limit = this.tail;
    this.memory.parts.delete(this);
    if (this.memory.closed) return;
    this.publish();
    Atomics.store(this.words, SPSC_ENDED, 1);
    leavePart(this.memory, this.words, SPSC_PRODUCER);
    this.#data.wake();
    this.room.wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What is in the queue, staged or published. */
  protected fill(): number {
    return fillOf(this.tail, Atomics.load(this.words, SPSC_HEAD), this.capacity);
  }

  /** Reads anew how far the consumer is; answers how much room there is. */
  protected look(): number {
    // Acquire: the consumer has done with what it gave back.
    const head = Atomics.load(this.words, SPSC_HEAD);
    const room = this.capacity - fillOf(this.tail, head, this.capacity);
    if (!this.closed) this.limit = (head + this.capacity) | 0;
    return room;
  }

  /** True when there is room for `count`; where there is none, the consumer sees what there is. */
  protected makeRoom(count: number): boolean {
    if (this.closed) throw closedError();
    this.memory.needOpen();
    if (this.look() >= count) return true;
    this.publish();
    this.wanted = count;
    return false;
  }

  protected needConsumer(): void {
    if (Atomics.load(this.words, SPSC_LEFT) === 0) return;
    throw new SharedError('CLOSED', 'the consumer has closed its side of the queue');
  }
}

/** The side that takes out. */
export abstract class ConsumerSide implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** Records, or bytes of messages with their headers. */
  readonly capacity: number;
  protected readonly words: Int32Array;
  protected readonly memory: SharedMemory;
  protected readonly data: Sleepers;
  protected readonly hasData = (): boolean =>
    this.closed || this.look() || Atomics.load(this.words, SPSC_ENDED) !== 0;
  readonly #room: Sleepers;
  /** Where the next one is, and how far they went at the last look. */
  protected head: number;
  protected seen: number;
  protected closed = false;

  /** @internal */
  constructor(memory: SharedMemory, words: Int32Array, capacity: number) {
    this.memory = memory;
    this.words = words;
    this.capacity = capacity;
    takePart(memory, words, SPSC_CONSUMER, 'the queue has a consumer');
    memory.parts.add(this);
    this.head = Atomics.load(words, SPSC_HEAD);
    this.seen = this.head;
    Atomics.store(words, SPSC_LEFT, 0);
    const look = () => needPeer(memory, words, SPSC_PRODUCER, 'producer');
    this.data = new Sleepers(words, SPSC_CONSUMER_SLEEPS, look);
    this.#room = new Sleepers(words, SPSC_PRODUCER_SLEEPS, look);
  }

  /** Gives the room of what has been taken back at once; it is done by itself now and then. */
  release(): void {
    // Release: what was loaded before is done with. And it comes before the look at who sleeps.
    Atomics.store(this.words, SPSC_HEAD, this.head);
    if (someoneSleeps(this.words, SPSC_PRODUCER_SLEEPS)) this.#room.wakeNow();
  }

  /** The producer has closed its side and everything has been taken, or this side is closed. */
  get ended(): boolean {
    if (this.closed) return true;
    // In this order: what it published before it closed is seen.
    return Atomics.load(this.words, SPSC_ENDED) !== 0 && this.fill() === 0;
  }

  /** @internal Resolves when there is data, or the producer has closed its side. */
  waitForData(options: AsyncWaitOptions): Promise<void> {
    return this.data.wait(this.hasData, options);
  }

  /** Tells the producer that nobody takes anything out any more. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.seen = this.head;
    this.memory.parts.delete(this);
    if (this.memory.closed) return;
    this.release();
    Atomics.store(this.words, SPSC_LEFT, 1);
    leavePart(this.memory, this.words, SPSC_CONSUMER);
    this.#room.wake();
    this.data.wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What is in the queue. */
  protected fill(): number {
    return fillOf(Atomics.load(this.words, SPSC_TAIL), this.head, this.capacity);
  }

  /** Reads anew how far the producer is; true when there is something. */
  protected look(): boolean {
    // Acquire: what was stored before it was published is seen.
    const tail = Atomics.load(this.words, SPSC_TAIL);
    if (fillOf(tail, this.head, this.capacity) === 0 || this.closed) return false;
    this.seen = tail;
    return true;
  }

  /** As `look`, when what was seen has been taken: gives its room back if there is no more. */
  protected more(): boolean {
    if (this.closed) throw closedError();
    this.memory.needOpen();
    if (this.look()) return true;
    // The producer may be waiting for what has been taken since the last time.
    if (Atomics.load(this.words, SPSC_HEAD) !== this.head) this.release();
    return false;
  }
}
