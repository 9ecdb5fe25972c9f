/** Rounds of A B C, then C B A, so that what drifts on the machine falls on all subjects alike. */

/** What one subject did in one turn: a figure per metric, and CPU time where it is known. */
export interface Sample {
  readonly figures: Readonly<Record<string, number>>;
  readonly cpuUsPerOp?: number;
}

export interface Contestant {
  readonly subject: string;
  /** One turn; the process behind it stays warm between turns. */
  turn(): Promise<Sample>;
}

/** The samples of each subject; the same index is the same round. */
export type Rounds = ReadonlyMap<string, readonly Sample[]>;

export async function interleave(
  contestants: readonly Contestant[],
  rounds: number,
  onTurn: (subject: string, round: number) => void,
): Promise<Rounds> {
  const samples = new Map<string, Sample[]>();
  for (const { subject } of contestants) samples.set(subject, []);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contestants : [...contestants].reverse();
    for (const { subject, turn } of order) {
      onTurn(subject, round);
      samples.get(subject)?.push(await turn());
    }
  }
  return samples;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** From the lowest to the highest, as a part of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
