/** A file that is memory and nothing else: memfd_create(2). */
import {
  EINVAL,
  F_ADD_SEALS,
  F_GET_SEALS,
  F_SEAL_EXEC,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MAP_HUGE_1GB,
  MAP_HUGE_2MB,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  MFD_NOEXEC_SEAL,
  SYS_ftruncate,
} from '../abi.js';
import { check } from '../errors.js';
import { fstat } from '../fstat.js';
import { native } from '../native.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import { OwnedFd } from './fd.js';
import { adoptedNumber } from './owned-bits.js';
import { closedError } from './readiness.js';

const SEALS = {
  seal: F_SEAL_SEAL,
  shrink: F_SEAL_SHRINK,
  grow: F_SEAL_GROW,
  write: F_SEAL_WRITE,
  futureWrite: F_SEAL_FUTURE_WRITE,
  exec: F_SEAL_EXEC,
} as const;
const SEAL_NAMES = Object.keys(SEALS) as Seal[];
const HUGE_PAGES = { '2MiB': MAP_HUGE_2MB, '1GiB': MAP_HUGE_1GB } as const;
const NAME_BYTES_MAX = 249;
const SIZE_MAX = 2 ** 46;

/** What is forbidden from now on, to everybody who has the file. */
export type Seal = keyof typeof SEALS;

export interface MemfdCreateOptions {
  /** Shown in /proc; need not be unique. Default 'nearmetal'. */
  name?: string;
  /** Bytes at first, all zero. Default 0. */
  size?: number;
  /** Lets `seal` be used. Default true. */
  allowSealing?: boolean;
  /** Backs it with pages of this size; mapping it fails where none are free. */
  hugePage?: keyof typeof HUGE_PAGES;
}

/**
 * Memory with a descriptor, which other threads and processes can map. It goes with the last
 * descriptor and the last mapping.
 *
 * @man memfd_create(2)
 */
export class Memfd extends OwnedFd {
  /**
   * @errno ENODEV there are no pages of this size on this machine
   * @kernel 3.17
   * @man memfd_create(2), ftruncate(2)
   */
  static create(options: MemfdCreateOptions = {}): Memfd {
    onlyKeys('options', options, ['name', 'size', 'allowSealing', 'hugePage']);
    const name = shortName(options.name ?? 'nearmetal');
    const size = integer('size', options.size ?? 0, 0, SIZE_MAX);
    const allowSealing = boolean('allowSealing', options.allowSealing ?? true);
    let flags = MFD_CLOEXEC | (allowSealing ? MFD_ALLOW_SEALING : 0);
    if (options.hugePage !== undefined) {
      const sizes = Object.keys(HUGE_PAGES) as (keyof typeof HUGE_PAGES)[];
      flags |= MFD_HUGETLB | HUGE_PAGES[oneOf('hugePage', options.hugePage, sizes)];
    }
    // Nobody runs a program from it. Kernels before 6.3 do not know the flag; it seals 'exec',
    // which implies that sealing is allowed.
    let fd = allowSealing ? native.memfdCreate(name, (flags | MFD_NOEXEC_SEAL) >>> 0) : -EINVAL;
    if (fd === -EINVAL) fd = native.memfdCreate(name, flags >>> 0);
    const file = new Memfd(check(fd, 'memfd_create', { facts: { flags, bytes: size } }));
    try {
      if (size > 0) file.resize(size);
    } catch (error) {
      file.close();
      throw error;
    }
    return file;
  }

  /** Takes ownership of a memfd that came from elsewhere. */
  static override adopt(fd: number): Memfd {
    return new Memfd(adoptedNumber(fd));
  }

  /** Bytes. */
  get size(): number {
    return fstat(this.#open()).size;
  }

  /**
   * Grows it with zeroes, or cuts it.
   *
   * @errno EPERM a seal forbids it
   * @man ftruncate(2)
   */
  resize(size: number): void {
    const length = integer('size', size, 0, SIZE_MAX);
    const fd = this.#open();
    check(native.syscall(SYS_ftruncate, fd, length), 'ftruncate', { fd });
  }

  /** The seals that are on it. */
  get seals(): readonly Seal[] {
    const fd = this.#open();
    const bits = check(native.fcntl(fd, F_GET_SEALS, 0), 'fcntl', { fd });
    return SEAL_NAMES.filter((name) => (bits & SEALS[name]) !== 0);
  }

  /**
   * Forbids what `seals` say, for good.
   *
   * @errno EPERM it was made without `allowSealing`, or 'seal' is on it
   * @errno EBUSY 'write' while somebody has it mapped to write
   * @man fcntl(2)
   */
  seal(...seals: readonly Seal[]): void {
    const bits = seals.reduce((sum, name) => sum | SEALS[oneOf('seals', name, SEAL_NAMES)], 0);
    const fd = this.#open();
    check(native.fcntl(fd, F_ADD_SEALS, bits), 'fcntl', { fd });
  }

  #open(): number {
    if (this.closed) throw closedError();
    return this.fd;
  }
}

function shortName(name: unknown): string {
  if (typeof name !== 'string') throw invalidType('name', 'a string', name);
  if (!name.includes('\0') && Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
  throw invalidValue('name', `must be up to ${NAME_BYTES_MAX} bytes without a null`, name);
}
