/** The ring's table of buffers: memory that is pinned once instead of at every operation. */
import {
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_UNREGISTER_BUFFERS,
} from '../../abi.js';
import { check } from '../../errors.js';
import { registerSupported, requireKernel } from '../../features.js';
import { kernel } from '../../kernel.js';
import { Mapping } from '../../memory/mapping.js';
import { native } from '../../native.js';
import { integer, invalidType, invalidValue, onlyKeys } from '../../validate.js';
import type { Engine } from '../engine.js';
import { putAddress, registerWith } from './arguments.js';
import { type CloneOptions, cloneSlots } from './clone.js';
import { Registration } from './registration.js';
import { TAG_LOW } from './tags.js';

/** The kernel's own limit. */
export const BUFFERS_MAX = 16_384;
/** `struct iovec`. */
const IOVEC_WORDS = 4;
/** `struct io_uring_rsrc_update2`. */
const UPDATE_WORDS = 8;
/** Slots set by one call: what the arguments of these take fits a staging block. */
const BATCH = 1024;

export class BufferTable {
  readonly #engine: Engine;
  /** Where each mapping stands. */
  readonly #slotOf = new Map<Mapping, number>();
  /** What stands in each slot; empty until the table has been made. */
  #mappings: (Mapping | undefined)[] = [];
  /** The registration that put it there: a clone may take the place of another's. */
  readonly #owners: unknown[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Slots in the table; 0 before it is made. */
  get size(): number {
    return this.#mappings.length;
  }

  /** The slot of `mapping`, or undefined. */
  slotOf(mapping: Mapping): number | undefined {
    return this.#slotOf.get(mapping);
  }

