/** The ring's table of files: slots that operations name instead of descriptors. */
import {
  EMFILE,
  IORING_REGISTER_FILE_ALLOC_RANGE,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES_UPDATE2,
} from '../../abi.js';
import { check } from '../../errors.js';
import { DirectFd, type FdLike, plainDescriptor } from '../../fd/fd.js';
import { registerSupported, requireFeature } from '../../features.js';
import { native } from '../../native.js';
import { itBelongsToItsThread } from '../../uncloneable.js';
import { integer, invalidValue } from '../../validate.js';
import type { Engine } from '../engine.js';
import { putAddress, registerWith } from './arguments.js';
import { Registration } from './registration.js';
import { TAG_LOW } from './tags.js';

/** The kernel's own limit. */
export const FILES_MAX = 2 ** 20;
const EMPTY = -1;
/** `struct io_uring_rsrc_update2`. */
const UPDATE_WORDS = 8;

/** What a `DirectFd` leaves behind when it is forgotten without `close`. */
interface Remains {
  table: FileTable;
  slot: number;
}

const forgotten = new FinalizationRegistry<Remains>(({ table, slot }) => table.leaked(slot));

/** Files in the ring's table, as descriptors that its operations take. */
export class RegisteredFiles extends Registration {
  readonly files: readonly DirectFd[];

  /** @internal */
  constructor(files: readonly DirectFd[], released?: Promise<void>) {
    super(() => {
      for (const file of files) file.revoke();
    }, released);
    this.files = files;
  }
}

/**
 * Slots of a ring for files that need no descriptor: made when first used.
 *
 * Operations that open a file take it as `into`, and then give a `DirectFd`; the kernel chooses the
 * slot, from the upper half of the table unless `setAllocationRange` says otherwise. A slot of the
 * lower half that was reserved is taken as `into` too, so that operations linked behind the one
 * that opens can name it already.
 *
 * @kernel 5.6 IORING_REGISTER_FILES_UPDATE; 6.0 for slots that the kernel chooses
 * @man io_uring_register(2), io_uring_registered_files(7)
 */
