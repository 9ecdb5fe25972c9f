/** Which backend is next: round robin, least connections, and by the client's address. */
import type { PolicyName } from './config.js';
import { maglevTable, SIZE } from './maglev.js';

/** The backends of a service as a policy sees them. */
export interface Choice {
  readonly names: readonly string[];
  /** 0: not to be used. */
  readonly weights: readonly number[];
  /** Connections that it has now. */
  load(index: number): number;
}

export interface Policy {
  /**
   * An index, or -1 when all that could be used were tried.
   *
   * @param key of the client
   */
  pick(key: number, tried: readonly number[]): number;
}

/** Smooth: with weights 5, 1 and 1 not aaaaabc but aabacaa. */
export class RoundRobin implements Policy {
  private readonly choice: Choice;
  private readonly credits: number[];

  constructor(choice: Choice, start = 0) {
    this.choice = choice;
    this.credits = choice.names.map(() => 0);
    // Workers do not all begin with the same one.
    for (let count = 0; count < start; count++) this.pick(0, []);
  }

  pick(_key: number, tried: readonly number[]): number {
    const { weights } = this.choice;
    const { credits } = this;
    let best = -1;
    let total = 0;
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index] as number;
      if (weight === 0 || tried.includes(index)) continue;
      total += weight;
      credits[index] = (credits[index] as number) + weight;
      if (best < 0 || (credits[index] as number) > (credits[best] as number)) best = index;
    }
    if (best >= 0) credits[best] = (credits[best] as number) - total;
    return best;
  }
}

export class LeastConnections implements Policy {
  private readonly choice: Choice;
  /** Where looking begins: those with the same load take turns. */
  private first: number;

  constructor(choice: Choice, start = 0) {
    this.choice = choice;
    this.first = start;
  }

  pick(_key: number, tried: readonly number[]): number {
    const { weights } = this.choice;
    const count = weights.length;
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    this.first = (this.first + 1) % count;
    for (let step = 0; step < count; step++) {
      const index = (this.first + step) % count;
      const weight = weights[index] as number;
      if (weight === 0 || tried.includes(index)) continue;
      const load = (this.choice.load(index) + 1) / weight;
      if (load >= least) continue;
      least = load;
      best = index;
    }
    return best;
  }
}

export class Maglev implements Policy {
  private readonly choice: Choice;
  private readonly table: Int16Array;

  constructor(choice: Choice) {
    this.choice = choice;
    this.table = maglevTable(choice.names, choice.weights);
  }

  pick(key: number, tried: readonly number[]): number {
    const found = this.table[key % SIZE] as number;
    if (!tried.includes(found)) return found;
    if (this.choice.weights.every((weight, index) => weight === 0 || tried.includes(index))) {
      return -1;
    }
    for (let at = key % SIZE; ; at = (at + 1) % SIZE) {
      const index = this.table[at] as number;
      if (!tried.includes(index)) return index;
    }
  }
}

export function policyOf(name: PolicyName, choice: Choice, start: number): Policy {
  if (name === 'maglev') return new Maglev(choice);
  const Policy = name === 'round-robin' ? RoundRobin : LeastConnections;
  return new Policy(choice, choice.names.length === 0 ? 0 : start % choice.names.length);
}
