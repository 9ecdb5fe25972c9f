/** Receives and sends of a thread's own memory, by way of a page: no argument crosses over. */
import { MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL } from '../abi.js';
import { systemError } from '../errors.js';
import { Mapping } from '../memory/mapping.js';
import { native } from '../native.js';

/** Words of `struct TransferPage` in native/transfer.cc. */
const FD = 0;
const RESULT = 1;
const LOW = 2;
const HIGH = 3;
const LENGTH = 4;
const FLAGS = 5;

const HIGH_WORD = 2 ** 32;
const RECEIVE_BYTES = 65_536;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

/** Results are as the kernel gives them: a count, or `-errno`. */
export class TransferPage {
  /** Where everybody receives: what is in it is good for one callback. */
  readonly bytes: Uint8Array;
  private readonly memory = Mapping.anonymous({ size: RECEIVE_BYTES });
  private readonly words: Int32Array;
  private readonly recv: () => void;
  private readonly transmit: () => void;

  constructor() {
    const made = native.transferPage();
    if (typeof made === 'number') throw systemError(made, 'mmap');
    this.bytes = this.memory.bytes;
    this.words = new Int32Array(made.page);
    this.recv = made.recv;
    this.transmit = made.send;
  }

  /** recv(2) into `bytes`. */
  receive(fd: number): number {
    this.point(fd, this.memory, 0, RECEIVE_BYTES);
    this.words[FLAGS] = MSG_DONTWAIT;
    this.recv();
    return this.words[RESULT] as number;
  }

  /** send(2) of a part of `mapping`; `more` when something follows at once. */
  send(fd: number, mapping: Mapping, offset: number, length: number, more = false): number {
    this.point(fd, mapping, offset, length);
    this.words[FLAGS] = more ? SEND_FLAGS | MSG_MORE : SEND_FLAGS;
    this.transmit();
    return this.words[RESULT] as number;
  }

  /** send(2) of bytes that may be anybody's. */
  sendBytes(fd: number, bytes: Uint8Array, offset: number, length: number): number {
    const own = bytes === this.bytes && offset + length <= RECEIVE_BYTES;
    if (own) return this.send(fd, this.memory, offset, length);
    return native.send(fd, bytes, offset, length, SEND_FLAGS);
  }

  private point(fd: number, mapping: Mapping, offset: number, length: number): void {
    const { words } = this;
    const low = (mapping.addressLow >>> 0) + offset;
    words[FD] = fd;
    words[LOW] = low | 0;
    words[HIGH] = mapping.addressHigh + (low >= HIGH_WORD ? 1 : 0);
    words[LENGTH] = length;
  }

  dispose(): void {
    this.memory.dispose();
  }
}
