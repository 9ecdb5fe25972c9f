/** An operation as a value: what goes into a submission queue entry, and how its result is read. */
import { IOSQE_ASYNC, IOSQE_BUFFER_SELECT, IOSQE_FIXED_FILE, IOSQE_IO_DRAIN } from '../abi.js';
import type { ErrorDetail } from '../errors.js';
import type { Descriptor, DirectFd } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import { boolean, bytesView, integer, invalidType, invalidValue, onlyKeys } from '../validate.js';
import type { BufferRing } from './buffer-ring.js';
import type { FileTable } from './registrations/file-table.js';
import { Personality } from './registrations/personality.js';
import { highWord, SQE_FLAGS_SHIFT, SQE_IOPRIO_SHIFT } from './sqe.js';
import type { Block } from './staging.js';

/** What is true of every operation of a kind. */
export interface OperationKind<Result> {
  /** As the kernel calls it, lower case: 'accept'. */
  readonly name: string;
  readonly code: number;
  /** First kernel that has it. */
  readonly since: string;
  /** The result is a descriptor, which is closed when nobody is left to receive it. */
  readonly yieldsFd: boolean;
  /** Two descriptors come in memory, and the result is none. */
  readonly yieldsPair: boolean;
  /** What it opened is told in memory, where a handler cannot see it. */
  readonly toldInMemory: boolean;
  /** Needs memory that was registered with the ring. */
  readonly fixedBuffer: boolean;
  /** Its entry has 128 bytes (`sqe128`). */
  readonly wide: boolean;
  /** The kernel does it in a worker thread, without trying first whether it can be done at once. */
  readonly inWorker: boolean;
  /** The kernel keeps the memory when it has completed: it stays mapped until the ring closes. */
  readonly keepsMapping: boolean;
  /** Results with more to follow are numbers of 32 bits without a sign, and never errors. */
  readonly unsignedMore: boolean;
  /** Errors that mean success, such as ETIME of a timeout. */
  readonly successes: readonly number[];
  /** It closes the descriptor that it names, which is the thread's until the kernel is told. */
  readonly closes: boolean;
  /** It was cancelled before it began: what it took over is given back. */
  cancelled?(operation: Operation<Result>): void;
  /** Descriptors that a completion brings inside a message, and not as its result. */
  eachFd?(operation: Operation<Result>, block: Block, flags: number, visit: FdVisitor): void;
  /**
   * The second moment of a result: IORING_CQE_F_NOTIF, or undefined when it will never come.
   */
  notified?(value: Result, result: number | undefined): void;
  /** Reads a successful completion; `result` is 0 or more. */
  decode(
    result: number,
    flags: number,
    operation: Operation<Result>,
    block: Block | undefined,
  ): Result;
}

export type FdVisitor = (fd: number) => void;

/** A kind with what most have in common; the booleans default to false. */
export function kind<Result>(
  facts: Pick<OperationKind<Result>, 'name' | 'code' | 'since' | 'decode'> &
    Partial<OperationKind<Result>>,
): OperationKind<Result> {
  return {
    yieldsFd: false,
    yieldsPair: false,
    toldInMemory: facts.yieldsPair ?? false,
    fixedBuffer: false,
    keepsMapping: false,
    closes: false,
    wide: false,
    inWorker: false,
    unsignedMore: false,
    successes: [],
    ...facts,
  };
}

/** The result of most operations: a count of bytes. */
export const byteCount = (result: number): number => result;
/** The result of those that only succeed or fail. */
export const nothing = (): void => undefined;

/** Modifiers that every operation takes. */
export interface CommonOptions {
  /** IOSQE_ASYNC: straight to a kernel worker thread, without trying first. */
  async?: boolean;
  /**
   * IOSQE_IO_DRAIN: starts when all submitted before it have completed. One ring does this or sends
   * without a copy, and refuses the other with an UnsupportedError: kernels miscount the two
   * completions of such a send, and what they would hold back for ever could not be cancelled.
   */
  drain?: boolean;
  /** Runs it with the rights that were registered (`ring.registerPersonality`). */
  personality?: Personality;
}

const COMMON_KEYS = ['async', 'drain', 'personality'] as const;

/** Which way bytes go between the operation's memory and the user's. */
export type Direction = 'none' | 'source' | 'target';

/**
 * In user_data; the native side reads the first when a thread ends with the operation in flight.
 */
export const YIELDS_FD = 1 << 23;
export const OPCODE_SHIFT = 24;
/** In the word of the buffer. */
const PERSONALITY_SHIFT = 16;

/** What the kernel moves in one call at most (MAX_RW_COUNT); more is asked for by the next one. */
export const BYTES_MAX = 0x7fff_f000;

