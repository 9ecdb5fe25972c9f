/** Subjects of two threads, each on a CPU of its own, which they are told as arguments. */
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
  const { server, client } = session.placement;
  // It places its threads itself: without two CPUs, both on the first.
  const places =
    server === undefined || client === undefined ? ['0', '0'] : [`${server}`, `${client}`];
  const child = new Child(subject, [...command, ...places, ...more]);
  for (const name of cases) {
    await child.ask<Work>(`${name} ${session.pace.warmUp}`);
  }
  return child;
}
