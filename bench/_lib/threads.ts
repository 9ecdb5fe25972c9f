/** Subjects of two threads, each on a CPU of its own, which they are told as arguments. */
import { twoCpus } from './cpus.js';
import { Child } from './process.js';
import type { Session } from './session.js';
import type { Work } from './work.js';

/** Starts one and runs each case once, so that compilers are done before the first figure. */
export async function startThreads(
  session: Session,
  bench: string,
  subject: string,
  command: readonly string[],
  cases: readonly string[],
  more: readonly string[] = [],
): Promise<Child> {
  session.progress(`${bench}: warming up ${subject}`);
  const child = new Child(subject, [...command, ...twoCpus(session.placement), ...more]);
  for (const name of cases) {
    await child.ask<Work>(`${name} ${session.pace.warmUp}`);
  }
  return child;
}
