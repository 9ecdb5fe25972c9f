/**
 * Consistent hashing as Google's Maglev does it: a table in which every backend has its share, and
 * from which one that goes takes little more than its own places.
 */
import { hashOf } from './hash.js';

/** A prime: every step but 0 then visits every place. */
export const SIZE = 65_537;

/**
 * Whose each place is: an index of `names`, or -1 everywhere when no weight is above 0.
 *
 * @param names what the backends are known by
 * @param weights beside each other
 */
export function maglevTable(names: readonly string[], weights: readonly number[]): Int16Array {
  const table = new Int16Array(SIZE).fill(-1);
  const heaviest = Math.max(0, ...weights);
  if (heaviest === 0) return table;
  const next = names.map((name) => hashOf(name, 1) % SIZE);
  const steps = names.map((name) => 1 + (hashOf(name, 2) % (SIZE - 1)));
  const turns = names.map(() => 0);
  for (let filled = 0; ; ) {
    for (let index = 0; index < names.length; index++) {
      // The heaviest has a turn each time, the others as often as their weight says.
      turns[index] = (turns[index] as number) + (weights[index] as number) / heaviest;
      if ((turns[index] as number) < 1) continue;
      turns[index] = (turns[index] as number) - 1;
      let at = next[index] as number;
      const step = steps[index] as number;
      while (table[at] !== -1) at = (at + step) % SIZE;
      table[at] = index;
      next[index] = (at + step) % SIZE;
      if (++filled === SIZE) return table;
    }
  }
}
