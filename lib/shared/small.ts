/** Structures of a few words: a line that says what it is, and lines of their own for the rest. */
import { SharedError } from './errors.js';
import { APART_WORDS, kindCode } from './layout.js';
import type { SharedMemory } from './memory.js';

const KIND = 0;
/** Words of a structure: three pairs of lines. */
export const SMALL_WORDS: number = 3 * APART_WORDS;
/** What changes. */
export const STATE: number = APART_WORDS;
/** Odd while somebody sleeps. */
export const SLEEPS: number = 2 * APART_WORDS;

/** Makes a structure of `words`, the first of them its kind; `fill` writes what is not 0. */
export function makeSmall(
  memory: SharedMemory,
  name: string,
  kind: string,
  words: number,
  fill: (words: Int32Array) => void = () => {},
): void {
  memory.add(name, kindCode(kind), words * 4, (offset) => {
    const view = new Int32Array(memory.buffer, offset, words);
    view[KIND] = kindCode(kind);
    fill(view);
  });
}

/** The words of a structure that is there; `wordsOf` says how many its header asks for. */
export function openSmall(
  memory: SharedMemory,
  name: string,
  kind: string,
  what: string,
  wordsOf: (words: Int32Array) => number = () => SMALL_WORDS,
): Int32Array {
  const { offset, bytes } = memory.find(name, kindCode(kind), what);
  const words = new Int32Array(memory.buffer, offset, bytes / 4);
  const wanted = words[KIND] === kindCode(kind) ? wordsOf(words) : Number.NaN;
  if (wanted <= words.length) return words;
  throw new SharedError('CORRUPT', `the header of "${name}" says what cannot be`);
}
