/** Measures several ways to do the same work in turns, so that what the machine does meets all. */

export interface Contestant {
  readonly name: string;
  /** Does some of the work; answers how many operations that was. */
  turn(): number;
}

const ROUNDS = 9;
const NS_PER_MS = 1e6;

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Nanoseconds of CPU time for one operation: of each contestant the least of all rounds. */
export function measure(contestants: readonly Contestant[], turnMs: number): Map<string, number> {
  const least = new Map<string, number>();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const contestant of contestants) {
      const { name } = contestant;
      const start = cpuNs();
      let operations = 0;
      let took = 0;
      do {
        operations += contestant.turn();
        took = cpuNs() - start;
      } while (took < turnMs * NS_PER_MS);
      // The first round is for the compiler.
      if (round > 0) {
        least.set(name, Math.min(least.get(name) ?? Number.POSITIVE_INFINITY, took / operations));
      }
    }
  }
  return least;
}

/** A line for each contestant, with how many times as fast as `beside` it is. */
export function table(title: string, least: Map<string, number>, beside: string): string {
  const of = least.get(beside);
  const lines = [...least].map(([name, ns]) => {
    const times = of === undefined ? '' : `${(of / ns).toFixed(2).padStart(8)}x`;
    return `  ${name.padEnd(28)} ${ns.toFixed(0).padStart(8)} ns${times}`;
  });
  return `${title}${of === undefined ? '' : `; 1x is ${beside}`}\n${lines.join('\n')}`;
}
