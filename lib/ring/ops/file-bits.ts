/** What fadvise and fallocate are told, by name: the kernel's numbers. */
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_WRITE_ZEROES,
  FALLOC_FL_ZERO_RANGE,
  POSIX_FADV_DONTNEED,
  POSIX_FADV_NOREUSE,
  POSIX_FADV_NORMAL,
  POSIX_FADV_RANDOM,
  POSIX_FADV_SEQUENTIAL,
  POSIX_FADV_WILLNEED,
} from '../../abi.js';

export const FILE_ADVICE = {
  normal: POSIX_FADV_NORMAL,
  random: POSIX_FADV_RANDOM,
  sequential: POSIX_FADV_SEQUENTIAL,
  willneed: POSIX_FADV_WILLNEED,
  dontneed: POSIX_FADV_DONTNEED,
  noreuse: POSIX_FADV_NOREUSE,
} as const;

export type FileAdvice = keyof typeof FILE_ADVICE;

export const ADVICE_NAMES = Object.keys(FILE_ADVICE) as FileAdvice[];

export const ALLOCATE_FLAGS = {
  keepSize: FALLOC_FL_KEEP_SIZE,
  punchHole: FALLOC_FL_PUNCH_HOLE,
  collapseRange: FALLOC_FL_COLLAPSE_RANGE,
  zeroRange: FALLOC_FL_ZERO_RANGE,
  insertRange: FALLOC_FL_INSERT_RANGE,
  unshareRange: FALLOC_FL_UNSHARE_RANGE,
  writeZeroes: FALLOC_FL_WRITE_ZEROES,
} as const;
