/** The options of openat and openat2: O_* flags as booleans, access, and the mode of new files. */
import {
  O_APPEND,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from '../../abi.js';
import { integer, oneOf } from '../../validate.js';
import type { CommonOptions } from '../operation.js';
import { flagBits } from './flags.js';
import type { DirectoryOptions } from './path.js';

const ACCESS = { read: O_RDONLY, write: O_WRONLY, readwrite: O_RDWR } as const;
const FLAGS = {
  append: O_APPEND,
  create: O_CREAT,
  direct: O_DIRECT,
  directory: O_DIRECTORY,
  dsync: O_DSYNC,
  exclusive: O_EXCL,
  noAtime: O_NOATIME,
  noFollow: O_NOFOLLOW,
  nonblock: O_NONBLOCK,
  path: O_PATH,
  sync: O_SYNC,
  tmpfile: O_TMPFILE,
  truncate: O_TRUNC,
} as const;

export const OPEN_KEYS = ['access', 'mode', 'rawFlags', 'dirfd', ...Object.keys(FLAGS)];

export interface OpenOptions extends CommonOptions, DirectoryOptions {
  /** Default 'read'. */
  access?: keyof typeof ACCESS;
  append?: boolean;
  create?: boolean;
  /** O_DIRECT: past the page cache; memory, offset and length must be aligned. */
  direct?: boolean;
  directory?: boolean;
  /** O_DSYNC: each write completes when its data is durable. */
  dsync?: boolean;
  /** With `create`: fail when the file is there already. */
  exclusive?: boolean;
  /** O_NOATIME: reading does not change the time of last access; the owner's files only. */
  noAtime?: boolean;
  noFollow?: boolean;
  nonblock?: boolean;
  /** O_PATH: names the file only, as `dirfd` needs it; it cannot be read or written. */
  path?: boolean;
  /** O_SYNC: each write completes when data and metadata are durable. */
  sync?: boolean;
  /** O_TMPFILE: a new file without a name, in the directory `path`; `linkat` can give it one. */
  tmpfile?: boolean;
  truncate?: boolean;
  /** Permissions of a created file, less the umask. Default 0o666. */
  mode?: number;
  /** More O_* bits. */
  rawFlags?: number;
}

/** The O_* bits that `options` ask for. */
export function openFlags(options: OpenOptions): number {
  const access = oneOf('access', options.access ?? 'read', ['read', 'write', 'readwrite'] as const);
  const raw = integer('rawFlags', options.rawFlags ?? 0, 0, 2 ** 31 - 1);
  return ACCESS[access] | flagBits(FLAGS, options) | raw;
}

export function modeOf(options: OpenOptions): number {
  return integer('mode', options.mode ?? 0o666, 0, 0o7777);
}
