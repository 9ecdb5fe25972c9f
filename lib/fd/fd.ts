/** Descriptors as objects: owned, borrowed, or direct (registered with a ring). */
import { EINTR, O_CLOEXEC, SYS_dup3 } from '../abi.js';
import { check } from '../errors.js';
import { native } from '../native.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { integer, invalidType } from '../validate.js';
import { adoptedNumber, clearOwned, FD_MAX } from './owned-bits.js';

/** A ring that has operations in flight on a descriptor, or an epoll that it is registered with. */
export interface FdUser {
  /** False when it has none any more, and will not have. */
  readonly open: boolean;
  /**
   * The descriptor is about to be closed or given away. A ring submits what is queued for it and
   * cancels what is in flight on it; an epoll forgets it.
   */
  letGo(descriptor: Descriptor): void;
}

const NOBODY: readonly FdUser[] = Object.freeze([]);

/** Whatever an operation can name as its file. */
export abstract class Descriptor {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  /**
   * The number that goes to the kernel: a descriptor, or a slot of the ring's table when `direct`.
   */
  abstract readonly fd: number;
  abstract readonly direct: boolean;
  /** @internal Others name the same open file, which is what the kernel cancels by. */
  copied = false;
  /** Operations that name this descriptor and have not had their last completion. */
  inFlight = 0;
  /** @internal Where the ring has put the latest of them. */
  latestSlot = -1;
  /** @internal Called once, when `inFlight` becomes 0. */
  onIdle: (() => void) | undefined;
  // Rings that may hold operations on it, epolls that it was registered with, and who is to hear of
  // its end: nearly always two at most, and there are as many of these as of connections.
  private user: FdUser | undefined = undefined;
  private otherUser: FdUser | undefined = undefined;
  private moreUsers: readonly FdUser[] = NOBODY;

  /** @internal */
  addUser(user: FdUser): void {
    if (this.user === user || this.otherUser === user || this.moreUsers.includes(user)) return;
    if (this.user === undefined || !this.user.open) this.user = user;
    else if (this.otherUser === undefined || !this.otherUser.open) this.otherUser = user;
    else this.moreUsers = [user, ...this.moreUsers.filter((other) => other.open)];
  }

  /** @internal It is about to be closed or given away. */
  tellUsers(): void {
    for (const user of this.users()) user.letGo(this);
  }

  /** @internal */
  users(): FdUser[] {
    const { user, otherUser, moreUsers } = this;
    return [user, otherUser, ...moreUsers].filter((each) => each !== undefined);
  }
}

/** A descriptor that somebody else closes; made by `asFd`. */
export class BorrowedFd extends Descriptor {
  readonly fd: number;
  readonly direct = false;

  constructor(fd: number) {
    super();
    this.fd = integer('fd', fd, 0, FD_MAX);
  }
}

/**
 * A descriptor that this object closes: by `close()`, by `using`, or when the thread ends.
 *
 * Closing while operations are in flight on it submits what was queued and cancels the rest. The
 * file is closed at once, its number is kept from others until the last of these operations has
 * completed: an operation that waits for others looks its file up late, and would find the next
 * one.
 *
 * @man close(2)
 */
export class OwnedFd extends Descriptor implements Disposable, AsyncDisposable {
  readonly direct = false;
  #fd: number;

  /** @internal */
  protected constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  /** Takes ownership of a descriptor number: nobody else may close it from now on. */
  static adopt(fd: number): OwnedFd {
    return new OwnedFd(adoptedNumber(fd));
  }

