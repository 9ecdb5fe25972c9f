/** Memory mapped by the library: the kernel may write to it for as long as it needs to. */
import { EFAULT, MREMAP_MAYMOVE, MS_ASYNC, MS_INVALIDATE, MS_SYNC, SYS_ftruncate } from '../abi.js';
import { check, systemError } from '../errors.js';
import { type FdLike, type OwnedFd, plainDescriptor } from '../fd/fd.js';
import { creationSite, warnOfLeak } from '../leaks.js';
import { native } from '../native.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { alignUp } from '../units.js';
import { boolean, bytesView, integer, oneOf, onlyKeys } from '../validate.js';
import { ADVICE, type Advice, DISCARDS, knowsAdvice, unknownAdvice } from './advice.js';
import { placeFile } from './file.js';
import { misuse } from './misuse.js';
import {
  type AnonymousOptions,
  type FileMappingOptions,
  type MemfdOptions,
  PROTECTIONS,
  type Protection,
  planMapping,
  planRange,
  type Range,
  type RangeOptions,
  SIZE_MAX,
  sealBits,
} from './options.js';
import { type Backing, hugeFlags, PAGE_BYTES } from './pages.js';
import { fail, lock, type Placed, placeAnonymous, placeMemfd } from './place.js';
import { populate } from './populate.js';

/** Missing in Node 20, which detaches every buffer without harm. */
type Transfer = ((this: ArrayBuffer, length: number) => ArrayBuffer) | undefined;
const transfer = Reflect.get(ArrayBuffer.prototype, 'transfer') as Transfer;

/**
 * Takes the memory away from every view of `buffer`; only a count of it goes with them. A buffer
 * that the user marked as untransferable throws here, where Node-API would abort the process; to
 * ask for the mark does not help, since Node 22 and later say it of all external memory.
 *
 * One that is empty already was transferred by the user: another ArrayBuffer shows the memory, and
 * nobody here knows which.
 */
function empty(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength === 0) return false;
  try {
    if (transfer === undefined) native.detach(buffer);
    else transfer.call(buffer, 0);
  } catch {
    // It keeps its memory until it is collected.
  }
  return buffer.byteLength === 0;
}

/** A ring that keeps a mapping alive on the native side. */
export interface MappingUser {
  /** The ring stops holding native memory `region`. */
  forget(region: number): void;
  /** The ring knows the memory beyond its operations: it is registered, or nobody can tell. */
  pins(mapping: Mapping): boolean;
}

const owners = new WeakMap<ArrayBufferLike, Mapping>();

/** What a mapping leaves behind when it is forgotten without `dispose`. */
interface Remains {
  region: number;
  size: number;
  users: Set<MappingUser>;
  site: string | undefined;
}

const forgotten = new FinalizationRegistry<Remains>(({ region, size, users, site }) => {
  if (site !== undefined) warnOfLeak(`a Mapping of ${size} bytes`, 'dispose()', site);
  for (const user of users) user.forget(region);
  native.regionRelease(region, false);
});

/** What is true of the memory now; a mapping that is resized hands it on. */
interface Traits {
  readonly pageSize: number;
  readonly backing: Backing;
  readonly fd: OwnedFd | undefined;
  readonly named: boolean;
  readonly share: 'private' | 'shared';
  readonly origin: 'anonymous' | 'memfd' | 'file';
  /** Another process may take pages away, by making the file shorter. */
  readonly shrinkable: boolean;
  /** 'mixed' after a part has been given another one. */
  protection: Protection | 'mixed';
  guarded: boolean;
  /** Every page has been had. */
  populated: boolean;
}

/** How `sync` is to be done. */
export interface SyncOptions extends RangeOptions {
  /** MS_ASYNC: does not wait. Default false. */
  async?: boolean;
  /** MS_INVALIDATE: other mappings of the file see it too. Default false. */
  invalidate?: boolean;
}

/**
 * Memory outside V8's heap, page-aligned, not shared with forked children.
 *
 * Views of `bytes` go to the kernel without a copy. The memory stays mapped until the mapping is
 * disposed (or collected) **and** the last operation on it has completed, whatever happens to the
 * ArrayBuffer meanwhile.
 *
 * JavaScript can only have `bytes` of memory that cannot be a signal to touch. Where that is not
 * so (a file that others may shorten, pages that are protected, guarded or not there yet) `bytes`
 * throws, `read` and `write` copy through the kernel and answer EFAULT, and `unsafeView` gives the
 * view all the same.
 *
 * @man mmap(2), madvise(2)
 */
