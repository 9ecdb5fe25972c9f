/** Memory that threads and processes share, with a directory of the structures in it. */
import { closeSync, openSync } from 'node:fs';
import { F_GET_SEALS, F_SEAL_SHRINK } from '../abi.js';
import { systemError } from '../errors.js';
import { asFd, type FdLike, type OwnedFd, plainDescriptor } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import type { MappingOptions } from '../memory/options.js';
import { native } from '../native.js';
import { itBelongsToItsThread } from '../uncloneable.js';
import { integer, onlyKeys } from '../validate.js';
import { Directory } from './directory.js';
import { SharedError } from './errors.js';
import {
  HEAP,
  LAYOUT_VERSION,
  MAGIC,
  MEMORY_BUMP,
  MEMORY_MAGIC,
  MEMORY_PID_NAMESPACE,
  MEMORY_SIZE_HIGH,
  MEMORY_SIZE_LOW,
  MEMORY_VERSION,
  UNIT,
} from './layout.js';
import { Participants, pidNamespace } from './participants.js';

/** Places are counted in units of 64 bytes, in 31 bits. */
const SIZE_MAX = 2 ** 37;

export type SharedMemoryOptions = Pick<
  MappingOptions,
  'size' | 'populate' | 'hugePage' | 'orElse' | 'name' | 'locked'
>;

/** Writes the header; the magic last, which says that the rest is there. */
function format(words: Int32Array, size: number): void {
  words[MEMORY_VERSION] = LAYOUT_VERSION;
  words[MEMORY_SIZE_LOW] = size | 0;
  words[MEMORY_SIZE_HIGH] = Math.floor(size / 2 ** 32);
  words[MEMORY_BUMP] = HEAP / UNIT;
  words[MEMORY_PID_NAMESPACE] = pidNamespace();
  Atomics.store(words, MEMORY_MAGIC, MAGIC);
}

/** Throws when `words` do not say that this is our memory, whole. */
function verify(words: Int32Array, size: number): void {
  const refuse = (reason: string) => new SharedError('LAYOUT', `cannot attach: ${reason}`);
  if (Atomics.load(words, MEMORY_MAGIC) !== MAGIC) {
    throw refuse('it does not begin with NMSH: SharedMemory.create makes what does');
  }
  const version = words[MEMORY_VERSION] as number;
  if (version !== LAYOUT_VERSION) {
    throw refuse(`its layout is version ${version >>> 0}, and this is ${LAYOUT_VERSION}`);
  }
  const low = (words[MEMORY_SIZE_LOW] as number) >>> 0;
  const made = ((words[MEMORY_SIZE_HIGH] as number) >>> 0) * 2 ** 32 + low;
  if (made > size) throw refuse(`it was made with ${made} bytes, and has ${size}`);
  const namespace = words[MEMORY_PID_NAMESPACE] as number;
  if (namespace !== pidNamespace()) {
    throw refuse('it is of another PID namespace, where threads have other numbers');
  }
}

/**
 * Memory that any number of threads and processes have mapped, each at its own address: a memfd
 * sealed against shrinking. Structures in it have names, and the layout is documented
 * (`docs/shared-layout.md`), so that programs in other languages can take part.
 *
 * Whoever attaches becomes a participant until `close()`, or until its thread has ended: the others
 * see that, and take over what it held.
 *
 * @man memfd_create(2), mmap(2)
 */
export class SharedMemory implements Disposable {
  /** @internal */
  readonly uncloneable: () => void = itBelongsToItsThread;
  readonly #mapping: Mapping;
  readonly #participants: Participants;
  readonly #directory: Directory;
  /** This participant's name among the others, 32 bits. */
  readonly participant: number;
  /** @internal The whole memory. */
  readonly buffer: ArrayBuffer;

  /** @internal What this thread has open in it: closed with it, so that the others are told. */
  readonly parts = new Set<Disposable>();

  private constructor(mapping: Mapping) {
    this.#mapping = mapping;
    this.buffer = mapping.bytes.buffer;
    this.#participants = new Participants(this.buffer);
    this.#directory = new Directory(this.buffer, this.#participants);
    this.participant = this.#participants.join();
  }

