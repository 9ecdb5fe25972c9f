/**
 * How an entry lies in its block: ten words, then the bytes of the key, then those of the value.
 *
 *     0 next entry of the bucket   1 hash        2 kind, length of the key   3 length or slot
 *     4 5 when it expires (ms)     6 access      7 marks                     8 9 places in lists
 */

export const NEXT = 0;
export const HASH = 1;
export const KEY = 2;
/** Of a string the length; of anything else where it is among the objects. */
export const VALUE = 3;
/** In doubles: two words each. 0: never. */
export const EXPIRES = 2;
export const ACCESS = 6;
export const MARKS = 7;
/** Where it is in the list of those that expire, plus 1; 0: it is not. */
export const EXPIRING = 8;
/** Where it is in the list of all. */
export const ORDER = 9;
export const HEADER_BYTES = 40;

export const KEY_BITS = 24;
export const KEY_MASK = 2 ** KEY_BITS - 1;

/** What an entry is, above the length of its key. 0 is a block that is free. */
export const STRING = 1;
/** A string that is too long for a block. */
export const LARGE_STRING = 2;
export const HASH_TABLE = 3;
export const LIST = 4;
export const SET = 5;
export const SORTED_SET = 6;

export const TYPE_NAMES = ['none', 'string', 'string', 'hash', 'list', 'set', 'zset'] as const;

/** A mark: the string was changed in place, and says so when asked for its encoding. */
export const EDITED = 1;
