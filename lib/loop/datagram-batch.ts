/** Datagrams that were received together, each in a slot of the same form on both backends. */

/** The most that are told together. */
export const BATCH = 64;
/** The largest datagram there is, and what GRO puts together. */
export const DATAGRAM_BYTES_MAX = 65_535;

/** Words of a slot's header (`struct io_uring_recvmsg_out`). */
const NAME_LENGTH = 0;
const CONTROL_LENGTH = 1;
const PAYLOAD_LENGTH = 2;
const FLAGS = 3;
export const SLOT_HEADER_BYTES = 16;
const LINE_BYTES = 64;

/** Where the parts of a slot are: a header, an address, control messages, and the bytes. */
export class SlotLayout {
  readonly nameBytes: number;
  readonly controlBytes: number;
  readonly payloadBytes: number;
  /** Where the bytes begin. */
  readonly prefix: number;
  /** From one slot to the next. */
  readonly stride: number;

  constructor(nameBytes: number, controlBytes: number, payloadBytes: number) {
    this.nameBytes = nameBytes;
    this.controlBytes = (controlBytes + 7) & ~7;
    this.payloadBytes = payloadBytes;
    this.prefix = SLOT_HEADER_BYTES + nameBytes + this.controlBytes;
    const lines = Math.ceil((this.prefix + payloadBytes) / LINE_BYTES);
    // An odd number of cache lines: slots would otherwise begin in few sets of the cache.
    this.stride = (lines | 1) * LINE_BYTES;
  }
}

/**
 * What came together. All of it is the library's: it is good until the one who was told returns.
 */
export class DatagramBatch {
  readonly layout: SlotLayout;
  /** The memory that the slots are in. */
  readonly memory: Uint8Array;
  /** Of memory whose first byte is aligned. */
  private readonly words: Uint32Array;
  private readonly starts: Int32Array;
  private readonly lengths: Int32Array;
  count = 0;

  constructor(layout: SlotLayout, memory: Uint8Array, capacity: number = BATCH) {
    this.starts = new Int32Array(capacity);
    this.lengths = new Int32Array(capacity);
    this.layout = layout;
    this.memory = memory;
    this.words = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength >>> 2);
  }

  /** A slot at `start` of the memory, with `length` bytes of a datagram. */
  add(start: number, length: number): void {
    this.starts[this.count] = start;
    this.lengths[this.count++] = length;
  }

  /** Of a slot that was filled by a call which tells lengths in the header only. */
  addWhole(start: number): void {
    const length = this.words[(start >>> 2) + PAYLOAD_LENGTH] as number;
    this.add(start, Math.min(length, this.layout.payloadBytes));
  }

  /** Where in the memory the bytes of a datagram begin. */
  startOf(index: number): number {
    return (this.starts[index] as number) + this.layout.prefix;
  }

  /** How many of them there are. */
  lengthOf(index: number): number {
    return this.lengths[index] as number;
  }

  bytesOf(index: number): Uint8Array {
    const start = this.startOf(index);
    return this.memory.subarray(start, start + this.lengthOf(index));
  }

  /** How long it was when it came: more than `lengthOf` where its end was cut off. */
  fullLengthOf(index: number): number {
    return this.header(index, PAYLOAD_LENGTH);
  }

  /** MSG_* as the kernel answered them. */
  flagsOf(index: number): number {
    return this.header(index, FLAGS);
  }

  /** Where the sender's address begins. */
  nameAt(index: number): number {
    return (this.starts[index] as number) + SLOT_HEADER_BYTES;
  }

  nameLengthOf(index: number): number {
    return Math.min(this.header(index, NAME_LENGTH), this.layout.nameBytes);
  }

  /** The sender's address as the kernel has it; empty where it has none. */
  nameOf(index: number): Uint8Array {
    const start = this.nameAt(index);
    return this.memory.subarray(start, start + this.nameLengthOf(index));
  }

  controlAt(index: number): number {
    return this.nameAt(index) + this.layout.nameBytes;
  }

  controlLengthOf(index: number): number {
    return Math.min(this.header(index, CONTROL_LENGTH), this.layout.controlBytes);
  }

  /** A word of the memory, for what is compared and not decoded. */
  wordAt(offset: number): number {
    return this.words[offset >>> 2] as number;
  }

  private header(index: number, word: number): number {
    return this.words[((this.starts[index] as number) >>> 2) + word] as number;
  }
}
