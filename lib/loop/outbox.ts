/** Datagrams on their way out: copied into the library's memory, and sent many with one call. */
import { EINTR } from '../abi.js';
import { BATCH } from './datagram-batch.js';
import type { DatagramPage } from './datagram-page.js';
import { type Block, type BlockPool, copy } from './outgoing.js';

/** Words of an entry (`struct Entry` in native/datagrams.cc), and its bytes. */
const ENTRY_WORDS = 6;
const ENTRY_BYTES = 4 * ENTRY_WORDS;
const PAYLOAD = 0;
const PAYLOAD_LENGTH = 1;
const NAME = 2;
const NAME_LENGTH = 3;
const CONTROL = 4;
const CONTROL_LENGTH = 5;

const align8 = (bytes: number): number => (bytes + 7) & ~7;
const ENTRIES_BYTES = align8(BATCH * ENTRY_BYTES);
/** A datagram that long, and all behind it, go into the larger blocks. */
const SMALL_DATAGRAM = 256;
const LARGE_BLOCK = 65_536;

/** A block of datagrams: entries first, then what they point to. */
class Parcel {
  readonly block: Block;
  readonly words: Int32Array;
  /** The entry that is sent next, and how many there are. */
  first = 0;
  count = 0;
  private used = ENTRIES_BYTES;
  /** Given last, and copied already. */
  private name: Uint8Array | undefined = undefined;
  private nameAt = 0;
  private control: Uint8Array | undefined = undefined;
  private controlAt = 0;
  next: Parcel | undefined = undefined;

  constructor(block: Block) {
    this.block = block;
    const { buffer, byteOffset } = block.bytes;
    this.words = new Int32Array(buffer, byteOffset, ENTRIES_BYTES / 4);
  }

  hasRoom(bytes: number): boolean {
    return this.count < BATCH && this.used + bytes <= this.block.bytes.length;
  }

  add(source: Uint8Array, name: Uint8Array | undefined, control: Uint8Array | undefined): void {
    const { words } = this;
    const { length } = source;
    const base = this.count++ * ENTRY_WORDS;
    if (name !== undefined && name !== this.name) {
      this.name = name;
      this.nameAt = this.put(name);
    }
    if (control !== undefined && control !== this.control) {
      this.control = control;
      this.controlAt = this.put(control);
    }
    words[base + NAME] = this.nameAt;
    words[base + NAME_LENGTH] = name === undefined ? 0 : name.length;
    words[base + CONTROL] = this.controlAt;
    words[base + CONTROL_LENGTH] = control === undefined ? 0 : control.length;
    words[base + PAYLOAD] = this.put(source);
    words[base + PAYLOAD_LENGTH] = length;
  }

  private put(source: Uint8Array): number {
    const at = this.used;
    copy(source, 0, source.length, this.block.bytes, at);
    this.used = align8(at + source.length);
    return at;
  }

  /** The bytes of the next `count` datagrams, which have been sent or given up. */
  consume(count: number): number {
    let bytes = 0;
    for (const end = this.first + count; this.first < end; this.first++) {
      bytes += this.words[this.first * ENTRY_WORDS + PAYLOAD_LENGTH] as number;
    }
    return bytes;
  }
}

/** What one socket has yet to send, in order. */
export class Outbox {
  private readonly pool: BlockPool;
  private readonly page: DatagramPage;
  private first: Parcel | undefined = undefined;
  private last: Parcel | undefined = undefined;
  /** Datagrams that the kernel has not taken yet, and their bytes. */
  pending = 0;
  pendingBytes = 0;
  /** Datagrams that it took, and their bytes. */
  sent = 0;
  sentBytes = 0;

  constructor(pool: BlockPool, page: DatagramPage) {
    this.pool = pool;
    this.page = page;
  }

  append(source: Uint8Array, name: Uint8Array | undefined, control: Uint8Array | undefined): void {
    const { length } = source;
    const room = align8(length) + align8(name?.length ?? 0) + align8(control?.length ?? 0);
    let parcel = this.last;
    if (parcel === undefined || !parcel.hasRoom(room)) parcel = this.extend(length);
    parcel.add(source, name, control);
    this.pending++;
    this.pendingBytes += length;
  }

  private extend(length: number): Parcel {
    const large = length > SMALL_DATAGRAM || this.last !== undefined;
    const parcel = new Parcel(this.pool.take(large ? LARGE_BLOCK : 1));
    if (this.last === undefined) this.first = parcel;
    else this.last.next = parcel;
    this.last = parcel;
    return parcel;
  }

  /** Sends until all is sent, and answers 0, or until one is refused, and answers `-errno`. */
  send(fd: number): number {
    while (this.first !== undefined) {
      const { block, first, count } = this.first;
      const result = this.page.send(
        fd,
        block.mapping,
        block.base,
        first * ENTRY_BYTES,
        count - first,
      );
      if (result < 0 && result !== -EINTR) return result;
      if (result > 0) {
        this.sent += result;
        this.sentBytes += this.consume(this.first, result);
      }
    }
    return 0;
  }

  /** The first one is not sent: it was refused. */
  drop(): void {
    if (this.first !== undefined) this.consume(this.first, 1);
  }

  private consume(parcel: Parcel, count: number): number {
    const bytes = parcel.consume(count);
    this.pending -= count;
    this.pendingBytes -= bytes;
    if (parcel.first < parcel.count) return bytes;
    this.first = parcel.next;
    if (this.first === undefined) this.last = undefined;
    this.pool.give(parcel.block);
    return bytes;
  }

  clear(): void {
    while (this.first !== undefined) this.consume(this.first, this.first.count - this.first.first);
  }
}
