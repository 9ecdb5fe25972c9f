/** The ends of a channel, and the descriptors that are on their way from one to the other. */
import { native } from '../native.js';
import { SharedError } from './errors.js';
import type { SharedMemory } from './memory.js';
import { makeSmall, openSmall, STATE } from './small.js';

/** The process in whose descriptors slots are counted. */
const PROCESS = 1;
/** 1 when somebody of another process has an end. */
const FOREIGN = 2;
/** The participants that have taken the two ends. */
const ENDS: number = STATE;
/** Slots of each direction: a descriptor and 1, or 0. */
export const SLOTS = 256;
const FIRST_SLOT = 64;
const WORDS: number = FIRST_SLOT + 2 * SLOTS;

/**
 * A descriptor on its way belongs to nobody but its slot: the sender has disowned it before it is
 * stored there, and whoever exchanges the slot for 0 has it, so that it is closed or used once,
 * whoever dies when. (A thread that is killed between those two steps leaves it open.)
 */
export class Transit {
  /** 0 or 1. */
  readonly end: number;
  readonly #memory: SharedMemory;
  readonly #words: Int32Array;
  readonly #foreign: boolean;
  readonly #out: number;
  readonly #in: number;

  private constructor(memory: SharedMemory, words: Int32Array, end: number) {
    this.#memory = memory;
    this.#words = words;
    this.end = end;
    this.#out = FIRST_SLOT + end * SLOTS;
    this.#in = FIRST_SLOT + (1 - end) * SLOTS;
    this.#foreign = words[PROCESS] !== process.pid;
    if (this.#foreign) Atomics.store(words, FOREIGN, 1);
  }

  static create(memory: SharedMemory, name: string): void {
    makeSmall(memory, name, 'CHAN', WORDS, (words) => {
      words[PROCESS] = process.pid;
    });
  }

  /** Takes an end that nobody has had. */
  static open(memory: SharedMemory, name: string): Transit {
    const words = openSmall(memory, name, 'CHAN', 'Channel', () => WORDS);
    const free = [0, 1].find(
      (end) => Atomics.compareExchange(words, ENDS + end, 0, memory.participant) === 0,
    );
    if (free !== undefined) return new Transit(memory, words, free);
    throw new SharedError('TAKEN', `both ends of the channel "${name}" have been taken`);
  }

  /** Closes what is on its way, in both directions, when nobody has an end any more. */
  static clear(memory: SharedMemory, name: string): void {
    const words = openSmall(memory, name, 'CHAN', 'Channel', () => WORDS);
    sweep(words, FIRST_SLOT, 2 * SLOTS);
  }

  /** Whoever took the other end has ended without a word. */
  get peerDied(): boolean {
    const peer = Atomics.load(this.#words, ENDS + 1 - this.end);
    return peer !== 0 && !this.#memory.isAlive(peer);
  }

  needOneProcess(): void {
    if (!this.#foreign && Atomics.load(this.#words, FOREIGN) === 0) return;
    throw new TypeError('descriptors can only be sent within one process');
  }

  /** Free slots, or undefined when there are fewer: only this end fills them. */
  free(count: number): number[] | undefined {
    const found: number[] = [];
    for (let slot = 0; slot < SLOTS && found.length < count; slot++) {
      if (Atomics.load(this.#words, this.#out + slot) === 0) found.push(slot);
    }
    return found.length === count ? found : undefined;
  }

  /** @param fd disowned by now */
  put(slot: number, fd: number): void {
    Atomics.store(this.#words, this.#out + slot, fd + 1);
  }

  take(slot: number): number {
    const valid = !this.#foreign && Number.isInteger(slot) && slot >= 0 && slot < SLOTS;
    const word = valid ? Atomics.exchange(this.#words, this.#in + slot, 0) : 0;
    if (word > 0) return word - 1;
    throw new SharedError('CORRUPT', 'a message names a descriptor that is not there');
  }

  /** Closes what this end has not taken; and what the other will not take. */
  sweep(peerGone: boolean): void {
    if (this.#foreign) return;
    sweep(this.#words, this.#in, SLOTS);
    if (peerGone) sweep(this.#words, this.#out, SLOTS);
  }
}

function sweep(words: Int32Array, first: number, count: number): void {
  for (let index = first; index < first + count; index++) {
    const word = Atomics.exchange(words, index, 0);
    if (word > 0) native.close(word - 1);
  }
}
