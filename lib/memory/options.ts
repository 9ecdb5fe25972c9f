/** What a mapping can be asked for, checked. */
import {
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from '../abi.js';
import { boolean, integer, invalidType, invalidValue, oneOf, onlyKeys } from '../validate.js';
import {
  choosePages,
  type HugePage,
  type HugePageFallback,
  PAGE_BYTES,
  type Pages,
} from './pages.js';

export const SIZE_MAX = 2 ** 46;
const ADDRESS_MAX = 2 ** 47;
const NAME_MAX = 79;

/** What may be done with the pages. */
export type Protection = 'none' | 'read' | 'readwrite';
export const PROTECTIONS = {
  none: PROT_NONE,
  read: PROT_READ,
  readwrite: PROT_READ | PROT_WRITE,
} as const satisfies Record<Protection, number>;

export const SEALS = {
  seal: F_SEAL_SEAL,
  shrink: F_SEAL_SHRINK,
  grow: F_SEAL_GROW,
  'future-write': F_SEAL_FUTURE_WRITE,
} as const;
/** What is ruled out for a memfd, for good. Not 'write': the mapping itself is written to. */
export type Seal = keyof typeof SEALS;

/** What every kind of mapping takes. */
export interface CommonMappingOptions {
  /**
   * Keeps the pages in memory: now and for good, or each from its first use on ('onfault'). Default
   * false.
   *
   * @man mlock2(2)
   */
  locked?: boolean | 'onfault';
  /** MAP_NORESERVE: reserves no memory, or pages of the pool, for what is not touched yet. */
  noreserve?: boolean;
  /**
   * Exactly there (MAP_FIXED_NOREPLACE), a multiple of the page size; EEXIST where something is
   * already.
   */
  address?: number;
}

export interface MappingOptions extends CommonMappingOptions {
  /** Bytes; rounded up to whole pages. */
  size: number;
  /**
   * Touch every page now, so that a lack of memory is an error here and not a signal later. Default
   * true. Pages of a pool have no `bytes` before they are there.
   */
  populate?: boolean;
  /** '2MiB', '1GiB' or any size that the kernel has a pool of; or its own choice: 'transparent'. */
  hugePage?: HugePage;
  /** What to fall back to when they cannot be had; `backing` tells. Default 'throw'. */
  orElse?: HugePageFallback;
  /** In /proc/self/maps, where the kernel keeps such names; at most 79 letters. */
  name?: string;
}

export interface AnonymousOptions extends MappingOptions {
  /** 'shared' is seen by forked children that inherit it. Default 'private'. */
  share?: 'private' | 'shared';
}

export interface MemfdOptions extends MappingOptions {
  /** 'shrink' is among them always: views stay good whoever gets the descriptor. */
  seals?: readonly Seal[];
}

export interface FileMappingOptions extends CommonMappingOptions {
  /** Bytes from the start of the file, a multiple of the page size. Default 0. */
  offset?: number;
  /** Bytes. Default: the rest of the file. */
  size?: number;
  /** 'private' keeps what is written to itself. Default 'shared'. */
  share?: 'private' | 'shared';
  /** Default 'read'. */
  protection?: Protection;
  /** Read the file in now. Default false. */
  populate?: boolean;
  /**
   * MAP_SYNC: what is written through to persistent memory needs no msync. Only files on DAX have
   * it.
   */
  sync?: boolean;
}

/** Of `CommonMappingOptions`. */
export interface Manner {
  readonly locked: boolean | 'onfault';
  readonly noreserve: boolean;
  readonly address: number;
}

/** Of `MappingOptions`. */
export interface Plan extends Manner {
  readonly size: number;
  readonly populate: boolean;
  readonly ways: readonly Pages[];
  readonly name: string;
}

const COMMON = ['locked', 'noreserve', 'address'] as const;
const OWN = ['size', 'populate', 'hugePage', 'orElse', 'name', ...COMMON] as const;

function planManner(options: CommonMappingOptions, pageSize: number): Manner {
  const address = integer('address', options.address ?? 0, 0, ADDRESS_MAX);
  if (address % pageSize !== 0) {
    throw invalidValue('address', `must be a multiple of ${pageSize}`, address);
  }
  const locked = options.locked ?? false;
  return {
    locked: locked === 'onfault' ? locked : boolean('locked', locked),
    noreserve: boolean('noreserve', options.noreserve ?? false),
    address,
  };
}

/** Checks what anonymous memory and memfds have in common. */
export function planMapping(options: MappingOptions, more: readonly string[]): Plan {
  onlyKeys('options', options, [...OWN, ...more]);
  const ways = choosePages(options.hugePage, options.orElse);
  const size = integer('size', options.size, 1, SIZE_MAX);
  return {
    ...planManner(options, ways[0]?.size ?? PAGE_BYTES),
    size,
    populate: boolean('populate', options.populate ?? true),
    ways,
    name: text('name', options.name ?? ''),
  };
}

/** The kernel takes printable letters, without some that mean something in its own lists. */
export function text(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalidType(name, 'a string', value);
  if (value.length > NAME_MAX || !/^[ -~]*$/.test(value) || /[\\`$[\]]/.test(value)) {
    throw invalidValue(
      name,
      `must be at most ${NAME_MAX} printable letters without \\\`$[]`,
      value,
    );
  }
  return value;
}

export function planFile(options: FileMappingOptions): Manner {
  onlyKeys('options', options, [
    'offset',
    'size',
    'share',
    'protection',
    'populate',
    'sync',
    ...COMMON,
  ]);
  return planManner(options, PAGE_BYTES);
}

export function sealBits(seals: readonly Seal[]): number {
  if (!Array.isArray(seals)) throw invalidType('seals', 'an array', seals);
  const names = Object.keys(SEALS) as Seal[];
  return seals.reduce(
    (bits, seal, index) => bits | SEALS[oneOf(`seals[${index}]`, seal, names)],
    0,
  );
}

/** A part of a mapping: whole pages from `offset` on. */
export interface RangeOptions {
  /** Default 0. */
  offset?: number;
  /** Default: the rest. */
  length?: number;
}

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Checks a part; its start and, unless it goes to the end, its length are whole pages. */
export function planRange(options: RangeOptions, size: number, pageSize: number): Range {
  const offset = integer('offset', options.offset ?? 0, 0, size);
  const length = integer('length', options.length ?? size - offset, 0, size - offset);
  for (const [name, value] of [
    ['offset', offset],
    ['length', offset + length === size ? 0 : length],
  ] as const) {
    if (value % pageSize !== 0)
      throw invalidValue(name, `must be a multiple of ${pageSize}`, value);
  }
  return { offset, length };
}