export class Mapping implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /** Bytes. */
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
  holder: MappingUser | undefined = undefined;
  /** @internal The ring that registered it last, and its number in that ring's table. */
  registeredWith: MappingUser | undefined = undefined;
  registeredAs = 0;
  /** @internal The kernel knows its address until it is disposed. */
  pinned = false;
  readonly #traits: Traits;
  #view: Uint8Array<ArrayBuffer> | undefined = undefined;
  #disposed = false;
  /** No view shows it: it can be unmapped as soon as the kernel has done. */
  #emptied = true;

  private constructor(region: number, size: number, traits: Traits) {
    const address = native.regionAddress(region);
    this.region = region;
    this.size = size;
    this.addressLow = address | 0;
    this.addressHigh = Math.floor(address / 2 ** 32) | 0;
    this.#traits = traits;
    const site = creationSite();
    forgotten.register(this, { region, size, users: this.users, site }, this);
  }

  static #of(
    placed: Placed,
    traits: Pick<Traits, 'origin' | 'share' | 'populated'> & Partial<Traits>,
  ): Mapping {
    const { region, size, pages, fd, named } = placed;
    const mapping = new Mapping(region, size, {
      pageSize: pages.size,
      backing: pages.backing,
      fd,
      named,
      shrinkable: false,
      protection: 'readwrite',
      guarded: false,
      ...traits,
    });
    // What V8 cannot show is refused now, not at the first look.
    if (mapping.#hazard() === undefined) void mapping.unsafeView();
    return mapping;
  }

  /**
   * Maps `size` bytes of zeroes.
   *
   * @errno ENOMEM too few hugepages are free, or RLIMIT_MEMLOCK is too small for `locked`
   * @errno EINVAL the kernel has no pages of that size
   * @errno EFAULT a page could not be had when it was populated
   * @kernel 2.6.32 for hugepages
   * @man mmap(2), madvise(2), mlock2(2)
   */
  static anonymous(options: AnonymousOptions): Mapping {
    const plan = planMapping(options, ['share']);
    const share = oneOf('share', options.share ?? 'private', ['private', 'shared']);
    const traits = { origin: 'anonymous', share, populated: plan.populate } as const;
    return Mapping.#of(placeAnonymous(plan, share), traits);
  }

  /**
   * Maps a new memfd, to be shared: other threads and processes map its `fd` with `Mapping.file`.
   * It is sealed against shrinking. Who punches holes into a memfd of hugepages (fallocate) takes
   * pages away all the same: hand it to nobody who does.
   *
   * @errno ENOMEM too few hugepages are free
   * @kernel 3.17, with hugepages 4.14
   * @man memfd_create(2), fcntl(2)
   */
  static memfd(options: MemfdOptions): Mapping {
    const plan = planMapping(options, ['seals']);
    const seals = sealBits(options.seals ?? []);
    const traits = { origin: 'memfd', share: 'shared', populated: plan.populate } as const;
    return Mapping.#of(placeMemfd(plan, seals), traits);
  }

  /**
   * Maps a file that is open. Others may make a file shorter, after which its last pages are a
   * SIGBUS to touch: so it has `read` and `write`, which then fail with EFAULT, and `bytes` only if
   * it is sealed against that, as what `Mapping.memfd` made is.
   *
   * The descriptor is not needed afterwards.
   *
   * @errno EACCES the file is not open for what `protection` asks
   * @errno EOPNOTSUPP `sync` on a file that is not on DAX
   * @errno EEXIST something is at `address`
   * @kernel 4.15 for `sync`, 4.17 for `address`
   * @man mmap(2)
   */
  static file(fd: FdLike, options: FileMappingOptions = {}): Mapping {
    const placed = placeFile(plainDescriptor('fd', fd).fd, options);
    const { protection, share, populated, sealed } = placed;
    const traits = { origin: 'file', protection, share, populated, shrinkable: !sealed } as const;
    return Mapping.#of(placed, traits);
  }

  /** @internal Maps a memfd that another thread has given away, whole; it is this mapping's now. */
  static adopt(fd: OwnedFd): Mapping {
    const placed = placeFile(fd.fd, { protection: 'readwrite' });
    const { protection, share, populated, sealed } = placed;
    const traits = { protection, share, populated, shrinkable: !sealed } as const;
    return Mapping.#of(placed, { origin: 'memfd', ...traits, fd });
  }

  /** The mapping that `view` is part of, if the library made its memory. */
  static of(view: ArrayBufferView): Mapping | undefined {
    const mapping = owners.get(view.buffer);
    return mapping !== undefined && !mapping.#disposed ? mapping : undefined;
  }

  // --- what it is --------------------------------------------------------------------------------

  /** The whole mapping; length 0 once disposed. Throws where to touch it could be a signal. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#disposed) return this.#view ?? new Uint8Array(0);
    const hazard = this.#hazard();
    if (hazard === undefined) return this.#view ?? this.unsafeView();
    throw misuse('UNSAFE', `this mapping has no bytes: ${hazard}`);
  }

  /**
   * The whole mapping, whatever may happen. A store to pages that are 'read', and a load from ones
   * that are 'none', guarded, not to be had or past the end of a file that somebody made shorter,
   * ends the process by SIGSEGV or SIGBUS: nothing in JavaScript can catch that.
   */
  unsafeView(): Uint8Array<ArrayBuffer> {
    this.#open();
    if (this.#view !== undefined) return this.#view;
    try {
      const buffer = native.regionBuffer(this.region);
      if (typeof buffer === 'number') throw systemError(buffer, 'napi_create_external_arraybuffer');
      this.#view = new Uint8Array(buffer);
      owners.set(buffer, this);
      return this.#view;
    } catch (error) {
      // Too large for V8, or refused by the runtime: a mapping that nobody can use.
      this.dispose();
      throw error;
    }
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** What it got: the pages asked for, or what it fell back to. */
  get backing(): Backing {
    return this.#traits.backing;
  }

  /** Bytes of its smallest page. */
  get pageSize(): number {
    return this.#traits.pageSize;
  }

  get pageCount(): number {
    return Math.ceil(this.size / this.#traits.pageSize);
  }

  get share(): 'private' | 'shared' {
    return this.#traits.share;
  }

  get protection(): Protection | 'mixed' {
    return this.#traits.protection;
  }

  /** The kernel shows its name in /proc/self/maps. */
  get named(): boolean {
    return this.#traits.named;
  }

  /** The descriptor of a memfd; closed with the mapping. */
  get fd(): OwnedFd | undefined {
    return this.#traits.fd;
  }

  /** The address as one number: the same for as long as the mapping lives. */
  get address(): number {
    return (this.addressHigh >>> 0) * 2 ** 32 + (this.addressLow >>> 0);
  }

  // --- copies ------------------------------------------------------------------------------------

  /**
   * Fills `target` from `offset` on; answers its length. A page that cannot be read is an error.
   *
   * @errno EFAULT the file ends before, or the pages are 'none' or guarded
   * @man process_vm_readv(2)
   */
  read(target: ArrayBufferView, options: { offset?: number } = {}): number {
    const offset = this.#place('target', target, options);
    if (this.#shown()) {
      asBytes(target).set(this.bytes.subarray(offset, offset + target.byteLength));
      return target.byteLength;
    }
    const result = native.regionRead(this.region, offset, target);
    return check(whole(result, target.byteLength), 'process_vm_readv');
  }

  /**
   * Stores `source` from `offset` on; answers its length. A page that cannot be written is an
   * error; what stands before it has been written then.
   *
   * @errno EFAULT the file ends before, or the pages are 'read', 'none' or guarded
   * @man process_vm_writev(2)
   */
  write(source: ArrayBufferView, options: { offset?: number } = {}): number {
    const offset = this.#place('source', source, options);
    if (this.#shown()) {
      this.bytes.set(asBytes(source), offset);
      return source.byteLength;
    }
    const result = native.regionWrite(this.region, offset, source);
    return check(whole(result, source.byteLength), 'process_vm_writev');
  }

  // --- what the kernel is told -------------------------------------------------------------------

  /**
   * Fetches every page now. What it had not had before can be an error only here, and no signal
   * later.
   *
   * @errno EFAULT a page could not be had: the pool or the node has none left, the file is too
   * short
   * @kernel 5.14 in one call, before that page by page
   * @man madvise(2)
   */
  populate(options: RangeOptions = {}): void {
    const { offset, length } = this.#range(options);
    const { pageSize, protection, origin } = this.#traits;
    this.#quiet('fetched');
    // To write would make pages of a file dirty, and copies of private ones.
    const write = protection === 'readwrite' && (origin !== 'file' || pageSize > PAGE_BYTES);
    const facts = { flags: this.#hugeFlags(), bytes: length };
    fail(populate(this.region, offset, length, pageSize, write), facts);
    if (length === this.size) this.#traits.populated = true;
  }

  /**
   * Tells the kernel how the pages will be used. After 'guard-install', and after what discards
   * hugepages, the views are empty and there is no `bytes` until 'guard-remove' or `populate`.
   *
   * @errno EINVAL the pages do not take it: most advice is not for hugepages of a pool
   * @errno EAGAIN no memory to 'collapse' into hugepages right now
   * @kernel 2.4; 5.14 populate-read, populate-write; 6.1 collapse; 6.13 guard-install, guard-remove
   * @man madvise(2)
   */
  advise(advice: Advice, options: RangeOptions = {}): void {
    oneOf('advice', advice, Object.keys(ADVICE) as Advice[]);
    const { offset, length } = this.#range(options);
    const traits = this.#traits;
    const discards = DISCARDS.has(advice);
    const holes = advice === 'guard-install' || (discards && traits.pageSize > PAGE_BYTES);
    if (discards) this.#quiet(advice);
    if (holes) this.#revoke();
    const result = native.regionAdvise(this.region, offset, length, ADVICE[advice][0]);
    if (result < 0 && !knowsAdvice(advice)) throw unknownAdvice(advice);
    check(result, 'madvise', { facts: { flags: this.#hugeFlags(), bytes: length } });
    if (advice === 'guard-install') traits.guarded = true;
    else if (holes) traits.populated = false;
    if (advice === 'guard-remove' && length === this.size) traits.guarded = false;
  }

  /**
   * Puts the memory together into huge pages now, whatever the switch for transparent hugepages
   * says. Can take long: `ring.madvise` does it beside the loop.
   *
   * @errno EAGAIN no memory right now @errno EINVAL it is too small, or of a pool
   * @kernel 6.1
   * @man madvise(2)
   */
  collapse(options: RangeOptions = {}): void {
    this.advise('collapse', options);
  }

  /**
   * Changes what may be done with the pages. Unless all are 'readwrite' the views are empty
   * afterwards, and there is no `bytes`: a store to a page that is 'read' is a signal.
   *
   * @errno EACCES the file is not open for that
   * @man mprotect(2)
   */
  protect(protection: Protection, options: RangeOptions = {}): void {
    oneOf('protection', protection, Object.keys(PROTECTIONS) as Protection[]);
    const { offset, length } = this.#range(options);
    this.#quiet('protected');
    if (protection !== 'readwrite') this.#revoke();
    check(native.regionProtect(this.region, offset, length, PROTECTIONS[protection]), 'mprotect');
    const traits = this.#traits;
    if (length === this.size) traits.protection = protection;
    else if (traits.protection !== protection) traits.protection = 'mixed';
  }

  /**
   * Writes a shared file mapping back.
   *
   * @errno EBUSY `invalidate` of locked pages
   * @man msync(2)
   */
  sync(options: SyncOptions = {}): void {
    const { async, invalidate, ...part } = options;
    const { offset, length } = this.#range(part, ['async', 'invalidate'], options);
    const later = boolean('async', async ?? false);
    const flags = boolean('invalidate', invalidate ?? false) ? MS_INVALIDATE : 0;
    check(
      native.regionSync(this.region, offset, length, flags | (later ? MS_ASYNC : MS_SYNC)),
      'msync',
    );
  }

  /**
   * Keeps the pages in memory; with `onfault` each from its first use on.
   *
   * @errno ENOMEM RLIMIT_MEMLOCK is too small
   * @errno EPERM RLIMIT_MEMLOCK is 0
   * @kernel 4.4
   * @man mlock2(2)
   */
  lock(options: { onfault?: boolean } = {}): void {
    onlyKeys('options', options, ['onfault']);
    this.#open();
    const onfault = boolean('onfault', options.onfault ?? false);
    lock(this.region, this.size, { locked: onfault ? 'onfault' : true });
  }

  /** Lets the pages be swapped out again. @man munlock(2) */
  unlock(): void {
    this.#open();
    check(native.regionUnlock(this.region, 0, this.size), 'munlock');
  }

  /**
   * A byte for each ordinary page, of 4 KiB mostly: 1 where touching it needs no fault.
   *
   * @man mincore(2)
   */
  mincore(options: RangeOptions = {}): Uint8Array {
    const { offset, length } = this.#range(options);
    const pages = new Uint8Array(Math.ceil(length / PAGE_BYTES));
    check(native.regionCore(this.region, offset, length, pages), 'mincore');
    return pages.map((byte) => byte & 1);
  }

  /**
   * Makes it larger or smaller. The bytes go on in a new `Mapping`; this one is disposed then, its
   * views are empty, and operations that name it are refused. A memfd grows with it.
   *
   * @errno EINVAL hugepages of a pool cannot grow @errno ENOMEM no room at this address, without
   * `move`
   * @errno EPERM the memfd is sealed against growing
   * @man mremap(2)
   */
  resize(size: number, options: { move?: boolean } = {}): Mapping {
    onlyKeys('options', options, ['move']);
    this.#open();
    const whole = alignUp(integer('size', size, 1, SIZE_MAX), this.pageSize);
    const flags = boolean('move', options.move ?? true) ? MREMAP_MAYMOVE : 0;
    const traits = this.#traits;
    // The memory behind it has a size of its own, past which a touch is a signal.
    const fixed = traits.origin === 'anonymous' ? traits.share === 'shared' : !traits.shrinkable;
    if (whole > this.size && fixed && traits.fd === undefined) {
      throw misuse('UNSAFE', 'shared memory that is not its own memfd cannot grow');
    }
    this.#quiet('resized');
    this.#revoke();
    for (const user of this.users) user.forget(this.region);
    this.users.clear();
    this.holder = undefined;
    if (traits.fd !== undefined && whole > this.size) {
      check(native.syscall(SYS_ftruncate, traits.fd.fd, whole), 'ftruncate');
    }
    const facts = { flags: this.#hugeFlags(), bytes: whole };
    check(native.regionRemap(this.region, whole, flags), 'mremap', { facts });
    forgotten.unregister(this);
    this.#disposed = true;
    const mapping = new Mapping(this.region, whole, traits);
    this.region = -1;
    return mapping;
  }

  // --- its end -----------------------------------------------------------------------------------

  /**
   * Empties every view at once; the memory itself goes when the last operation on it has completed.
   *
   * A buffer that the user marked as untransferable, or transferred, cannot be emptied: its memory
   * then stays until the views are collected.
   */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#view !== undefined) this.#emptied = empty(this.#view.buffer);
    this.#traits.fd?.close();
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
    native.regionRelease(this.region, this.#emptied);
    this.region = -1;
  }

  // --- guards ------------------------------------------------------------------------------------

  /** Why a view of it could be a signal to touch; undefined when it cannot. */
  #hazard(): string | undefined {
    const { protection, guarded, populated, pageSize, shrinkable } = this.#traits;
    if (shrinkable) return 'others may make its file shorter: use read, write or unsafeView';
    if (protection !== 'readwrite') return `its pages are '${protection}': use read or unsafeView`;
    if (guarded) return "some pages are guarded: use read, write, or advise('guard-remove')";
    if (populated || pageSize === PAGE_BYTES) return undefined;
    return 'its hugepages are not there yet: populate() first';
  }

  /** There are `bytes`, and the user has not transferred them to another ArrayBuffer. */
  #shown(): boolean {
    return this.#hazard() === undefined && this.bytes.byteLength > 0;
  }

  #open(): void {
    if (this.#disposed) throw misuse('DISPOSED', 'the mapping has been disposed');
  }

  /** The kernel has its addresses, so that what it does next must not pull the pages away. */
  #quiet(what: string): void {
    const by =
      this.inFlight > 0
        ? `${this.inFlight} operations are in flight on it`
        : this.pinned || [...this.users].some((user) => user.pins(this))
          ? 'a ring has it registered, or cannot tell what is in flight'
          : undefined;
    if (by !== undefined) throw misuse('BUSY', `the mapping cannot be ${what}: ${by}`);
  }

  #revoke(): void {
    if (this.#view === undefined) return;
    if (!empty(this.#view.buffer)) {
      throw misuse('VIEW_KEPT', 'a view cannot be emptied: its buffer is marked or transferred');
    }
    this.#view = undefined;
  }

  #range(options: RangeOptions, more: readonly string[] = [], all: object = options): Range {
    onlyKeys('options', all, ['offset', 'length', ...more]);
    this.#open();
    return planRange(options, this.size, this.#traits.pageSize);
  }

  #place(name: string, view: ArrayBufferView, options: { offset?: number }): number {
    onlyKeys('options', options, ['offset']);
    this.#open();
    const { byteLength } = bytesView(name, view);
    return integer('offset', options.offset ?? 0, 0, this.size - byteLength);
  }

  #hugeFlags(): number {
    const { pageSize } = this.#traits;
    return pageSize === PAGE_BYTES ? 0 : hugeFlags(pageSize);
  }
}

/** A copy that stopped half-way came to a page that cannot be had. */
function whole(result: number, wanted: number): number {
  return result >= 0 && result < wanted ? -EFAULT : result;
}

function asBytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
