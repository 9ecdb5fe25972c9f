/** Where things are in shared memory: `docs/shared-layout.md` says the same in words. */

/** The bytes 'NMSH'. */
export const MAGIC = 0x4853_4d4e;
/** Of everything here: memory of another version is refused. */
export const LAYOUT_VERSION = 1;

// The header, in words of 32 bits.
export const MEMORY_MAGIC = 0;
export const MEMORY_VERSION = 1;
/** Bytes of the memory, as two words. */
export const MEMORY_SIZE_LOW = 2;
export const MEMORY_SIZE_HIGH = 3;
/** The first free unit. */
export const MEMORY_BUMP = 4;
/** Entries of the directory that are there: stored last of all that makes one. */
export const MEMORY_COUNT = 5;
/** The participant that is making an entry. */
export const MEMORY_LOCK = 6;
/** Low word of the inode of the PID namespace in which threads have their numbers. */
export const MEMORY_PID_NAMESPACE = 7;

/** What places and lengths of structures are counted in: a cache line. */
export const UNIT = 64;

// Participants: 256 entries of 16 bytes; the first is nobody.
export const PARTICIPANTS = 4096;
export const PARTICIPANT_BYTES = 16;
export const PARTICIPANTS_MAX = 256;

// The directory: 256 entries of 64 bytes.
export const DIRECTORY = 8192;
export const ENTRY_BYTES = 64;
export const ENTRIES_MAX = 256;
export const ENTRY_KIND = 0;
export const ENTRY_PLACE = 1;
export const ENTRY_UNITS = 2;
export const ENTRY_NAME_BYTES = 3;
export const ENTRY_NAME = 16;
export const NAME_BYTES_MAX = ENTRY_BYTES - ENTRY_NAME;

/** Where the structures begin. */
export const HEAP = 24_576;

/** Keeps words apart that different CPUs write: two lines, which are fetched as one. */
export const APART_WORDS = 32;

/** The name of a kind, as the four bytes that stand for it. */
export const kindCode = (name: string): number => Buffer.from(name.padEnd(4)).readInt32LE(0);
