/** The entries through which buffers are given to the kernel: `struct io_uring_buf_ring`. */
import {
  EINVAL,
  IORING_REGISTER_PBUF_RING,
  IORING_REGISTER_PBUF_STATUS,
  IORING_UNREGISTER_PBUF_RING,
  IOU_PBUF_RING_INC,
} from '../abi.js';
import { check, UnsupportedError } from '../errors.js';
import { requireFeature } from '../features.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import type { Engine } from './engine.js';

/**
 * `struct io_uring_buf`: address, length, id; the first one's last half-word is the ring's tail.
 */
const ENTRY_BYTES = 16;
const ENTRY_WORDS = 4;
const ENTRY_LENGTH = 2;
const ENTRY_ID_HALF = 6;
const TAIL_HALF = 7;
/** `struct io_uring_buf_reg`: address, entries, group, flags. */
const REGISTRATION_WORDS = 10;
const REGISTRATION_GROUP_HALF = 6;
const REGISTRATION_FLAGS_HALF = 7;
/** `struct io_uring_buf_status`: group, the kernel's head, reserved. */
const STATUS_WORDS = 10;

export class BufferEntries {
  /** The number of the pool in the kernel. */
  readonly group: number;
  readonly #engine: Engine;
  readonly #buffers: Mapping;
  readonly #capacity: number;
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #halves: Uint16Array;
  #tail = 0;

  /**
   * @param buffers the memory of all: while something in flight names it, the number stays taken
   * @param capacity entries, a power of two
   */
  constructor(engine: Engine, buffers: Mapping, capacity: number, incremental: boolean) {
    this.#engine = engine;
    this.#buffers = buffers;
    this.#capacity = capacity;
    this.#memory = Mapping.anonymous({ size: capacity * ENTRY_BYTES });
    this.#words = new Int32Array(this.#memory.bytes.buffer);
    this.#halves = new Uint16Array(this.#memory.bytes.buffer);
    engine.hold(this.#memory);
    this.group = engine.bufferGroups.take();
    const result = this.#register(incremental ? IOU_PBUF_RING_INC : 0);
    if (result < 0) this.#letGo();
    if (result === -EINVAL) requireFeature('register:PBUF_RING');
    // Everything else in it has been checked.
    if (result === -EINVAL && incremental) {
      throw new UnsupportedError({ feature: 'buffers:incremental', since: '6.12' });
    }
    check(result, 'io_uring_register', {
      facts: { opcode: IORING_REGISTER_PBUF_RING, bytes: capacity * ENTRY_BYTES },
    });
  }

  /** Fills the next entry; there is one for every buffer. */
  put(id: number, addressLow: number, addressHigh: number, size: number): void {
    const index = this.#tail & (this.#capacity - 1);
    const base = index * ENTRY_WORDS;
    this.#words[base] = addressLow;
    this.#words[base + 1] = addressHigh;
    this.#words[base + ENTRY_LENGTH] = size;
    // Not the whole word: in the first entry its other half is the tail.
    this.#halves[index * (ENTRY_BYTES / 2) + ENTRY_ID_HALF] = id;
    this.#tail = (this.#tail + 1) & 0xffff;
  }

  /** Counts places: the next entry is filled at this one. */
  get place(): number {
    return this.#tail;
  }

  /** The buffer in the entry at a place that has not been filled again. */
  idAt(place: number): number {
    const index = place & (this.#capacity - 1);
    return this.#halves[index * (ENTRY_BYTES / 2) + ENTRY_ID_HALF] as number;
  }

  /** The kernel must see the entries before it sees the tail behind them. */
  publish(): void {
    Atomics.store(this.#halves, TAIL_HALF, this.#tail);
  }

  /** Takes back all that the kernel has not used. No operation may be looking for a buffer. */
  takeBack(): void {
    const status = new Int32Array(STATUS_WORDS);
    status[0] = this.group;
    const { fd } = this.#engine;
    const result = native.ioUringRegister(fd, IORING_REGISTER_PBUF_STATUS, status, 1);
    check(result, 'io_uring_register', { facts: { opcode: IORING_REGISTER_PBUF_STATUS } });
    this.#tail = (status[1] as number) & 0xffff;
    this.publish();
  }

  dispose(): void {
    if (this.#engine.open) {
      const registration = new Uint16Array(REGISTRATION_WORDS * 2);
      registration[REGISTRATION_GROUP_HALF] = this.group;
      native.ioUringRegister(this.#engine.fd, IORING_UNREGISTER_PBUF_RING, registration, 1);
    }
    this.#letGo();
  }

  #letGo(): void {
    this.#memory.dispose();
    this.#engine.bufferGroups.give(this.group, this.#buffers);
  }

  #register(flags: number): number {
    const words = new Int32Array(REGISTRATION_WORDS);
    words[0] = this.#memory.addressLow;
    words[1] = this.#memory.addressHigh;
    words[2] = this.#capacity;
    const halves = new Uint16Array(words.buffer);
    halves[REGISTRATION_GROUP_HALF] = this.group;
    halves[REGISTRATION_FLAGS_HALF] = flags;
    return native.ioUringRegister(this.#engine.fd, IORING_REGISTER_PBUF_RING, words, 1);
  }
}
