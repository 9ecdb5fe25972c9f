/** Faults put into the library's own system calls, where the addon is the one that can. */
import { onTestFinished, test } from 'vitest';
import { native, type Seam } from '../../lib/native.js';

/** A test that puts faults in: skipped over the addon that ships. */
export const withSeam = native.seam === undefined ? test.skip : test;

/** The seam, at rest again when the test is finished. */
export function seam(): Seam {
  if (native.seam === undefined) throw new Error('a test that uses the seam is declared withSeam');
  onTestFinished(() => native.seam?.reset());
  return native.seam;
}
