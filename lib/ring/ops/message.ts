/** A received message, and `struct msghdr` with what it points to. */
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  MSG_CTRUNC,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_TRUNC,
} from '../../abi.js';
import { decodeAddress, type SocketAddress } from '../../socket/address.js';
import type { Lease } from '../lease.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import type { ReceivedControl } from './control-in.js';

/** What came with the bytes of a message. */
export interface MessageParts {
  readonly byteCount: number;
  readonly address: SocketAddress | undefined;
  readonly control: ReceivedControl;
  readonly flags: number;
}

/**
 * A received message: its bytes are in the memory that was given for them.
 *
 * Descriptors that came along (`control.rights`, `control.pidfd`) are the receiver's: closed one by
 * one, or all at once by `dispose()` or `using`.
 */
export class Message implements Disposable {
  /** Bytes received; 0 may be an empty datagram, or the end of a stream. */
  readonly byteCount: number;
  /** Who sent it; undefined on connected streams and from sockets without a name. */
  readonly address: SocketAddress | undefined = undefined;
  readonly control: ReceivedControl;
  /** The datagram was longer than the memory given: its rest is lost. */
  readonly truncated: boolean;
  /** There were more control messages than room for them; files among those are closed. */
  readonly controlTruncated: boolean;
  /** A record ends here (seqpacket sockets). */
  readonly endOfRecord: boolean;
  /** It came from the error queue. */
  readonly fromErrorQueue: boolean;

  /** @internal */
  constructor({ byteCount, address, control, flags }: MessageParts) {
    this.byteCount = byteCount;
    this.address = address;
    this.control = control;
    this.truncated = (flags & MSG_TRUNC) !== 0;
    this.controlTruncated = (flags & MSG_CTRUNC) !== 0;
    this.endOfRecord = (flags & MSG_EOR) !== 0;
    this.fromErrorQueue = (flags & MSG_ERRQUEUE) !== 0;
  }

  /** Closes every descriptor that came along and is still open. */
  dispose(): void {
    for (const fd of this.control.rights) fd.close();
    this.control.pidfd?.close();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A message in a buffer of a pool: the bytes are the receiver's until it is disposed. */
export class LeasedMessage extends Message {
  readonly #lease: Lease;
  readonly #start: number;

  /** @internal `start` is where the bytes begin in the buffer. */
  constructor(parts: MessageParts, lease: Lease, start: number) {
    super(parts);
    this.#lease = lease;
    this.#start = start;
  }

  /** The received bytes; throws after `release`. */
  get bytes(): Uint8Array {
    return this.#lease.bytes.subarray(this.#start, this.#start + this.byteCount);
  }

  /** A copy of the bytes, which outlives the lease. */
  copy(): Uint8Array {
    return this.#lease.peek().slice(this.#start, this.#start + this.byteCount);
  }

  /** Gives the buffer back to the kernel; descriptors that came along stay the receiver's. */
  release(): void {
    this.#lease.release();
  }

  /** Gives the buffer back, and closes every descriptor that came along. */
  override dispose(): void {
    this.#lease.release();
    super.dispose();
  }
}

/** Word indices into `struct msghdr`. */
const NAME = 0;
const NAME_LENGTH = 2;
const IOVECS = 4;
const IOVEC_COUNT = 6;
const CONTROL = 8;
const CONTROL_LENGTH = 10;
const MESSAGE_FLAGS = 12;
const HEADER_WORDS = 14;
/** With padding, so that what follows is aligned. */
export const HEADER_BYTES = 64;

/** Where things are in the arguments, in bytes; the header itself comes first. */
export interface MessageLayout {
  readonly name: number;
  readonly nameBytes: number;
  readonly control: number;
  readonly controlBytes: number;
  readonly iovecs: number;
  readonly iovecCount: number;
}

/**
 * Fills the header; what has no bytes is not pointed to. A multishot receive is told the lengths
 * only: it writes to its buffers.
 */
export function writeHeader(block: Block, layout: MessageLayout, pointers = true): void {
  const { words } = block;
  words.fill(0, 0, HEADER_WORDS);
  words[NAME_LENGTH] = layout.nameBytes;
  words[IOVEC_COUNT] = layout.iovecCount;
  words[CONTROL_LENGTH] = layout.controlBytes;
  pointTo(block, IOVECS, layout.iovecs, layout.iovecCount);
  if (!pointers) return;
  pointTo(block, NAME, layout.name, layout.nameBytes);
  pointTo(block, CONTROL, layout.control, layout.controlBytes);
}

function pointTo(block: Block, word: number, offset: number, count: number): void {
  if (count === 0) return;
  const low = (block.addressLow >>> 0) + offset;
  block.words[word] = low | 0;
  block.words[word + 1] = block.addressHigh + highWord(low);
}

/** What the kernel has written into the header. */
export function readHeader({ words }: Block): {
  nameBytes: number;
  controlBytes: number;
  flags: number;
} {
  return {
    nameBytes: words[NAME_LENGTH] as number,
    controlBytes: words[CONTROL_LENGTH] as number,
    flags: words[MESSAGE_FLAGS] as number,
  };
}

const KNOWN_FAMILIES: readonly number[] = [AF_INET, AF_INET6, AF_UNIX];

/** An address as the kernel wrote it; undefined where it is none. */
export function addressIn(bytes: Uint8Array): SocketAddress | undefined {
  // A socket without a name has a family and nothing else.
  if (bytes.length <= 2) return undefined;
  const family = (bytes[0] as number) | ((bytes[1] as number) << 8);
  return KNOWN_FAMILIES.includes(family) ? decodeAddress(bytes) : undefined;
}

export const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength);