export class FileTable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #engine: Engine;
  /** Set for slots in use; empty until the table has been made. */
  #used = new Uint8Array(0);
  /** The kernel chooses from these, and nobody else does. */
  #rangeStart = 0;
  #rangeEnd = 0;
  /** The lowest slot that may be free. */
  #lowest = 0;
  #openCount = 0;

  /** @internal */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** @internal */
  get ring(): Engine {
    return this.#engine;
  }

  /** Slots in the table; 0 before it is made. */
  get size(): number {
    return this.#used.length;
  }

  /** Slots that are reserved, or hold a file that somebody here knows of. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Takes a slot: the lowest that is free, or `slot`. It is empty until an operation opens a file
   * `into` it.
   *
   * @errno EMFILE the table would have more slots than RLIMIT_NOFILE allows
   */
  reserve(slot?: number): DirectFd {
    this.#make(1);
    if (slot === undefined) return this.#own(this.#free(1)[0] as number);
    integer('slot', slot, 0, this.size - 1);
    if (this.#used[slot] !== 0) throw invalidValue('slot', 'must be free', slot);
    if (slot >= this.#rangeStart && slot < this.#rangeEnd) {
      throw invalidValue('slot', 'must be outside the range from which the kernel chooses', slot);
    }
    return this.#own(slot);
  }

  /**
   * Takes over a slot that a handler was given as the result of an operation with `into`: nobody
   * else may close it from now on.
   */
  adopt(slot: number): DirectFd {
    integer('slot', slot, 0, this.size - 1);
    if (this.#used[slot] !== 0) throw invalidValue('slot', 'must not belong to anyone', slot);
    return this.#own(slot);
  }

  /**
   * Says from which `count` slots, beginning with `first`, the kernel chooses.
   *
   * @errno EINVAL the range goes past the table
   * @kernel 6.0 IORING_REGISTER_FILE_ALLOC_RANGE
   * @man io_uring_register(2)
   */
  setAllocationRange(first: number, count: number): void {
    requireFeature('register:FILE_ALLOC_RANGE');
    this.#make(1);
    integer('first', first, 0, this.size - 1);
    integer('count', count, 1, this.size - first);
    if (this.#used.subarray(first, first + count).includes(1)) {
      throw invalidValue('first', 'must begin a range without slots in use', first);
    }
    for (const slot of this.#engine.slots.occupied()) {
      const operation = this.#engine.slots.operations[slot];
      if (operation?.table === this && operation.into === undefined) {
        throw new TypeError('operations that let the kernel choose are in flight');
      }
    }
    check(this.#setRange(first, count), 'io_uring_register', {
      facts: { opcode: IORING_REGISTER_FILE_ALLOC_RANGE },
    });
  }

  /** @internal Puts files of descriptors into free slots. */
  register(fds: readonly FdLike[]): RegisteredFiles {
    if (!Array.isArray(fds) || fds.length === 0 || fds.length > FILES_MAX) {
      throw invalidValue('fds', `must be an array of 1 to ${FILES_MAX} descriptors`, fds);
    }
    const numbers = fds.map((fd, index) => plainDescriptor(`fds[${index}]`, fd).fd);
    this.#make(numbers.length);
    const slots = this.#free(numbers.length);
    const tagged = registerSupported(IORING_REGISTER_FILES_UPDATE2);
    const tag = tagged ? this.#engine.completion.tags.make(numbers.length) : undefined;
    let put = 0;
    let result = 0;
    // Slots in a row go in one call, and nearly always they all are.
    while (put < slots.length) {
      let end = put + 1;
      while (end < slots.length && slots[end] === (slots[end - 1] as number) + 1) end++;
      result = this.#update(slots[put] as number, numbers.slice(put, end), tag?.high);
      if (result < 0) break;
      put += result;
    }
    if (result < 0) {
      for (const slot of slots.slice(0, put)) this.#update(slot, [EMPTY]);
      if (tag !== undefined) this.#engine.completion.tags.forget(tag.high);
    }
    check(result, 'io_uring_register', {
      facts: { opcode: IORING_REGISTER_FILES_UPDATE, count: numbers.length },
    });
    return new RegisteredFiles(
      slots.map((slot) => this.#own(slot)),
      tag?.released,
    );
  }

  /** @internal An operation that opens a file into it is about to be submitted to `engine`. */
  prepare(engine: Engine): void {
    if (engine !== this.#engine) throw new TypeError('the FileTable belongs to another ring');
    this.#make(1);
  }

  /** @internal A file has been opened: into `into`, or into the slot that the kernel chose. */
  opened(result: number, into: DirectFd | undefined): DirectFd {
    return into ?? this.#own(result);
  }

  /** @internal */
  remove(file: DirectFd, slot: number): void {
    forgotten.unregister(file);
    this.close(slot);
  }

  /** @internal The kernel has closed it. */
  release(slot: number): void {
    if (this.#used[slot] === 0) return;
    this.#used[slot] = 0;
    this.#openCount--;
    if (slot < this.#lowest) this.#lowest = slot;
  }

  /** @internal Closes the slot of a `DirectFd` that was collected, and says so. */
  leaked(slot: number): void {
    if (!this.#engine.open || this.#used[slot] === 0) return;
    process.emitWarning(`a DirectFd (slot ${slot}) was forgotten without close()`, {
      type: 'NearmetalWarning',
      code: 'NEARMETAL_LEAKED',
    });
    this.close(slot);
  }

  /** @internal `file` is closed from here on, and an operation closes its slot. */
  giveUp(file: DirectFd): number {
    forgotten.unregister(file);
    return file.release();
  }

  /** @internal Closes the file in the slot, and gives the slot back. */
  close(slot: number): void {
    if (this.#engine.open) this.#update(slot, [EMPTY]);
    this.release(slot);
  }

  #own(slot: number): DirectFd {
    const file = new DirectFd(slot, this);
    this.#used[slot] = 1;
    this.#openCount++;
    forgotten.register(file, { table: this, slot }, file);
    return file;
  }

  /** The lowest `count` free slots that the kernel does not choose from; nothing is taken yet. */
  #free(count: number): number[] {
    const free: number[] = [];
    for (let slot = this.#lowest; slot < this.size && free.length < count; slot++) {
      if (slot === this.#rangeStart && this.#rangeEnd > slot) slot = this.#rangeEnd;
      if (this.#used[slot] === 0) free.push(slot);
    }
    if (free.length === 0 || free.length < count) {
      const slots = this.#rangeEnd - this.#rangeStart;
      throw new RangeError(
        `the table has ${free.length} free slots and not ${count}: give the ring more ` +
          `\`fileSlots\` (now ${this.size}, ${slots} of them for the kernel to choose from)`,
      );
    }
    this.#lowest = free[0] as number;
    return free;
  }

  /** Makes the table, with room for `count` slots in its lower half, where there is none yet. */
  #make(count: number): void {
    if (this.size > 0) return;
    let size = Math.max(this.#engine.plan.fileSlots, count * 2);
    const opcode = IORING_REGISTER_FILES;
    let result: number;
    for (;;) {
      const empty = new Int32Array(size).fill(EMPTY);
      result = native.ioUringRegister(this.#engine.fd, opcode, empty, size);
      // More than RLIMIT_NOFILE: fewer may do.
      if (result !== -EMFILE || size < count * 2) break;
      size = Math.floor(size / 2);
    }
    check(result, 'io_uring_register', { facts: { opcode, count: size } });
    this.#used = new Uint8Array(size);
    const half = Math.max(count, size >>> 1);
    if (half < size && registerSupported(IORING_REGISTER_FILE_ALLOC_RANGE)) {
      this.#setRange(half, size - half);
    }
  }

  #setRange(first: number, count: number): number {
    const words = new Int32Array([first, count, 0, 0]);
    const opcode = IORING_REGISTER_FILE_ALLOC_RANGE;
    const result = native.ioUringRegister(this.#engine.fd, opcode, words, 0);
    if (result < 0) return result;
    this.#rangeStart = first;
    this.#rangeEnd = first + count;
    this.#lowest = 0;
    return result;
  }

  /** Answers how many slots were set, or `-errno`. */
  #update(first: number, fds: readonly number[], tag?: number): number {
    const count = fds.length;
    const fdsAt = UPDATE_WORDS * 4;
    const tagsAt = fdsAt + Math.ceil(count / 2) * 8;
    const opcode = tag === undefined ? IORING_REGISTER_FILES_UPDATE : IORING_REGISTER_FILES_UPDATE2;
    const bytes = tagsAt + (tag === undefined ? 0 : count * 8);
    const size = tag === undefined ? count : UPDATE_WORDS * 4;
    return registerWith(this.#engine, opcode, bytes, size, (block) => {
      block.words[0] = first;
      putAddress(block, 2, fdsAt);
      block.words.set(fds, fdsAt / 4);
      if (tag === undefined) return;
      putAddress(block, 4, tagsAt);
      block.words[6] = count;
      for (let index = 0; index < count; index++) {
        block.words[tagsAt / 4 + index * 2] = TAG_LOW;
        block.words[tagsAt / 4 + index * 2 + 1] = tag;
      }
    });
  }
}