  /** -1 once closed or released. */
  get fd(): number {
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /**
   * Gives ownership up, and answers the number, which is the caller's to close now. Not while
   * operations are in flight: they might reach whatever gets the number next.
   */
  release(): number {
    const fd = this.handOver();
    if (fd >= 0) clearOwned(fd);
    return fd;
  }

  /** @internal As `release`, and the thread's end still closes the number until it is disowned. */
  handOver(): number {
    if (this.inFlight > 0) throw new TypeError('operations are in flight on this descriptor');
    this.tellUsers();
    const fd = this.#fd;
    this.#fd = -1;
    return fd;
  }

  /** Closes the descriptor; a second call does nothing. */
  close(): void {
    if (this.#fd < 0) return;
    this.tellUsers();
    const fd = this.#fd;
    // One of them may have ended what it belongs to, and closed it.
    if (fd < 0) return;
    this.#fd = -1;
    if (this.inFlight === 0) closeNow(fd);
    else {
      occupy(fd);
      this.onIdle = () => closeNow(fd);
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function closeNow(fd: number): void {
  // It stays owned until the native side closes it: the thread may be stopped before that.
  const result = native.close(fd);
  // Linux has closed the descriptor even when a signal came in between.
  if (result !== -EINTR) check(result, 'close', { fd });
}

/**
 * Closes the file behind `fd` and leaves in its place one that refuses to be read or written. Where
 * none can be had (EMFILE), the file itself stays open for as long.
 */
function occupy(fd: number): void {
  // Owned from the start, as `fd` is: the thread may be stopped at any of these calls.
  const placeholder = native.epollCreate1(O_CLOEXEC);
  if (placeholder < 0) return;
  native.syscall(SYS_dup3, placeholder, fd, O_CLOEXEC);
  native.close(placeholder);
}

/** The table of files of a ring, as a `DirectFd` needs it. */
export interface DirectTable {
  /** The ring whose table it is. */
  readonly ring: FdUser;
  /** Closes the file in a slot, if there is one, and gives the slot back. */
  remove(file: DirectFd, slot: number): void;
}

/**
 * A slot in a ring's table of files: a file without a descriptor, good for operations of that ring
 * only. Closed by `close()`, by `using`, or with the ring.
 *
 * Closing while operations are in flight on it cancels them; the slot is given back, and a file
 * that only the table held is closed, when the last of them has completed.
 */
export class DirectFd extends Descriptor implements Disposable, AsyncDisposable {
  readonly direct = true;
  /** @internal */
  readonly table: DirectTable;
  #slot: number;

  /** @internal */
  constructor(slot: number, table: DirectTable) {
    super();
    this.#slot = slot;
    this.table = table;
  }

  /** The slot; -1 once closed. */
  get fd(): number {
    return this.#slot;
  }

  get closed(): boolean {
    return this.#slot < 0;
  }

  /** @internal The ring whose table it is in. */
  get ring(): FdUser {
    return this.table.ring;
  }

  /** @internal From here on it is closed, and the slot is the caller's to give back. */
  release(): number {
    const slot = this.#slot;
    this.#slot = -1;
    return slot;
  }

  /** Takes the file out of the table; a second call does nothing. */
  close(): void {
    if (this.#slot < 0) return;
    if (this.inFlight > 0) this.ring.letGo(this);
    this.revoke();
  }

  /** @internal As `close`, and lets what is in flight end by itself. */
  revoke(): void {
    if (this.#slot < 0) return;
    const slot = this.release();
    if (this.inFlight === 0) this.table.remove(this, slot);
    else this.onIdle = () => this.table.remove(this, slot);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** A plain descriptor, owned or borrowed. */
export type FdLike = OwnedFd | BorrowedFd;

/** Lets a plain number be used where a descriptor is wanted; its owner keeps it open meanwhile. */
export function asFd(fd: number): BorrowedFd {
  return new BorrowedFd(fd);
}

/** @internal */
export function descriptor(name: string, value: unknown): Descriptor {
  if (value instanceof Descriptor) {
    if (value.fd >= 0) return value;
    throw invalidType(name, 'an open descriptor', 'one that is closed');
  }
  throw invalidType(name, 'an OwnedFd, a DirectFd or asFd(number)', value);
}

/** @internal */
export function plainDescriptor(name: string, value: unknown): Descriptor {
  const found = descriptor(name, value);
  if (!found.direct) return found;
  throw invalidType(name, 'a plain descriptor (a DirectFd is known to its ring only)', value);
}
