/** Rings with a kernel thread: only the addon as shipped has them. */
import type { TestContext } from 'vitest';
import { needs } from './needs.js';
import { type Ended, runFixture, SHIPPED } from './process.js';

/** How a fixture ends, and what it says, that has such rings: they pass the fault schedule by. */
export async function runPolled(
  { skip }: TestContext,
  name: string,
  words: readonly string[] = [],
): Promise<Pick<Ended, 'stdout' | 'stderr' | 'code'>> {
  needs('setup:SQPOLL');
  skip(!!process.env.NEARMETAL_SANITIZED, 'the fault schedule does not know such rings');
  const env = { NEARMETAL_ADDON: SHIPPED };
  const { stdout, stderr, code } = await runFixture(name, words, { env });
  return { stdout, stderr, code };
}
