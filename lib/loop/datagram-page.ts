/** recvmmsg and sendmmsg for all datagram sockets of a backend: no argument crosses over. */
import { MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC } from '../abi.js';
import { systemError } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';
import { BATCH, DATAGRAM_BYTES_MAX, SlotLayout } from './datagram-batch.js';

/** Words of `struct DatagramPage` in native/datagrams.cc. */
const FD = 0;
const RESULT = 1;
const LOW = 2;
const HIGH = 3;
const COUNT = 4;
const FLAGS = 5;
const STRIDE = 6;
const NAME_BYTES = 7;
const CONTROL_BYTES = 8;
const PAYLOAD_BYTES = 9;
const ENTRIES = 10;

const HIGH_WORD = 2 ** 32;
/** What is cut off is told by the length (MSG_TRUNC). */
const RECEIVE_FLAGS = MSG_DONTWAIT | MSG_TRUNC;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;
/** Room for an address and for all control messages of the largest slot. */
const NAME_BYTES_MAX = 128;
export const CONTROL_BYTES_MAX = 1024;

/** Results are as the kernel gives them: how many datagrams, or `-errno`. */
export class DatagramPage {
  private slots: Mapping | undefined = undefined;
  private readonly words: Int32Array;
  private readonly recvmmsg: () => void;
  private readonly sendmmsg: () => void;

  constructor() {
    const made = native.datagramPage();
    if (typeof made === 'number') throw systemError(made, 'mmap');
    this.words = new Int32Array(made.page);
    this.recvmmsg = made.recvmmsg;
    this.sendmmsg = made.sendmmsg;
  }

  /** Where everybody receives: what is in it is good for one callback. */
  get memory(): Uint8Array {
    return this.mapping.bytes;
  }

  private get mapping(): Mapping {
    const largest = new SlotLayout(NAME_BYTES_MAX, CONTROL_BYTES_MAX, DATAGRAM_BYTES_MAX);
    this.slots ??= Mapping.anonymous({ size: BATCH * largest.stride, populate: false });
    return this.slots;
  }

  /** Up to `count` datagrams into the first slots of `memory`. */
  receive(fd: number, layout: SlotLayout, count: number): number {
    const { words } = this;
    this.point(this.slots ?? this.mapping, 0);
    words[FD] = fd;
    words[COUNT] = count;
    words[FLAGS] = RECEIVE_FLAGS;
    words[STRIDE] = layout.stride;
    words[NAME_BYTES] = layout.nameBytes;
    words[CONTROL_BYTES] = layout.controlBytes;
    words[PAYLOAD_BYTES] = layout.payloadBytes;
    this.recvmmsg();
    return words[RESULT] as number;
  }

  /** `count` datagrams, whose entries begin at `entries` of what is at `base` of `mapping`. */
  send(fd: number, mapping: Mapping, base: number, entries: number, count: number): number {
    const { words } = this;
    this.point(mapping, base);
    words[FD] = fd;
    words[COUNT] = count;
    words[FLAGS] = SEND_FLAGS;
    words[ENTRIES] = entries;
    this.sendmmsg();
    return words[RESULT] as number;
  }

  private point(mapping: Mapping, offset: number): void {
    const low = (mapping.addressLow >>> 0) + offset;
    this.words[LOW] = low | 0;
    this.words[HIGH] = mapping.addressHigh + (low >= HIGH_WORD ? 1 : 0);
  }

  dispose(): void {
    this.slots?.dispose();
  }
}