/** What a submission and its completions carry, as two 32-bit words: the name of an operation. */
export interface UserData {
  readonly low: number;
  readonly high: number;
}

/** The words of a name, checked. */
export function userDataWords(name: string, value: UserData): UserData {
  onlyKeys(name, value, ['low', 'high']);
  const word = (key: 'low' | 'high'): number =>
    integer(`${name}.${key}`, value[key], -(2 ** 31), 2 ** 32 - 1) | 0;
  return { low: word('low'), high: word('high') };
}

const NO_BYTES: readonly Uint8Array[] = [];

/**
 * One operation, ready to be submitted any number of times.
 *
 * Its fields are copied at submission: it may be changed and submitted again while an earlier
 * submission is in flight. The memory that it names belongs to the kernel until the last
 * completion.
 */
export class Operation<Result> {
  readonly kind: OperationKind<Result>;
  readonly descriptor: Descriptor | undefined = undefined;
  /** Of the low word of user_data, what is not the slot: opcode, and whether a descriptor comes. */
  readonly userData: number;
  /** opcode, IOSQE_* flags and ioprio in one word. */
  head: number;
  fd: number;
  offsetLow = 0;
  offsetHigh = 0;
  addressLow = 0;
  addressHigh = 0;
  length = 0;
  /** Bytes of the mapping from the address on: more must never be asked for. */
  room = Number.POSITIVE_INFINITY;
  operationFlags = 0;
  buffer = 0;
  fileIndex = 0;
  /** The third address, which few operations have: futex masks, option values, attribute names. */
  address3Low = 0;
  address3High = 0;
  /** The last two words: of a command of 16 bytes, which begins at the third address. */
  lastLow = 0;
  lastHigh = 0;
  /** Words of a longer command, for an entry that is wide. */
  command: Int32Array | undefined = undefined;
  /** Library memory named by the address, kept mapped until the last completion. */
  mapping: Mapping | undefined = undefined;
  /** Descriptors that it names besides its own: they must be open, and stay so until it is over. */
  others: readonly Descriptor[] | undefined = undefined;
  /** A file that it opens stands in this table afterwards, and gets no descriptor. */
  table: FileTable | undefined = undefined;
  /** In this slot of it, reserved before; without one the kernel chooses. */
  into: DirectFd | undefined = undefined;
  /** Where the kernel picks a buffer from. */
  bufferRing: BufferRing | undefined = undefined;
  /** Where it was made, when its leases are watched. */
  site: string | undefined = undefined;
  /** What a message brings beside its bytes is in that buffer too, and not in the arguments. */
  inBuffers = false;
  /** Whose rights it runs with. */
  personality: Personality | undefined = undefined;
  /** Users' own bytes: they pass through a staging block. */
  staged: readonly Uint8Array[] = NO_BYTES;
  direction: Direction = 'none';
  /** It cannot be changed any more (`freeze`). */
  frozen = false;
  /** It names no memory but a mapping's: nothing has to be copied or written before submission. */
  plain = true;
  /** What the operation is about, for its error. */
  about: ErrorDetail | undefined = undefined;
  /** Bytes of native memory for arguments, in front of the staged bytes. */
  argumentBytes = 0;
  /** Writes the arguments into the block, and the block's addresses into this operation's words. */
  writeArguments: ((operation: Operation<unknown>, block: Block) => void) | undefined = undefined;

  constructor(kind: OperationKind<Result>, target?: Descriptor) {
    this.kind = kind;
    this.descriptor = target;
    this.userData =
      (kind.yieldsFd || kind.yieldsPair ? YIELDS_FD : 0) | (kind.code << OPCODE_SHIFT);
    this.fd = target === undefined ? -1 : target.fd;
    this.head = kind.code | (target?.direct ? IOSQE_FIXED_FILE << SQE_FLAGS_SHIFT : 0);
  }

  /**
   * @internal From now on it is about another descriptor, of the same kind; what is in flight stays
   * on its own. For one operation that many use.
   */
  on(target: Descriptor): this {
    (this as { descriptor: Descriptor | undefined }).descriptor = target;
    this.fd = target.fd;
    return this;
  }

  /** Bytes from the start of the file; -1 uses and moves the file's own position. */
  get offset(): number {
    return (this.offsetHigh >>> 0) * 0x1_0000_0000 + (this.offsetLow >>> 0);
  }

  set offset(value: number) {
    this.offsetLow = value | 0;
    this.offsetHigh = highWord(value);
  }

  /**
   * Ends all changes to it. Where the entry of a queue still holds a frozen operation, from when it
   * was submitted last, nothing but its name is written: for what is submitted again and again.
   *
   * Not for operations whose entry the ring fills in at each submission: on users' own bytes, with
   * arguments in memory, or on registered buffers.
   */
  freeze(): this {
    if (!this.plain || this.kind.fixedBuffer) {
      throw new TypeError(`${this.kind.name} is filled in anew at each submission`);
    }
    this.frozen = true;
    return Object.freeze(this);
  }

