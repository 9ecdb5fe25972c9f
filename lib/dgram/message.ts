/** One datagram: its bytes, its sender, and what came beside it. */
import { DatagramBatch } from '../loop/datagram-batch.js';
import { Received } from '../loop/received.js';
import { decodeControl, type ReceivedControl, type Timestamp } from '../ring/ops/control-in.js';
import { isMulticast } from '../socket/multicast.js';
import type { Peer } from './peer.js';
import type { SendOptions } from './send-options.js';

/** What a message needs of its socket. */
export interface MessageSocket {
  senderOf(batch: DatagramBatch, index: number): Peer | undefined;
  send(bytes: Received | Uint8Array | string, to: Peer | undefined, options?: SendOptions): boolean;
  /** Tells that there is nobody to be sent to. */
  unanswerable(): boolean;
}

/** What comes beside a datagram of a socket that asked for nothing. */
const NOTHING: ReceivedControl = { rights: [], raw: [] };
/** The two bits of ECN in a traffic class. */
const ECN_BITS = 3;

/**
 * A datagram. In a handler it is lent: it is good until the handler returns, and `keep()` is what
 * there is to keep. One from `receive` or `for await` is the receiver's own.
 */
export class Message extends Received {
  private readonly owner: MessageSocket;
  private shownIn: DatagramBatch | undefined = undefined;
  private place = 0;
  private decoded: ReceivedControl | undefined = undefined;

  /** @internal */
  constructor(socket: MessageSocket) {
    super();
    this.owner = socket;
  }

  /** @internal */
  show(batch: DatagramBatch, index: number): void {
    this.shownIn = batch;
    this.place = index;
    this.decoded = undefined;
    this.lend(batch.memory, batch.lengthOf(index), batch.startOf(index));
  }

  override takeBack(): void {
    super.takeBack();
    this.shownIn = undefined;
    this.decoded = undefined;
  }

  private get shown(): DatagramBatch {
    if (this.shownIn === undefined)
      throw new TypeError('the message was lent, and is gone: keep()');
    return this.shownIn;
  }

  /** Who sent it; undefined where a Unix socket has no name. */
  get from(): Peer | undefined {
    return this.owner.senderOf(this.shown, this.place);
  }

  /** Bytes that were sent: more than `length` where there was no room for them. */
  get fullLength(): number {
    return this.shown.fullLengthOf(this.place);
  }

  /** Its end was cut off: `maxBytes` was too few. */
  get truncated(): boolean {
    return this.fullLength > this.length;
  }

  private get beside(): ReceivedControl {
    const batch = this.shown;
    if (batch.layout.controlBytes === 0) return NOTHING;
    if (this.decoded === undefined) {
      const { buffer, byteOffset, byteLength } = batch.memory;
      const view = new DataView(buffer, byteOffset, byteLength);
      const [start, length] = [batch.controlAt(this.place), batch.controlLengthOf(this.place)];
      this.decoded = decodeControl(view, start, length);
    }
    return this.decoded;
  }

  /** The address that it was sent to (`packetInfo`). */
  get to(): string | undefined {
    return this.beside.pktinfo?.address;
  }

  /** The number of the interface by which it came (`packetInfo`). */
  get interfaceIndex(): number | undefined {
    return this.beside.pktinfo?.interfaceIndex;
  }

  /** When the kernel received it (`timestamps`). */
  get timestamp(): Timestamp | undefined {
    const { timestamp, timestamping } = this.beside;
    return timestamp ?? timestamping?.software;
  }

  /** When the network card did (`timestamps: 'hardware'`). */
  get hardwareTimestamp(): Timestamp | undefined {
    return this.beside.timestamping?.hardware;
  }

  /** All 8 bits of it (`trafficClass`). */
  get trafficClass(): number | undefined {
    return this.beside.trafficClass;
  }

  /** Explicit congestion notification: 0 none, 1 and 2 capable, 3 congestion (`trafficClass`). */
  get ecn(): number | undefined {
    const { trafficClass } = this.beside;
    return trafficClass === undefined ? undefined : trafficClass & ECN_BITS;
  }

  /** Time to live (`hopLimit`). */
  get hopLimit(): number | undefined {
    return this.beside.hopLimit;
  }

  /** How many datagrams the socket had no room for so far (`dropped`). */
  get dropped(): number {
    return this.beside.dropped ?? 0;
  }

  /** It is datagrams of so many bytes, the last one perhaps of fewer (`offload`); else one. */
  get segmentSize(): number | undefined {
    return this.beside.segmentSize;
  }

  /** Its datagrams one by one, as views without a copy. */
  *segments(): Generator<Uint8Array, void, undefined> {
    const size = this.segmentSize ?? this.length;
    for (let at = 0; at < this.length; at += size) {
      const from = this.start + at;
      yield this.source.subarray(from, Math.min(from + size, this.start + this.length));
    }
    if (this.length === 0) yield this.bytes;
  }

  /**
   * Sends to whom it came from, and, with `packetInfo`, from the address of this machine that it
   * was sent to. As `send` of the socket; a sender without a name cannot be answered, which `error`
   * is told (EDESTADDRREQ).
   */
  reply(bytes: Received | Uint8Array | string, options: SendOptions = {}): boolean {
    const { from } = this;
    if (from === undefined) return this.owner.unanswerable();
    const { pktinfo } = this.beside;
    const local = pktinfo?.local ?? pktinfo?.address;
    if (local === undefined || options.from !== undefined || isMulticast(local)) {
      return this.owner.send(bytes, from, options);
    }
    return this.owner.send(bytes, from, { ...options, from: local });
  }

  /** The same as the caller's own, with a copy of the bytes. */
  keep(): Message {
    const { layout, memory } = this.shown;
    const start = this.start - layout.prefix;
    const copy = memory.slice(start, this.start + ((this.length + 3) & ~3));
    const batch = new DatagramBatch(layout, copy, 1);
    batch.add(0, this.length);
    const kept = new Message(this.owner);
    kept.show(batch, 0);
    return kept;
  }
}

/** Messages that came together: lent until the handler returns. */
export class Messages implements Iterable<Message> {
  private readonly owner: MessageSocket;
  private readonly messages: Message[] = [];
  /** How many. */
  length = 0;

  /** @internal */
  constructor(socket: MessageSocket) {
    this.owner = socket;
  }

  /** @internal */
  show(batch: DatagramBatch): void {
    this.length = batch.count;
    for (let index = 0; index < batch.count; index++) {
      this.messages[index] ??= new Message(this.owner);
      (this.messages[index] as Message).show(batch, index);
    }
  }

  /** @internal */
  takeBack(): void {
    for (let index = 0; index < this.length; index++) (this.messages[index] as Message).takeBack();
    this.length = 0;
  }

  /** The message at `index`; undefined past the end. */
  at(index: number): Message | undefined {
    return index < this.length ? this.messages[index] : undefined;
  }

  *[Symbol.iterator](): Generator<Message, void, undefined> {
    for (let index = 0; index < this.length; index++) yield this.messages[index] as Message;
  }
}
