/** The two system calls for affinity, by way of a page of memory: no argument crosses over. */
import { systemError } from '../errors.js';
import { native } from '../native.js';
import { CpuSet } from './set.js';

/** Words of the page: see native/sched.cc. */
const TID = 0;
const LENGTH = 1;
const FOUND_LENGTH = 2;
const RESULT = 3;
const WANTED = 4;
const MASK_WORDS = 2048;
const WORD_BYTES = 4;

interface Page {
  readonly words: Int32Array;
  readonly wanted: Uint32Array;
  readonly found: Uint32Array;
  readonly schedSetaffinity: () => void;
  readonly schedGetaffinity: () => void;
  readonly schedExchangeAffinity: () => void;
}

let opened: Page | undefined;

function open(): Page {
  const answer = native.openAffinity();
  if (typeof answer === 'number') throw systemError(answer, 'mmap');
  const { page, ...calls } = answer;
  const wanted = new Uint32Array(page, WANTED * WORD_BYTES, MASK_WORDS);
  const found = new Uint32Array(page, wanted.byteOffset + wanted.byteLength, MASK_WORDS);
  return { words: new Int32Array(page, 0, WANTED), wanted, found, ...calls };
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

function foundSet({ words, found: mask }: Page): CpuSet | number {
  const bytes = words[FOUND_LENGTH] as number;
  if (bytes < 0) return bytes;
  const count = bytes / WORD_BYTES;
  if (!isFound(mask, count)) {
    found = CpuSet.fromWords(mask, count);
    foundWords = found.toWords();
  }
  return found;
}

function ask({ words, wanted }: Page, tid: number, cpus: CpuSet): void {
  const mask = cpus.toWords();
  for (let at = 0; at < mask.length; at++) wanted[at] = mask[at] as number;
  words[TID] = tid;
  words[LENGTH] = mask.length * WORD_BYTES;
}

/** sched_getaffinity(2): the CPUs, or -errno. */
export function readAffinity(tid: number): CpuSet | number {
  opened ??= open();
  opened.words[TID] = tid;
  opened.schedGetaffinity();
  return foundSet(opened);
}

/** sched_setaffinity(2): 0 or -errno. The kernel may have given only a part. */
export function writeAffinity(tid: number, cpus: CpuSet): number {
  opened ??= open();
  ask(opened, tid, cpus);
  opened.schedSetaffinity();
  return opened.words[RESULT] as number;
}

/**
 * Both in one crossing: the CPUs until now, or -errno of asking for them; whether they were then
 * changed is said by `exchangeResult`.
 */
export function exchangeAffinity(tid: number, cpus: CpuSet): CpuSet | number {
  opened ??= open();
  ask(opened, tid, cpus);
  opened.schedExchangeAffinity();
  return foundSet(opened);
}

/** What setting answered in `exchangeAffinity`: 0 or -errno. */
export function exchangeResult(): number {
  return opened?.words[RESULT] ?? 0;
}
