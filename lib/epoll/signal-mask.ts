/** Sets of signals, as the kernel takes them: one bit each, in two words. */
import { constants } from 'node:os';
import { invalidType, invalidValue } from '../validate.js';

export type SignalMask = Int32Array;

const NUMBERS: Readonly<Record<string, number>> = constants.signals;

/** The set of these signals; undefined for undefined, which leaves the thread's own in force. */
export function signalMask(
  name: string,
  signals: readonly NodeJS.Signals[] | undefined,
): SignalMask | undefined {
  if (signals === undefined) return undefined;
  if (!Array.isArray(signals)) throw invalidType(name, 'an array of signal names', signals);
  const mask = new Int32Array(2);
  for (const signal of signals as readonly string[]) {
    const number = Object.hasOwn(NUMBERS, signal) ? NUMBERS[signal] : undefined;
    if (number === undefined) throw invalidValue(name, 'must hold names such as SIGINT', signal);
    const bit = number - 1;
    mask[bit >> 5] = (mask[bit >> 5] as number) | (1 << (bit & 31));
  }
  return mask;
}
