/** The words of a broadcast ring. */
import { APART_WORDS } from './layout.js';

export const CAST_KIND = 0;
export const CAST_CAPACITY = 1;
/** Words of a record. */
export const CAST_WORDS = 2;
export const CAST_WRITER = 3;
export const CAST_ENDED = 4;
/** How many have been published, and how many have been begun, modulo 2^32. */
export const CAST_TAIL: number = APART_WORDS;
export const CAST_BEGUN: number = APART_WORDS + 1;
export const CAST_SLEEPS: number = 2 * APART_WORDS;
export const CAST_RECORDS: number = 3 * APART_WORDS;
