/** Which pages a mapping asks for, and which it falls back to. */
import { MAP_HUGE_SHIFT, MAP_HUGETLB } from '../abi.js';
import { native } from '../native.js';
import { isPowerOfTwo, parseSize, type SizeText, sizeText } from '../units.js';
import { invalidType, invalidValue, oneOf } from '../validate.js';

/** An ordinary page, as this kernel has it. */
export const PAGE_BYTES: number = native.pageBytes;
/** What the processor maps at once where it can: a page full of entries, of 8 bytes each. */
export const TRANSPARENT_BYTES: number = PAGE_BYTES * (PAGE_BYTES / 8);

/** A hugepage size of the kernel's pools, in bytes or as '2MiB'; or the kernel's own choice. */
export type HugePage = number | SizeText | 'transparent';
/** What to do where the hugepages asked for are not to be had. */
export type HugePageFallback = 'throw' | 'transparent' | 'ordinary';
/** What a mapping got: ordinary pages, whatever the kernel puts together, or pages of one pool. */
export type Backing = 'ordinary' | 'transparent' | SizeText;

/** One way to back a mapping. */
export interface Pages {
  readonly backing: Backing;
  /** Bytes of the smallest page that there can be. */
  readonly size: number;
  /** For mmap; memfd_create has the same bits above MFD_HUGETLB. */
  readonly flags: number;
}

const ORDINARY: Pages = { backing: 'ordinary', size: PAGE_BYTES, flags: 0 };
const TRANSPARENT: Pages = { backing: 'transparent', size: PAGE_BYTES, flags: 0 };

function pooled(value: unknown): Pages {
  const bytes = typeof value === 'string' ? parseSize(value) : value;
  if (typeof bytes !== 'number') {
    if (typeof value === 'string') throw refused(value);
    throw invalidType('hugePage', "a size such as '2MiB', a number or 'transparent'", value);
  }
  if (!isPowerOfTwo(bytes) || bytes <= PAGE_BYTES) throw refused(value);
  return { backing: sizeText(bytes), size: bytes, flags: hugeFlags(bytes) };
}

/** MAP_HUGETLB with the size of a page. */
export function hugeFlags(bytes: number): number {
  return (MAP_HUGETLB | (Math.log2(bytes) << MAP_HUGE_SHIFT)) >>> 0;
}

function refused(value: unknown): TypeError {
  return invalidValue('hugePage', "must be a page size such as '2MiB', or 'transparent'", value);
}

/** The ways to try, in order. */
export function choosePages(
  hugePage: HugePage | undefined,
  orElse: HugePageFallback | undefined,
): readonly Pages[] {
  const fallback = oneOf('orElse', orElse ?? 'throw', ['throw', 'transparent', 'ordinary']);
  if (hugePage === undefined) return [ORDINARY];
  const first = hugePage === 'transparent' ? TRANSPARENT : pooled(hugePage);
  if (fallback === 'throw') return [first];
  if (fallback === 'ordinary' || first === TRANSPARENT) return [first, ORDINARY];
  return [first, TRANSPARENT];
}
