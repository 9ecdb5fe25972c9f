/**
 * A node of the tree: a kibibyte, 16 cache lines, in words:
 *
 *      0  1  how many keys          1  1  level, 0 for a leaf
 *      2  1  the leaf behind        3  1  the leaf before
 *      4  1  bytes of the prefix    5 11  prefix: what all keys of the node begin with
 *
 *     leaf     16  120  slices: of each key the four bytes behind the prefix
 *             136  120  places of records
 *     inner    16   79  slices
 *              95   79  places of keys: the first of what is below the child behind it, or shorter
 *             174   80  places of children
 *
 * So a search reads the keys themselves only where four bytes do not tell them apart.
 */
export const NODE_BYTES = 1024;

export const COUNT = 0;
export const LEVEL = 1;
export const NEXT = 2;
export const BEFORE = 3;
export const PREFIX_LENGTH = 4;
export const PREFIX = 5;
export const PREFIX_BYTES_MAX = 44;

export const SLICES = 16;
export const LEAF_MAX = 120;
export const LEAF_KEYS = SLICES + LEAF_MAX;
export const INNER_MAX = 79;
export const INNER_KEYS = SLICES + INNER_MAX;
export const CHILDREN = INNER_KEYS + INNER_MAX;
