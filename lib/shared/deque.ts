/** Tasks of one worker, which takes them from one end while others steal from the other. */

import { itBelongsToItsThread } from '../uncloneable.js';
import { isPowerOfTwo } from '../units.js';
import { onlyKeys } from '../validate.js';
import { SharedError } from './errors.js';
import { APART_WORDS, kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';
import { powerOfTwo } from './power-of-two.js';
import { fillOf, leavePart, takePart } from './spsc.js';

const KIND: number = kindCode('DEQU');
const CAPACITY = 1;
const OWNER = 2;
/** The next one to be stolen, and the place behind the last one, modulo 2^32. */
const TOP: number = APART_WORDS;
const BOTTOM: number = 2 * APART_WORDS;
const TASKS: number = 3 * APART_WORDS;
const CAPACITY_MAX = 2 ** 24;

interface Parts {
  readonly words: Int32Array;
  readonly tasks: Float64Array;
}

function open(memory: SharedMemory, name: string): Parts {
  const { offset, bytes } = memory.find(name, KIND, 'WorkDeque');
  const words = new Int32Array(memory.buffer, offset, TASKS);
  const capacity = words[CAPACITY] as number;
  if (words[0] !== KIND || !isPowerOfTwo(capacity) || TASKS * 4 + capacity * 8 > bytes) {
    throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
  }
  return { words, tasks: new Float64Array(memory.buffer, offset + TASKS * 4, capacity) };
}

/** Takes tasks from the end where they are oldest. */
export class WorkThief {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #tasks: Float64Array;

  /** @internal */
  constructor(memory: SharedMemory, { words, tasks }: Parts) {
    this.#memory = memory;
    this.#words = words;
    this.#tasks = tasks;
  }

  /** The oldest task, or undefined when there is none. */
  steal(): number | undefined {
    this.#memory.needOpen();
    for (;;) {
      const top = Atomics.load(this.#words, TOP);
      // In this order: the bottom may have moved down since, and then the exchange fails.
      if (((Atomics.load(this.#words, BOTTOM) - top) | 0) <= 0) return undefined;
      const task = this.#tasks[top & (this.#tasks.length - 1)] as number;
      // Whatever was loaded is that task only if nobody took it before this.
      if (Atomics.compareExchange(this.#words, TOP, top, (top + 1) | 0) === top) return task;
    }
  }
}

/** Puts tasks in and takes the newest out. One for each deque. */
export class WorkOwner implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly capacity: number;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #tasks: Float64Array;
  #bottom: number;
  #closed = false;

  /** @internal */
  constructor(memory: SharedMemory, { words, tasks }: Parts) {
    this.#memory = memory;
    this.#words = words;
    this.#tasks = tasks;
    this.capacity = tasks.length;
    takePart(memory, words, OWNER, 'the deque has an owner');
    const top = Atomics.load(words, TOP);
    const bottom = Atomics.load(words, BOTTOM);
    // The one before may have died when it had lowered the bottom for a task that was stolen.
    this.#bottom = ((bottom - top) | 0) < 0 ? top : bottom;
    Atomics.store(words, BOTTOM, this.#bottom);
    memory.parts.add(this);
  }

  /** Puts a task in: any number. False when the deque is full. */
  push(task: number): boolean {
    this.#needOpen();
    const bottom = this.#bottom;
    // Acquire: who stole the task that was here has loaded it, or loses the exchange.
    const top = Atomics.load(this.#words, TOP);
    if (fillOf(bottom, top, this.capacity) === this.capacity) return false;
    this.#tasks[bottom & (this.capacity - 1)] = task;
    this.#bottom = (bottom + 1) | 0;
    Atomics.store(this.#words, BOTTOM, this.#bottom);
    return true;
  }

  /** The newest task, or undefined when there is none. */
  pop(): number | undefined {
    this.#needOpen();
    const bottom = (this.#bottom - 1) | 0;
    // The store is seen before the load is done: of owner and thief, one sees the other.
    Atomics.store(this.#words, BOTTOM, bottom);
    const top = Atomics.load(this.#words, TOP);
    const left = (bottom - top) | 0;
    if (left > 0) {
      this.#bottom = bottom;
      return this.#tasks[bottom & (this.capacity - 1)];
    }
    let task: number | undefined;
    if (left === 0) {
      task = this.#tasks[bottom & (this.capacity - 1)];
      // The last one: whoever moves the top has it.
      const found = Atomics.compareExchange(this.#words, TOP, top, (top + 1) | 0);
      if (found !== top) task = undefined;
    }
    Atomics.store(this.#words, BOTTOM, this.#bottom);
    return task;
  }

  /** Tasks that are there. */
  get length(): number {
    return Math.max(0, (this.#bottom - Atomics.load(this.#words, TOP)) | 0);
  }

  /** Gives the part of the owner back; what is there can still be stolen. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#memory.parts.delete(this);
    if (!this.#memory.closed) leavePart(this.#memory, this.#words, OWNER);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #needOpen(): void {
    if (this.#closed) throw new SharedError('CLOSED', 'this side of the deque has been closed');
  }
}

/**
 * A bounded deque of tasks, which are numbers: its owner works on the newest, which are warm, and
 * idle workers steal the oldest. A task is taken exactly once; that of one who dies is gone.
 */
export const WorkDeque = {
  /** Makes a deque in `memory`, where it stays. `capacity` is a power of two. */
  create(memory: SharedMemory, name: string, options: { capacity: number }): void {
    onlyKeys('options', options, ['capacity']);
    const capacity = powerOfTwo('capacity', options.capacity, 1, CAPACITY_MAX);
    memory.add(name, KIND, TASKS * 4 + capacity * 8, (offset) => {
      new Int32Array(memory.buffer, offset, 2).set([KIND, capacity]);
    });
  },

  /**
   * Takes the part of the owner. One that ended without `close` is replaced.
   *
   * @throws SharedError `TAKEN`, `NOT_FOUND`, `LAYOUT`
   */
  owner(memory: SharedMemory, name: string): WorkOwner {
    return new WorkOwner(memory, open(memory, name));
  },

  /** For any number of others. */
  thief(memory: SharedMemory, name: string): WorkThief {
    return new WorkThief(memory, open(memory, name));
  },
} as const;
