/** An entry of a submission queue, filled by hand: fields of `struct io_uring_sqe`, by name. */
import { IOSQE_BUFFER_SELECT, IOSQE_CQE_SKIP_SUCCESS, IOSQE_FIXED_FILE } from '../../abi.js';
import { Descriptor } from '../../fd/fd.js';
import { Mapping } from '../../memory/mapping.js';
import { bytesView, integer, invalidType, invalidValue, outOfRange } from '../../validate.js';
import {
  highWord,
  SQE_ADDRESS_LOW,
  SQE_ADDRESS3_LOW,
  SQE_BUFFER,
  SQE_FD,
  SQE_FILE_INDEX,
  SQE_FLAGS_SHIFT,
  SQE_HEAD,
  SQE_IOPRIO_SHIFT,
  SQE_LENGTH,
  SQE_OFFSET_LOW,
  SQE_OPERATION_FLAGS,
  SQE_USER_DATA_HIGH,
  SQE_USER_DATA_LOW,
} from '../sqe.js';
import type { Field, Shape } from './shapes.js';

const WORD = 2 ** 32 - 1;
const HALF = 2 ** 16 - 1;
/** IOSQE_* bits that would upset what the ring knows: fixed files are not of this door. */
const REFUSED = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
const FIELDS = { address: 0, offset: 1, address3: 2 } as const;
type FieldName = keyof typeof FIELDS;

/**
 * The entry that `getSqe` gave last. It is one object for all of them: what is kept of it names the
 * next entry. Every field is 0 at first, and `fd` -1.
 */
export class Sqe {
  readonly #words: Int32Array;
  readonly #hold: (mapping: Mapping) => void;
  #entry = 0;
  /** Undefined when the entry is the kernel's, or none has been given. */
  #shape: Shape | undefined = undefined;
  #name = '';
  /** Bytes of the view that each field names; -1 where it holds a value, or nothing. */
  readonly #room = [-1, -1, -1];

  /** @internal */
  constructor(words: Int32Array, hold: (mapping: Mapping) => void) {
    this.#words = words;
    this.#hold = hold;
  }

  /** @internal */
  point(base: number, opcode: number, name: string, shape: Shape): this {
    this.#entry = base;
    this.#shape = shape;
    this.#name = name;
    this.#room.fill(-1);
    this.#words[base + SQE_HEAD] = opcode;
    this.#words[base + SQE_FD] = -1;
    return this;
  }

  /** Its first word; an entry that has been submitted is not to be changed any more. */
  get #base(): number {
    if (this.#shape === undefined) throw new TypeError('the entry has been submitted');
    return this.#entry;
  }

  /** IOSQE_* bits. */
  set flags(bits: number) {
    if ((integer('flags', bits, 0, 0xff) & REFUSED) !== 0) {
      throw invalidValue('flags', 'must be without FIXED_FILE and CQE_SKIP_SUCCESS', bits);
    }
    const head = this.#words[this.#base + SQE_HEAD] as number;
    this.#words[this.#base + SQE_HEAD] =
      (head & ~(0xff << SQE_FLAGS_SHIFT)) | (bits << SQE_FLAGS_SHIFT);
  }

  set ioprio(bits: number) {
    const head = this.#words[this.#base + SQE_HEAD] as number;
    this.#words[this.#base + SQE_HEAD] =
      (head & HALF) | (integer('ioprio', bits, 0, HALF) << SQE_IOPRIO_SHIFT);
  }

  /**
   * An OwnedFd or `asFd(number)`, which the program keeps open; -100 for the working directory; any
   * number where the operation takes one that is no descriptor.
   */
  set fd(value: Descriptor | number) {
    if (typeof value !== 'number') {
      if (!(value instanceof Descriptor) || value.direct || value.fd < 0) {
        throw invalidType('fd', 'an open OwnedFd or asFd(number)', value);
      }
      this.#words[this.#base + SQE_FD] = value.fd;
    } else {
      const most = this.#shape?.plainFd ? WORD : -1;
      if (most === -1 && !(value < 0)) throw invalidType('fd', 'an OwnedFd or asFd(number)', value);
      this.#words[this.#base + SQE_FD] = integer('fd', value, -(2 ** 31), most) | 0;
    }
  }

  /** `addr`: a view of a Mapping, or a value where the operation takes one. */
  set address(value: ArrayBufferView | number | bigint) {
    this.#set('address', SQE_ADDRESS_LOW, value);
  }

