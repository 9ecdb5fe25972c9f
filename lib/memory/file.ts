/** Maps a file that is open already, and finds out whether others may make it shorter. */
import { statfsSync } from 'node:fs';
import {
  F_GET_SEALS,
  F_SEAL_SHRINK,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_SYNC,
} from '../abi.js';
import { systemError } from '../errors.js';
import { fstat } from '../fstat.js';
import { native } from '../native.js';
import { alignUp, sizeText } from '../units.js';
import { boolean, integer, invalidValue, oneOf } from '../validate.js';
import {
  type FileMappingOptions,
  PROTECTIONS,
  type Protection,
  planFile,
  SIZE_MAX,
} from './options.js';
import { hugeFlags, PAGE_BYTES, type Pages } from './pages.js';
import { fail, lock, mapPages, type Placed } from './place.js';
import { populate } from './populate.js';

const HUGETLBFS_MAGIC = 0x958458f6;

export interface PlacedFile extends Placed {
  readonly protection: Protection;
  readonly share: 'private' | 'shared';
  readonly populated: boolean;
  /** Nobody can make the file shorter than the mapping. */
  readonly sealed: boolean;
}

interface FileFacts {
  /** Bytes, when it is a regular file. */
  readonly size: number | undefined;
  readonly pages: Pages;
  readonly sealed: boolean;
}

/** Seals are read before the size: after F_SEAL_SHRINK it can only grow. */
function factsOf(fd: number): FileFacts {
  const seals = native.fcntl(fd, F_GET_SEALS, 0);
  try {
    const status = fstat(fd);
    const sealed = seals > 0 && (seals & F_SEAL_SHRINK) !== 0;
    const size = status.isFile() ? status.size : undefined;
    const huge =
      status.blksize > PAGE_BYTES && statfsSync(`/proc/self/fd/${fd}`).type === HUGETLBFS_MAGIC;
    const pages: Pages = huge
      ? {
          backing: sizeText(status.blksize),
          size: status.blksize,
          flags: hugeFlags(status.blksize),
        }
      : { backing: 'ordinary', size: PAGE_BYTES, flags: 0 };
    return { size, pages, sealed };
  } catch (error) {
    throw systemError((error as { errno: number }).errno, 'fstat', { fd });
  }
}

function chooseSize(options: FileMappingOptions, facts: FileFacts, offset: number): number {
  const rest = facts.size === undefined ? undefined : facts.size - offset;
  if (options.size === undefined && rest === undefined) {
    throw invalidValue('size', 'must be given for what is no regular file', undefined);
  }
  if (rest !== undefined && rest < 1) {
    throw invalidValue('offset', `must be inside the file, which has ${facts.size} bytes`, offset);
  }
  const size = integer('size', options.size ?? rest, 1, rest ?? SIZE_MAX);
  return facts.pages.size === PAGE_BYTES ? size : alignUp(size, facts.pages.size);
}

export function placeFile(fd: number, options: FileMappingOptions): PlacedFile {
  const manner = planFile(options);
  const share = oneOf('share', options.share ?? 'shared', ['private', 'shared']);
  const protection = oneOf('protection', options.protection ?? 'read', [
    'none',
    'read',
    'readwrite',
  ]);
  const sync = boolean('sync', options.sync ?? false);
  if (sync && share === 'private') throw invalidValue('sync', "needs share: 'shared'", sync);
  const facts = factsOf(fd);
  const { pages } = facts;
  const offset = integer('offset', options.offset ?? 0, 0, Number.MAX_SAFE_INTEGER);
  if (offset % pages.size !== 0) {
    throw invalidValue('offset', `must be a multiple of ${pages.size}`, offset);
  }
  const size = chooseSize(options, facts, offset);
  // Hugepages of a file are fetched always: the pool may be empty when they are first touched.
  const wanted = boolean('populate', options.populate ?? false) || pages.size > PAGE_BYTES;
  const populated = wanted && protection !== 'none';
  const kind =
    share === 'private' ? MAP_PRIVATE : sync ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
  const request = { size, pages, protection: PROTECTIONS[protection], flags: kind, fd, offset };
  const region = mapPages(manner, request);
  try {
    const write = pages.size > PAGE_BYTES && protection === 'readwrite' && share === 'private';
    if (populated) {
      fail(populate(region, 0, size, pages.size, write), { flags: pages.flags, bytes: size });
    }
    lock(region, size, manner);
  } catch (error) {
    native.regionRelease(region, true);
    throw error;
  }
  const { sealed } = facts;
  return { region, size, pages, fd: undefined, named: false, protection, share, populated, sealed };
}
