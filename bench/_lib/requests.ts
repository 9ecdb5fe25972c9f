/** The subjects' side of the conversation: a request per line in, an answer per line out. */
import { createInterface } from 'node:readline';
import type { Work } from './work.js';

/** What two readings of the clock cost, in milliseconds: taken off, though turns are long. */
const clockCost = (() => {
  const startedAt = performance.now();
  for (let count = 0; count < 1000; count++) performance.now();
  return (performance.now() - startedAt) / 1000;
})();

type Done = number | (Readonly<Record<string, number>> & { readonly operations: number });

/**
 * Calls `work` for each line and prints what it took; answers when stdin is closed.
 *
 * `work` gets the words of the line, and answers how many operations it did, with what else it
 * found if there is anything.
 */
export async function serveRequests(
  work: (words: string[]) => Done | Promise<Done>,
): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const cpuBefore = process.cpuUsage();
    const startedAt = performance.now();
    const done = await work(line.split(' '));
    const ns = (performance.now() - startedAt - clockCost) * 1e6;
    const { user, system } = process.cpuUsage(cpuBefore);
    const found = typeof done === 'number' ? { operations: done } : done;
    const answer: Work = { ns, cpu_ns: (user + system) * 1000, ...found };
    console.log(JSON.stringify(answer));
  }
}

/** Tells when `seconds` from now are over, in the milliseconds of `performance.now`. */
export function deadline(seconds: string | undefined): number {
  return performance.now() + Number(seconds) * 1000;
}