  register(mappings: readonly Mapping[]): Registration {
    const bytes = checkMappings(mappings);
    const detail = { facts: { opcode: IORING_REGISTER_BUFFERS, bytes } };
    if (!registerSupported(IORING_REGISTER_BUFFERS_UPDATE)) return this.#registerAll(mappings);
    this.#make(mappings.length);
    const slots = this.#free(mappings.length);
    const tag = this.#engine.completion.tags.make(mappings.length);
    let result = 0;
    let put = 0;
    for (; put < slots.length && result >= 0; put += Math.max(result, 0)) {
      const first = slots[put] as number;
      let end = put + 1;
      while (end < slots.length && end - put < BATCH && slots[end] === first + end - put) end++;
      result = this.#update(first, mappings.slice(put, end), tag.high);
    }
    if (result < 0) {
      for (const slot of slots.slice(0, put)) this.#update(slot, [undefined]);
      this.#engine.completion.tags.forget(tag.high);
    }
    check(result, 'io_uring_register', detail);
    for (const [index, mapping] of mappings.entries()) this.take(mapping, slots[index] as number);
    return new Registration(this.#remover(slots), tag.released);
  }

  /** Shares slots of another ring's table. */
  clone(source: BufferTable, options: CloneOptions): Registration {
    onlyKeys('options', options, ['sourceOffset', 'offset', 'count']);
    const sourceOffset = integer('sourceOffset', options.sourceOffset ?? 0, 0, BUFFERS_MAX);
    const offset = integer('offset', options.offset ?? 0, 0, BUFFERS_MAX);
    const rest = Math.max(1, source.size - sourceOffset);
    const count = integer('count', options.count ?? rest, 1, BUFFERS_MAX);
    if (source === this) throw invalidValue('source', 'must be another ring', source);
    const all = this.size + sourceOffset + offset === 0 && count === rest;
    if (!all) requireKernel('cloneBuffers:parts', '6.13');
    if (all && !kernel.atLeast('6.13')) {
      cloneSlots(this.#engine, source.#engine, { sourceOffset, offset, count: 0 }, false);
      this.#mappings = new Array<Mapping | undefined>(count).fill(undefined);
    } else {
      // The kernel takes the target's own slots away only when told so, and there must be some.
      if (this.size === 0) this.#make(offset + count);
      cloneSlots(this.#engine, source.#engine, { sourceOffset, offset, count }, true);
    }
    const slots: number[] = [];
    for (let index = 0; index < count; index++) {
      const slot = offset + index;
      if (this.#mappings[slot] !== undefined) this.#forget(slot);
      const mapping = source.#mappings[sourceOffset + index];
      if (mapping === undefined) continue;
      this.take(mapping, slot);
      slots.push(slot);
    }
    return new Registration(this.#remover(slots));
  }

  /** Notes that `mapping` stands in `slot` from now on. */
  take(mapping: Mapping, slot: number): void {
    const engine = this.#engine;
    if (!mapping.users.has(engine)) engine.hold(mapping);
    this.#mappings[slot] = mapping;
    this.#slotOf.set(mapping, slot);
    mapping.registeredWith = engine;
    mapping.registeredAs = slot;
  }

  /** What empties those of `slots` that nobody has taken over by then. */
  #remover(slots: readonly number[]): () => void {
    const owner = {};
    for (const slot of slots) this.#owners[slot] = owner;
    return () => {
      const { open } = this.#engine;
      // What is queued looks its slot up when it is submitted.
      if (open) this.#engine.flush();
      for (const slot of slots) {
        if (this.#owners[slot] !== owner) continue;
        if (open) this.#update(slot, [undefined]);
        this.#forget(slot);
      }
    };
  }

  #forget(slot: number): void {
    const mapping = this.#mappings[slot] as Mapping;
    this.#mappings[slot] = undefined;
    if (this.#slotOf.get(mapping) !== slot) return;
    this.#slotOf.delete(mapping);
    if (mapping.registeredWith === this.#engine) mapping.registeredWith = undefined;
    // It may have been registered twice.
    const other = this.#mappings.indexOf(mapping);
    if (other >= 0) this.#slotOf.set(mapping, other);
  }

  /** The lowest `count` free slots. */
  #free(count: number): number[] {
    const free: number[] = [];
    for (let slot = 0; slot < this.size && free.length < count; slot++) {
      if (this.#mappings[slot] === undefined) free.push(slot);
    }
    if (free.length < count) {
      throw new RangeError(
        `the table has ${free.length} free slots and not ${count}: give the ring more ` +
          `\`bufferSlots\` (now ${this.size})`,
      );
    }
    return free;
  }

  /** Makes the table of empty slots where there is none yet. */
  #make(count: number): void {
    if (this.size > 0) return;
    const size = Math.min(Math.max(this.#engine.plan.bufferSlots, count), BUFFERS_MAX);
    const empty = new Int32Array(size * IOVEC_WORDS);
    const opcode = IORING_REGISTER_BUFFERS;
    check(native.ioUringRegister(this.#engine.fd, opcode, empty, size), 'io_uring_register', {
      facts: { opcode, bytes: 0 },
    });
    this.#mappings = new Array<Mapping | undefined>(size).fill(undefined);
  }

  /** Answers how many slots were set, or `-errno`. */
  #update(first: number, mappings: readonly (Mapping | undefined)[], tag = 0): number {
    const count = mappings.length;
    const iovecsAt = UPDATE_WORDS * 4;
    const tagsAt = iovecsAt + count * IOVEC_WORDS * 4;
    const opcode = IORING_REGISTER_BUFFERS_UPDATE;
    return registerWith(this.#engine, opcode, tagsAt + count * 8, UPDATE_WORDS * 4, (block) => {
      const { words } = block;
      words[0] = first;
      putAddress(block, 2, iovecsAt);
      putAddress(block, 4, tagsAt);
      words[6] = count;
      for (const [index, mapping] of mappings.entries()) {
        if (mapping === undefined) continue;
        putIovec(words, iovecsAt / 4 + index * IOVEC_WORDS, mapping);
        words[tagsAt / 4 + index * 2] = TAG_LOW;
        words[tagsAt / 4 + index * 2 + 1] = tag;
      }
    });
  }

  /** For kernels whose tables cannot be changed (before 5.13): one registration at a time. */
  #registerAll(mappings: readonly Mapping[]): Registration {
    if (this.size > 0) throw new TypeError('buffers are registered already');
    const iovecs = new Int32Array(mappings.length * IOVEC_WORDS);
    for (const [index, mapping] of mappings.entries()) {
      putIovec(iovecs, index * IOVEC_WORDS, mapping);
    }
    const opcode = IORING_REGISTER_BUFFERS;
    const { fd } = this.#engine;
    const result = native.ioUringRegister(fd, opcode, iovecs, mappings.length);
    check(result, 'io_uring_register', { facts: { opcode, bytes: bytesOf(mappings) } });
    this.#mappings = mappings.map(() => undefined);
    for (const [slot, mapping] of mappings.entries()) this.take(mapping, slot);
    return new Registration(() => {
      for (const slot of mappings.keys()) this.#forget(slot);
      this.#mappings = [];
      if (this.#engine.open) native.ioUringRegister(fd, IORING_UNREGISTER_BUFFERS, null, 0);
    });
  }
}

function putIovec(words: Int32Array, at: number, mapping: Mapping): void {
  words[at] = mapping.addressLow;
  words[at + 1] = mapping.addressHigh;
  words[at + 2] = mapping.size | 0;
  words[at + 3] = Math.floor(mapping.size / 2 ** 32);
}

function bytesOf(mappings: readonly Mapping[]): number {
  return mappings.reduce((sum, mapping) => sum + mapping.size, 0);
}

/** Answers the bytes of all. */
function checkMappings(mappings: readonly Mapping[]): number {
  if (!Array.isArray(mappings) || mappings.length === 0 || mappings.length > BUFFERS_MAX) {
    throw invalidValue('mappings', `must be an array of 1 to ${BUFFERS_MAX} mappings`, mappings);
  }
  for (const [index, mapping] of mappings.entries()) {
    if (!(mapping instanceof Mapping) || mapping.disposed) {
      throw invalidType(`mappings[${index}]`, 'a Mapping that is not disposed', mapping);
    }
  }
  return bytesOf(mappings);
}
