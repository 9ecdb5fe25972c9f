/** What the futex operations share: 32-bit words of a mapping, and how they are named. */
import { FUTEX_BITSET_MATCH_ANY, FUTEX2_PRIVATE, FUTEX2_SIZE_U32 } from '../../abi.js';
import { Mapping } from '../../memory/mapping.js';
import { boolean, integer, invalidType } from '../../validate.js';
import { type CommonOptions, Operation, type OperationKind } from '../operation.js';

/** Words that threads and processes share. */
export type FutexWords = Int32Array | Uint32Array;

export interface FutexOptions extends CommonOptions {
  /**
   * Which waiters and wakers meet: those with a bit in common. Default all 32 bits.
   */
  mask?: number;
  /**
   * FUTEX2_PRIVATE: only this process, and only through this mapping, which is cheaper. Default
   * false.
   */
  private?: boolean;
}

export const FUTEX_KEYS = ['mask', 'private'] as const;
const UINT32_MAX = 0xffff_ffff;

export function futexFlags(options: { private?: boolean }): number {
  return FUTEX2_SIZE_U32 | (boolean('private', options.private ?? false) ? FUTEX2_PRIVATE : 0);
}

/** A word's mapping, and where in it the word is. */
export function futexWord(
  name: string,
  words: unknown,
  index: unknown,
): { mapping: Mapping; offset: number } {
  if (!(words instanceof Int32Array || words instanceof Uint32Array)) {
    throw invalidType(name, 'an Int32Array or Uint32Array over a Mapping', words);
  }
  const mapping = Mapping.of(words);
  if (mapping === undefined) throw invalidType(name, 'over a Mapping', words);
  const at = integer('index', index, 0, words.length - 1);
  return { mapping, offset: words.byteOffset + at * words.BYTES_PER_ELEMENT };
}

/** A value of a word, signed or not, as the kernel's unsigned number in 32 bits. */
export function futexValue(name: string, value: unknown): number {
  return integer(name, value, -(2 ** 31), UINT32_MAX) | 0;
}

/**
 * An operation on one word; `value` is what to compare with, or how many to wake.
 *
 * @kernel 6.7
 * @man futex(2)
 */
export function onFutex<Result>(
  of: OperationKind<Result>,
  words: FutexWords,
  index: number,
  value: number,
  options: FutexOptions,
): Operation<Result> {
  const { mapping, offset } = futexWord('words', words, index);
  const operation = new Operation(of).common(options, ...FUTEX_KEYS);
  operation.point(mapping, offset, words.BYTES_PER_ELEMENT);
  operation.length = 0;
  operation.fd = futexFlags(options);
  operation.offsetLow = value;
  operation.address3Low =
    integer('mask', options.mask ?? FUTEX_BITSET_MATCH_ANY, 1, UINT32_MAX) | 0;
  return operation;
}
