/** Memory mapped by the library: the kernel may write to it for as long as it needs to. */
import {
  EINVAL,
  MADV_POPULATE_WRITE,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  PROT_READ,
  PROT_WRITE,
} from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { boolean, integer, onlyKeys } from '../validate.js';

const PAGE_BYTES = 4096;
const SIZE_MAX = 2 ** 46;
/** Missing in Node 20, which detaches every buffer without harm. */
type Transfer = ((this: ArrayBuffer, length: number) => ArrayBuffer) | undefined;
const transfer = Reflect.get(ArrayBuffer.prototype, 'transfer') as Transfer;

/**
 * Takes the memory away from every view of `buffer`; only a count of it goes with them. A buffer
 * that the user marked as untransferable throws here, where Node-API would abort the process; to
 * ask for the mark does not help, since Node 22 and later say it of all external memory.
 */
function empty(buffer: ArrayBuffer): void {
  try {
    if (transfer === undefined) native.detach(buffer);
    else transfer.call(buffer, 0);
  } catch {
    // It keeps its memory until it is collected.
  }
}

/** A ring that keeps a mapping alive on the native side. */
export interface MappingUser {
  /** The ring stops holding native memory `region`. */
  forget(region: number): void;
}

export interface MappingOptions {
  /** Bytes; rounded up to whole pages. */
  size: number;
  /**
   * Touch every page now, so that a lack of memory is an error here and not a signal later. Default
   * true.
   */
  populate?: boolean;
}

const owners = new WeakMap<ArrayBufferLike, Mapping>();

/** What a mapping leaves behind when it is forgotten without `dispose`. */
interface Remains {
  region: number;
  users: Set<MappingUser>;
}

const forgotten = new FinalizationRegistry<Remains>(({ region, users }) => {
  for (const user of users) user.forget(region);
  native.regionRelease(region);
});

/**
 * Anonymous memory outside V8's heap, page-aligned, not shared with forked children.
 *
 * Views of `bytes` go to the kernel without a copy. The memory stays mapped until the mapping is
 * disposed (or collected) **and** the last operation on it has completed, whatever happens to the
 * ArrayBuffer meanwhile.
 *
 * @man mmap(2), madvise(2)
 */
export class Mapping implements Disposable {
  /** The whole mapping; length 0 once disposed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly size: number;
  /** @internal Low and high halves of the address. */
  readonly addressLow: number;
  readonly addressHigh: number;
  /** @internal Native id of the memory; -1 once given back. */
  region: number;
  /** Operations on this memory that have not had their last completion. */
  inFlight = 0;
  /** @internal Rings that hold it, and the one that took hold last. */
  readonly users = new Set<MappingUser>();
  holder: MappingUser | undefined;
  /** @internal The ring that registered it last, and its number in that ring's table. */
  registeredWith: MappingUser | undefined;
  registeredAs = 0;
  #disposed = false;

  private constructor(region: number, size: number) {
    const buffer = native.regionBuffer(region);
    if (typeof buffer === 'number') {
      native.regionRelease(region);
      check(buffer, 'napi_create_external_arraybuffer');
      throw new TypeError('unreachable');
    }
    const address = native.regionAddress(region);
    this.region = region;
    this.size = size;
    this.addressLow = address | 0;
    this.addressHigh = Math.floor(address / 2 ** 32) | 0;
    this.bytes = new Uint8Array(buffer);
    owners.set(buffer, this);
    forgotten.register(this, { region, users: this.users }, this);
  }

  /** Maps `size` bytes of zeroes. */
  static anonymous(options: MappingOptions): Mapping {
    onlyKeys('options', options, ['size', 'populate']);
    const asked = integer('size', options.size, 1, SIZE_MAX);
    const populate = boolean('populate', options.populate ?? true);
    const size = Math.ceil(asked / PAGE_BYTES) * PAGE_BYTES;
    const region = native.regionMap(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    check(region, 'mmap');
    if (populate) {
      const result = native.regionAdvise(region, 0, size, MADV_POPULATE_WRITE);
      // Kernels before 5.14 do not know the advice; ordinary pages then come at first touch.
      if (result < 0 && result !== -EINVAL) native.regionRelease(region);
      if (result !== -EINVAL) check(result, 'madvise');
    }
    return new Mapping(region, size);
  }

  /** The mapping that `view` is part of, if the library made its memory. */
  static of(view: ArrayBufferView): Mapping | undefined {
    const mapping = owners.get(view.buffer);
    return mapping !== undefined && !mapping.#disposed ? mapping : undefined;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /**
   * Empties every view at once; the memory itself goes when the last operation on it has completed.
   *
   * A buffer that the user marked as untransferable cannot be emptied: its memory then stays until
   * the views are collected.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    empty(this.bytes.buffer);
    if (this.inFlight === 0) this.#giveBack();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The last operation on it has completed. */
  settled(): void {
    if (this.#disposed) this.#giveBack();
  }

  #giveBack(): void {
    if (this.region < 0) return;
    for (const user of this.users) user.forget(this.region);
    this.users.clear();
    forgotten.unregister(this);
    native.regionRelease(this.region);
    this.region = -1;
  }
}
