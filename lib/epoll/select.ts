/** select and pselect: one call looks at sets of descriptors, whose numbers are below 1024. */
import { check } from '../errors.js';
import { type FdLike, plainDescriptor } from '../fd/fd.js';
import { native } from '../native.js';
import { invalidType, onlyKeys, outOfRange } from '../validate.js';
import { type BlockingOptions, blockUntil } from './blocking.js';

/** As in the C library: sets have room for numbers below this, and no more. */
export const FD_SETSIZE = 1024;

/** A set of descriptors, one bit each. */
export class FdSet {
  /** 32 descriptors a word, the lowest in the lowest bit. */
  readonly words = new Uint32Array(FD_SETSIZE / 32);
  readonly #saved = new Uint32Array(FD_SETSIZE / 32);

  add(fd: FdLike): this {
    const number = numberOf(fd);
    this.words[number >>> 5] = (this.words[number >>> 5] as number) | (1 << (number & 31));
    return this;
  }

  delete(fd: FdLike): this {
    const number = numberOf(fd);
    this.words[number >>> 5] = (this.words[number >>> 5] as number) & ~(1 << (number & 31));
    return this;
  }

  has(fd: FdLike): boolean {
    const number = numberOf(fd);
    return ((this.words[number >>> 5] as number) & (1 << (number & 31))) !== 0;
  }

  clear(): this {
    this.words.fill(0);
    return this;
  }

  /** @internal One more than the highest number in it. */
  get end(): number {
    for (let index = this.words.length - 1; index >= 0; index--) {
      const word = this.words[index] as number;
      if (word !== 0) return (index + 1) * 32 - Math.clz32(word);
    }
    return 0;
  }

  /** @internal The kernel empties a set when it finds nothing, and the wait may go on. */
  save(): void {
    this.#saved.set(this.words);
  }

  /** @internal */
  restore(): void {
    this.words.set(this.#saved);
  }
}

/** What to look at; each set is left with what was found. */
export interface SelectSets {
  readonly read?: FdSet;
  readonly write?: FdSet;
  readonly except?: FdSet;
}

/**
 * Waits until something in the sets is ready, and leaves in them what is. Answers how many bits
 * are set, 0 when time is over.
 *
 * @errno EBADF one of them is not open
 * @kernel 2.6.16 pselect6
 * @man select(2)
 */
export function select(
  sets: SelectSets,
  options: Pick<BlockingOptions, 'timeoutMs' | 'restart'> = {},
): number {
  onlyKeys('options', options, ['timeoutMs', 'restart']);
  return pselect(sets, options);
}

/**
 * As `select`, with other signals blocked while it waits.
 *
 * @errno EBADF one of them is not open
 * @kernel 2.6.16 pselect6
 * @man pselect(2)
 */
export function pselect(sets: SelectSets, options: BlockingOptions = {}): number {
  onlyKeys('sets', sets, ['read', 'write', 'except']);
  const { read, write, except } = sets;
  checkSet('read', read);
  checkSet('write', write);
  checkSet('except', except);
  const end = Math.max(read?.end ?? 0, write?.end ?? 0, except?.end ?? 0);
  read?.save();
  write?.save();
  except?.save();
  const once = (timeoutNs: number, mask: Int32Array | undefined): number => {
    read?.restore();
    write?.restore();
    except?.restore();
    return native.pselect6(
      end,
      read?.words ?? null,
      write?.words ?? null,
      except?.words ?? null,
      timeoutNs,
      mask ?? null,
    );
  };
  return check(blockUntil(options, once), 'pselect6');
}

function checkSet(name: string, set: unknown): void {
  if (set !== undefined && !(set instanceof FdSet)) throw invalidType(name, 'an FdSet', set);
}

function numberOf(fd: FdLike): number {
  const { fd: number } = plainDescriptor('fd', fd);
  if (number < FD_SETSIZE) return number;
  throw outOfRange('fd', `below FD_SETSIZE (${FD_SETSIZE}); poll and epoll take any`, number);
}
