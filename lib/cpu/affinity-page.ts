/** The two system calls for affinity, by way of a page of memory: no argument crosses over. */
import { systemError } from '../errors.js';
import { native } from '../native.js';
import { CpuSet } from './set.js';

/** Words of the page: see native/sched.cc. */
const TID = 0;
const LENGTH = 1;
const RESULT = 2;
const MASK = 4;
const WORD_BYTES = 4;

interface Page {
  readonly words: Int32Array;
  readonly mask: Uint32Array;
  readonly schedSetaffinity: () => void;
  readonly schedGetaffinity: () => void;
}

let opened: Page | undefined;

function open(): Page {
  const answer = native.openAffinity();
  if (typeof answer === 'number') throw systemError(answer, 'mmap');
  const { page, schedSetaffinity, schedGetaffinity } = answer;
  return {
    words: new Int32Array(page, 0, MASK),
    mask: new Uint32Array(page, MASK * WORD_BYTES),
    schedSetaffinity,
    schedGetaffinity,
  };
}

/** What the last call found: mostly the next one finds the same. */
let found = CpuSet.empty;
let foundWords: Uint32Array = found.toWords();

function isFound(mask: Uint32Array, count: number): boolean {
  const known = foundWords.length;
  for (let at = 0; at < known; at++) if (mask[at] !== foundWords[at]) return false;
  for (let at = known; at < count; at++) if (mask[at] !== 0) return false;
  return known <= count;
}

/** sched_getaffinity(2): the CPUs, or -errno. */
export function readAffinity(tid: number): CpuSet | number {
  opened ??= open();
  const { words, mask } = opened;
  words[TID] = tid;
  opened.schedGetaffinity();
  const bytes = words[RESULT] as number;
  if (bytes < 0) return bytes;
  const count = bytes / WORD_BYTES;
  if (!isFound(mask, count)) {
    found = CpuSet.fromWords(mask, count);
    foundWords = found.toWords();
  }
  return found;
}

/** sched_setaffinity(2): 0 or -errno. The kernel may have given only a part. */
export function writeAffinity(tid: number, cpus: CpuSet): number {
  opened ??= open();
  const { words, mask } = opened;
  const wanted = cpus.toWords();
  for (let at = 0; at < wanted.length; at++) mask[at] = wanted[at] as number;
  words[TID] = tid;
  words[LENGTH] = wanted.length * WORD_BYTES;
  opened.schedSetaffinity();
  return words[RESULT] as number;
}