  /**
   * Makes memory of `size` bytes, rounded up to whole pages; 24 KiB of it are the directory.
   *
   * @errno ENOMEM too few hugepages are free
   * @kernel 3.17, with hugepages 4.14
   * @man memfd_create(2)
   */
  static create(options: SharedMemoryOptions): SharedMemory {
    const keys = ['size', 'populate', 'hugePage', 'orElse', 'name', 'locked'];
    onlyKeys('options', options, keys);
    integer('size', options.size, HEAP + UNIT, SIZE_MAX);
    const mapping = Mapping.memfd({ ...options, populate: options.populate ?? true });
    return SharedMemory.#over(mapping, () => {
      format(new Int32Array(mapping.bytes.buffer, 0, UNIT / 4), mapping.size);
    });
  }

  /**
   * Maps memory that somebody else made, by its descriptor: a number that came from another thread
   * of this process goes through `asFd`; from another process it comes over a Unix socket, by
   * inheritance, or by `open`. The descriptor is not needed afterwards.
   *
   * @errno EACCES the descriptor is open for reading only
   * @man mmap(2)
   */
  static attach(fd: FdLike): SharedMemory {
    const { fd: number } = plainDescriptor('fd', fd);
    const seals = native.fcntl(number, F_GET_SEALS, 0);
    if (seals < 0 || (seals & F_SEAL_SHRINK) === 0) {
      const reason = 'others could make it shorter: it is no memfd sealed against that';
      throw new SharedError('LAYOUT', `cannot attach: ${reason}`);
    }
    return SharedMemory.#attached(Mapping.file(fd, { protection: 'readwrite' }));
  }

  /** @internal As `attach`, by a descriptor that another thread has given away. */
  static adopt(fd: OwnedFd): SharedMemory {
    return SharedMemory.#attached(Mapping.adopt(fd));
  }

  static #attached(mapping: Mapping): SharedMemory {
    return SharedMemory.#over(mapping, () => {
      if (mapping.size < HEAP + UNIT) {
        throw new SharedError('LAYOUT', `cannot attach: it has only ${mapping.size} bytes`);
      }
      verify(new Int32Array(mapping.bytes.buffer, 0, UNIT / 4), mapping.size);
    });
  }

  /**
   * As `attach`, by a path: '/proc/PID/fd/NUMBER' of a process that has it open.
   *
   * @errno EACCES the process is another user's
   * @man open(2), proc(5)
   */
  static open(path: string): SharedMemory {
    let number: number;
    try {
      number = openSync(path, 'r+');
    } catch (error) {
      throw systemError((error as { errno?: number }).errno ?? -1, 'open', { path });
    }
    try {
      return SharedMemory.attach(asFd(number));
    } finally {
      closeSync(number);
    }
  }

  static #over(mapping: Mapping, prepare: () => void): SharedMemory {
    try {
      prepare();
      return new SharedMemory(mapping);
    } catch (error) {
      mapping.dispose();
      throw error;
    }
  }

  /** To be handed to others; closed with the memory. Undefined where it was attached. */
  get fd(): OwnedFd | undefined {
    return this.#mapping.fd;
  }

  /** Bytes. */
  get size(): number {
    return this.#mapping.size;
  }

  get closed(): boolean {
    return this.#mapping.disposed;
  }

  /** Whether there is a structure of that name. */
  has(name: string): boolean {
    return this.#directory.find(name) !== undefined;
  }

  /** Whether a participant is still there: neither closed nor ended. */
  isAlive(participant: number): boolean {
    return participant !== 0 && this.#participants.isAlive(participant);
  }

  /** The kernel's number of a participant's thread. */
  tidOf(participant: number): number | undefined {
    return this.#participants.tidOf(participant);
  }

  /** Leaves, and closes what it had open here, so that the others are told. */
  close(): void {
    if (this.closed) return;
    for (const part of this.parts) part[Symbol.dispose]();
    this.#participants.leave(this.participant);
    this.#mapping.dispose();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal Makes a structure; `fill` writes what is not zero in it. */
  add(name: string, kind: number, bytes: number, fill: (offset: number) => void): number {
    this.needOpen();
    return this.#directory.add(name, kind, bytes, this.participant, fill).offset;
  }

  /** @internal Finds a structure of a kind; answers where it is, and its bytes. */
  find(name: string, kind: number, what: string): { offset: number; bytes: number } {
    this.needOpen();
    const entry = this.#directory.find(name);
    if (entry === undefined) throw new SharedError('NOT_FOUND', `there is no "${name}" here`);
    if (entry.kind !== kind) throw new SharedError('LAYOUT', `"${name}" is no ${what}`);
    return entry;
  }

  /** @internal */
  needOpen(): void {
    if (this.closed) throw new SharedError('CLOSED', 'the shared memory has been closed');
  }
}
