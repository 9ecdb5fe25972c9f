/**
 * The operations in flight: who waits for each, what it keeps alive, and whether a completion is
 * still meant for it.
 */
import type { Descriptor } from '../fd/fd.js';
import type { Mapping } from '../memory/mapping.js';
import type { Operation } from './operation.js';
import type { Block } from './staging.js';

/** user_data, low word: slot (bits 0-22), yields a descriptor (bit 23), opcode (bits 24-31). */
export const SLOT_MASK = 0x7f_ffff;

const FIRST_CAPACITY = 256;

/** Whoever waits for completions of an operation. */
export interface Sink {
  /** Ticks and microtasks run after the whole batch, and not after each of its completions. */
  readonly batched: boolean;
  /** Calls nothing of the user's: promises settle together, then ticks and microtasks run once. */
  readonly settles?: boolean;
  /** Calls `deliver`, which completes several, in the sink's own asynchronous context. */
  enter?(deliver: () => void): void;
  /** Gets results as they are: a descriptor among them is its own to close. */
  readonly takesNumbers?: boolean;
  /** One completion; `block` holds its arguments and staged bytes until this returns. */
  complete(tag: number, result: number, flags: number, block: Block | undefined): void;
}

export class Slots {
  /** High word of user_data; it changes when the last completion has been taken from the queue. */
  generations = new Int32Array(FIRST_CAPACITY);
  readonly sinks: (Sink | undefined)[] = [];
  readonly operations: (Operation<unknown> | undefined)[] = [];
  readonly blocks: (Block | undefined)[] = [];
  /** Files that are named: the operation may name another one by the time it completes. */
  readonly descriptors: (Descriptor | undefined)[] = [];
  private readonly mappings: (Mapping | undefined)[] = [];
  /** By slot; few name more descriptors than their own. */
  private readonly others = new Map<number, readonly Descriptor[]>();
  tags = new Float64Array(FIRST_CAPACITY);
  private free = new Int32Array(FIRST_CAPACITY);
  private freeCount = 0;
  private capacity = 0;
  /** Operations without a last completion yet. */
  inUse = 0;

  constructor() {
    this.extend(FIRST_CAPACITY);
  }

  /** A slot for an operation, which keeps alive all that the kernel may touch until `release`. */
  take(operation: Operation<unknown>, sink: Sink, tag: number, block: Block | undefined): number {
    if (this.freeCount === 0) this.extend(this.capacity * 2);
    const slot = this.free[--this.freeCount] as number;
    this.sinks[slot] = sink;
    this.operations[slot] = operation;
    this.tags[slot] = tag;
    if (block !== undefined) this.blocks[slot] = block;
    const mapping = operation.mapping;
    if (mapping !== undefined) {
      // The operation may point elsewhere by the time it completes.
      this.mappings[slot] = mapping;
      mapping.inFlight++;
    }
    const descriptor = operation.descriptor;
    if (descriptor !== undefined) {
      this.descriptors[slot] = descriptor;
      descriptor.inFlight++;
      descriptor.latestSlot = slot;
    }
    const others = operation.others;
    if (others !== undefined) {
      this.others.set(slot, others);
      for (const other of others) other.inFlight++;
    }
    this.inUse++;
    return slot;
  }

  /**
   * After the last completion: gives back everything but the block, which the sink may still read.
   */
  release(slot: number): void {
    const descriptor = this.descriptors[slot];
    if (descriptor !== undefined) {
      this.descriptors[slot] = undefined;
      if (--descriptor.inFlight === 0) settle(descriptor);
    }
    if (this.others.size > 0) this.releaseOthers(slot);
    const mapping = this.mappings[slot];
    if (mapping !== undefined) {
      this.mappings[slot] = undefined;
      if (--mapping.inFlight === 0 && mapping.disposed) mapping.settled();
    }
    if (this.blocks[slot] !== undefined) this.blocks[slot] = undefined;
    this.sinks[slot] = undefined;
    this.operations[slot] = undefined;
    this.free[this.freeCount++] = slot;
    this.inUse--;
  }

  private releaseOthers(slot: number): void {
    const others = this.others.get(slot);
    if (others === undefined) return;
    this.others.delete(slot);
    for (const other of others) if (--other.inFlight === 0) settle(other);
  }

  /** Operations that name more descriptors than their own. */
  get withOthers(): number {
    return this.others.size;
  }

  /** Whether a descriptor is among those that are named besides the operation's own. */
  namesToo(slot: number, descriptor: Descriptor): boolean {
    return this.others.get(slot)?.includes(descriptor) ?? false;
  }

  userDataLow(slot: number, operation = this.operations[slot] as Operation<unknown>): number {
    return slot | operation.userData;
  }

  /** The slots in use, for what has to look at each. */
  *occupied(): Generator<number> {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.sinks[slot] !== undefined) yield slot;
    }
  }

  private extend(capacity: number): void {
    if (capacity > SLOT_MASK + 1) throw new RangeError(`more than ${SLOT_MASK + 1} operations`);
    const generations = new Int32Array(capacity);
    const tags = new Float64Array(capacity);
    const free = new Int32Array(capacity);
    generations.set(this.generations.subarray(0, this.capacity));
    tags.set(this.tags.subarray(0, this.capacity));
    this.generations = generations;
    this.tags = tags;
    this.free = free;
    for (let slot = capacity - 1; slot >= this.capacity; slot--) {
      this.free[this.freeCount++] = slot;
      this.sinks[slot] = undefined;
      this.operations[slot] = undefined;
      this.blocks[slot] = undefined;
      this.descriptors[slot] = undefined;
      this.mappings[slot] = undefined;
    }
    this.capacity = capacity;
  }
}

/** Copies what the kernel wrote into a block to the user's own views; answers how much is lost. */
export function copyOut(block: Block, byteCount: number): number {
  let from = block.payloadOffset;
  let left = byteCount;
  let lost = 0;
  const targets = block.targets as readonly Uint8Array[];
  for (let index = 0; index < targets.length; index++) {
    const target = targets[index] as Uint8Array;
    const filled = Math.min(left, block.targetBytes?.[index] ?? left);
    // A view that was detached in flight is shorter than it was: its bytes are nobody else's.
    const length = Math.min(filled, target.byteLength);
    if (length > 0) target.set(block.bytes.subarray(from, from + length));
    from += filled;
    left -= filled;
    lost += filled - length;
  }
  return lost + left;
}

function settle(descriptor: Descriptor): void {
  const { onIdle } = descriptor;
  if (onIdle === undefined) return;
  descriptor.onIdle = undefined;
  onIdle();
}