  /** `off`, `addr2`: a view of a Mapping where the operation takes an address, else a value. */
  set offset(value: ArrayBufferView | number | bigint) {
    this.#set('offset', SQE_OFFSET_LOW, value);
  }

  /** `addr3`, likewise. */
  set address3(value: ArrayBufferView | number | bigint) {
    this.#set('address3', SQE_ADDRESS3_LOW, value);
  }

  /** `len`: bytes, or a count. */
  set length(value: number) {
    this.#words[this.#base + SQE_LENGTH] = integer('length', value, 0, WORD) | 0;
  }

  /** `rw_flags`, `msg_flags`, `open_flags`: the word that has a name for each operation. */
  set operationFlags(bits: number) {
    this.#words[this.#base + SQE_OPERATION_FLAGS] = integer('operationFlags', bits, -1, WORD) | 0;
  }

  /** `buf_index`, `buf_group`. */
  set bufferGroup(value: number) {
    const word = this.#words[this.#base + SQE_BUFFER] as number;
    this.#words[this.#base + SQE_BUFFER] = (word & ~HALF) | integer('bufferGroup', value, 0, HALF);
  }

  /** `splice_fd_in`, `file_index`: a descriptor, or a number. */
  set fileIndex(value: Descriptor | number) {
    const number = value instanceof Descriptor ? value.fd : value;
    this.#words[this.#base + SQE_FILE_INDEX] = integer('fileIndex', number, 0, WORD) | 0;
  }

  /** Comes back with each completion: a whole number below 2^53, or 64 bits. */
  set userData(value: number | bigint) {
    this.#put('userData', SQE_USER_DATA_LOW, value);
  }

  /** As `userData`, in two words. */
  setUserData(low: number, high: number): void {
    this.#words[this.#base + SQE_USER_DATA_LOW] = low;
    this.#words[this.#base + SQE_USER_DATA_HIGH] = high;
  }

  /** @internal It goes to the kernel now; throws when that would use more than it names. */
  check(): void {
    const shape = this.#shape as Shape;
    this.#shape = undefined;
    const length = (this.#words[this.#entry + SQE_LENGTH] as number) >>> 0;
    const head = this.#words[this.#entry + SQE_HEAD] as number;
    const selects = (head & (IOSQE_BUFFER_SELECT << SQE_FLAGS_SHIFT)) !== 0;
    for (const name of Object.keys(FIELDS) as FieldName[]) {
      const field: Field = shape[name];
      const room = this.#room[FIELDS[name]] as number;
      // Nothing is named: the kernel answers EFAULT, or takes a provided buffer.
      if (typeof field === 'string' || room < 0 || (selects && name === 'address')) continue;
      const needed = field.bytes + field.each * length;
      if (room < needed)
        throw outOfRange(`${name} of ${this.#name}`, `${needed} bytes or more`, room);
    }
  }

  #set(name: FieldName, word: number, value: ArrayBufferView | number | bigint): void {
    if (this.#shape === undefined) throw new TypeError('the entry has been submitted');
    const field = this.#shape[name];
    if (typeof value === 'number' || typeof value === 'bigint') {
      if (field !== 'value') {
        throw invalidType(name, `a view of a Mapping for ${this.#name}, if anything`, value);
      }
      this.#put(name, word, value);
      return;
    }
    const view = bytesView(name, value);
    const mapping = Mapping.of(view);
    if (mapping === undefined || typeof field === 'string') {
      const wanted =
        field === 'value' ? 'a number' : field === 'none' ? 'left out' : 'a view of a Mapping';
      throw invalidType(name, `${wanted} for ${this.#name}`, value);
    }
    this.#hold(mapping);
    const low = (mapping.addressLow >>> 0) + view.byteOffset;
    this.#words[this.#base + word] = low | 0;
    this.#words[this.#base + word + 1] = mapping.addressHigh + highWord(low);
    this.#room[FIELDS[name]] = view.byteLength;
  }

  #put(name: string, word: number, value: number | bigint): void {
    if (typeof value === 'bigint') {
      const bits = BigInt.asUintN(64, value);
      this.#words[this.#base + word] = Number(bits & 0xffff_ffffn) | 0;
      this.#words[this.#base + word + 1] = Number(bits >> 32n) | 0;
      return;
    }
    integer(name, value, -1, Number.MAX_SAFE_INTEGER);
    this.#words[this.#base + word] = value | 0;
    this.#words[this.#base + word + 1] = highWord(value);
  }
}