  /** @internal Sets IOSQE_* bits. */
  addFlags(flags: number): this {
    this.head |= flags << SQE_FLAGS_SHIFT;
    return this;
  }

  /** @internal Sets bits of ioprio, where several operations keep modifiers. */
  addPriority(bits: number): this {
    this.head |= bits << SQE_IOPRIO_SHIFT;
    return this;
  }

  /** Checks the options that every operation takes, together with the kind's own. */
  common(options: CommonOptions, ...own: string[]): this {
    onlyKeys('options', options, [...own, ...COMMON_KEYS]);
    if (boolean('async', options.async ?? false)) this.addFlags(IOSQE_ASYNC);
    if (boolean('drain', options.drain ?? false)) this.addFlags(IOSQE_IO_DRAIN);
    if (options.personality !== undefined) this.#runAs(options.personality);
    return this;
  }

  #runAs(personality: unknown): void {
    if (!(personality instanceof Personality) || personality.disposed) {
      throw invalidType('personality', 'made by `ring.registerPersonality`', personality);
    }
    this.personality = personality;
    this.buffer |= personality.id << PERSONALITY_SHIFT;
  }

  /**
   * Names the memory of one view: directly when the library mapped it, staged when the user did.
   */
  bytes(name: string, value: unknown, direction: Direction): this {
    const view = bytesView(name, value);
    this.direction = direction;
    const mapping = Mapping.of(view);
    if (mapping !== undefined) return this.point(mapping, view.byteOffset, view.byteLength);
    const bytes = asBytes(view);
    this.plain = false;
    this.staged = [bytes.byteLength > BYTES_MAX ? bytes.subarray(0, BYTES_MAX) : bytes];
    return this;
  }

  /** Names memory of a mapping that is registered with the ring. */
  fixed(name: string, value: unknown): this {
    const view = bytesView(name, value);
    const mapping = Mapping.of(view);
    if (mapping === undefined) throw invalidType(name, 'a view of a Mapping', value);
    return this.point(mapping, view.byteOffset, view.byteLength);
  }

  /**
   * Names `length` bytes of `mapping` from `offset`: for operations that are used again and again.
   */
  point(mapping: Mapping, offset: number, length: number): this {
    if (!(offset >= 0 && length >= 0 && offset + length <= mapping.size)) {
      integer('offset', offset, 0, mapping.size);
      integer('length', length, 0, mapping.size - offset);
    }
    const low = (mapping.addressLow >>> 0) + offset;
    this.mapping = mapping;
    this.staged = NO_BYTES;
    this.plain = this.argumentBytes === 0;
    this.addressLow = low | 0;
    this.addressHigh = mapping.addressHigh + highWord(low);
    this.length = Math.min(length, BYTES_MAX);
    this.room = mapping.size - offset;
    return this;
  }

  /** @internal Lets the kernel pick a buffer of `buffers` when data is there. */
  select(buffers: BufferRing): this {
    this.bufferRing = buffers;
    this.mapping = buffers.mapping;
    this.buffer |= buffers.group;
    if (buffers.debug)
      this.site = new Error().stack?.replace(/^Error.*/, 'Received by what was made');
    return this.addFlags(IOSQE_BUFFER_SELECT);
  }

  /** @internal Arguments that the kernel reads from memory, written anew at each submission. */
  arguments(bytes: number, write: (operation: Operation<unknown>, block: Block) => void): this {
    this.argumentBytes = bytes;
    this.plain = false;
    this.writeArguments = write;
    return this;
  }
}

/** An operation whose one submission has many completions. */
export class MultishotOperation<Result> extends Operation<Result> {
  /** Completions that are results, and the one that means the end without being one. */
  endsAtZero = false;
  /** Makes it an ordinary operation, on kernels that have no multishot form of it. */
  lower: (() => void) | undefined = undefined;

  /** @internal Whether a completion means the end, and is no result. */
  ends(result: number, _flags: number): boolean {
    return result === 0 && this.endsAtZero;
  }
}

/** An operation that `run` takes: one submission, one result. */
export type SingleShot<Result> = Operation<Result> & { readonly endsAtZero?: never };

/** The same memory, byte by byte. */
export function asBytes(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array
    ? view
    : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** @internal */
export function fileOffset(name: string, value: number | undefined): number {
  if (value === undefined) {
    throw invalidValue(
      name,
      'must be bytes from the start of the file, or -1 for its own position',
      value,
    );
  }
  return integer(name, value, -1, Number.MAX_SAFE_INTEGER);
}
