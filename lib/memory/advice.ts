/** Everything that madvise(2) can be told, by name. */
import * as abi from '../abi.js';
import { UnsupportedError } from '../errors.js';
import { kernel } from '../kernel.js';
import { native } from '../native.js';

/** The number of each advice, and the first kernel that has it. */
export const ADVICE = {
  normal: [abi.MADV_NORMAL, '2.4'],
  random: [abi.MADV_RANDOM, '2.4'],
  sequential: [abi.MADV_SEQUENTIAL, '2.4'],
  willneed: [abi.MADV_WILLNEED, '2.4'],
  dontneed: [abi.MADV_DONTNEED, '2.4'],
  'dontneed-locked': [abi.MADV_DONTNEED_LOCKED, '5.18'],
  free: [abi.MADV_FREE, '4.5'],
  remove: [abi.MADV_REMOVE, '2.6.16'],
  dontfork: [abi.MADV_DONTFORK, '2.6.16'],
  dofork: [abi.MADV_DOFORK, '2.6.16'],
  mergeable: [abi.MADV_MERGEABLE, '2.6.32'],
  unmergeable: [abi.MADV_UNMERGEABLE, '2.6.32'],
  hugepage: [abi.MADV_HUGEPAGE, '2.6.38'],
  nohugepage: [abi.MADV_NOHUGEPAGE, '2.6.38'],
  collapse: [abi.MADV_COLLAPSE, '6.1'],
  dontdump: [abi.MADV_DONTDUMP, '3.4'],
  dodump: [abi.MADV_DODUMP, '3.4'],
  wipeonfork: [abi.MADV_WIPEONFORK, '4.14'],
  keeponfork: [abi.MADV_KEEPONFORK, '4.14'],
  cold: [abi.MADV_COLD, '5.4'],
  pageout: [abi.MADV_PAGEOUT, '5.4'],
  'populate-read': [abi.MADV_POPULATE_READ, '5.14'],
  'populate-write': [abi.MADV_POPULATE_WRITE, '5.14'],
  'guard-install': [abi.MADV_GUARD_INSTALL, '6.13'],
  'guard-remove': [abi.MADV_GUARD_REMOVE, '6.13'],
} as const satisfies Readonly<Record<string, readonly [number, string]>>;

/** MADV_DONTNEED is 'dontneed', MADV_POPULATE_READ 'populate-read', and so on. */
export type Advice = keyof typeof ADVICE;

/** Advice after which bytes are gone. */
export const DISCARDS: ReadonlySet<Advice> = new Set<Advice>([
  'dontneed',
  'dontneed-locked',
  'free',
  'remove',
  'guard-install',
]);

/** Whether the kernel knows `advice` at all: of no memory it answers 0 to what it knows. */
export function knowsAdvice(advice: Advice): boolean {
  return native.syscall(abi.SYS_madvise, 0, 0, ADVICE[advice][0]) === 0;
}

export function unknownAdvice(advice: Advice): UnsupportedError {
  const name = advice.toUpperCase().replace('-', '_');
  return new UnsupportedError({
    feature: `madvise_${name}`,
    since: ADVICE[advice][1],
    kernel: kernel.release,
  });
}
