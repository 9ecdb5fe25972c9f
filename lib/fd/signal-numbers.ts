/** Signals by name and number, and the kernel's sets of them. */
import { constants } from 'node:os';
import { integer, invalidType, nearest } from '../validate.js';

/** A name such as 'SIGUSR2', or a number: the real-time signals, 34 to 64, have no names here. */
export type SignalLike = NodeJS.Signals | number;

const SIGNAL_MAX = 64;
export const SIGNAL_SET_BYTES = 8;
const numbers: Readonly<Record<string, number>> = constants.signals;

/** Answers the signal's number; `min` 0 lets the null signal through. */
export function signalNumber(name: string, value: unknown, min: 0 | 1 = 1): number {
  if (typeof value === 'number') return integer(name, value, min, SIGNAL_MAX);
  const known = typeof value === 'string' ? numbers[value] : undefined;
  if (known !== undefined) return known;
  const near = typeof value === 'string' ? nearest(value, Object.keys(numbers)) : undefined;
  const guess = near === undefined ? '' : `; did you mean '${near}'?`;
  throw invalidType(name, `the name or number of a signal${guess}`, value);
}

/** Two numbers have two names each: the one that signal(7) prefers. */
const PREFERRED: Readonly<Record<string, true>> = { SIGABRT: true, SIGIO: true, SIGSYS: true };

const names: Readonly<Record<number, NodeJS.Signals>> = Object.fromEntries(
  Object.entries(numbers)
    .sort(([left], [right]) => Number(left in PREFERRED) - Number(right in PREFERRED))
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

export function signalName(number: number): NodeJS.Signals | undefined {
  return names[number];
}

export function signalSet(signals: readonly number[]): BigUint64Array<ArrayBuffer> {
  let bits = 0n;
  for (const signal of signals) bits |= 1n << BigInt(signal - 1);
  return BigUint64Array.of(bits);
}
