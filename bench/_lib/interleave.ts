/** Rounds of A B C, then C B A, so that what drifts on the machine falls on all subjects alike. */

/** What one subject did in one turn: a figure per metric, and CPU time where it is known. */
export interface Sample {
  readonly figures: Readonly<Record<string, number>>;
  readonly cpuUsPerOp?: number;
  /** How many there were, from the first byte of the turn to its last. */
  readonly operations?: number;
}

export interface Contestant {
  readonly subject: string;
  /** The process whose system calls are those of its operations. */
  readonly pid?: number;
  /** One turn; the process behind it stays warm between turns. */
  turn(): Promise<Sample>;
}

/** The samples of each subject; the same index is the same round. */
export type Rounds = ReadonlyMap<string, readonly Sample[]>;

/** Two turns in a row that differ by less than this part are steady. */
const STEADY = 0.05;

/**
 * Runs turns that do not count until two in a row of each contestant agree, `most` at the most:
 * compilers, caches and clock frequencies have settled then.
 */
export async function settle(
  contestants: readonly Contestant[],
  key: string,
  most: number,
  onTurn: (subject: string) => void,
): Promise<void> {
  for (const { subject, turn } of contestants) {
    let last = Number.NaN;
    for (let count = 0; count < most; count++) {
      onTurn(subject);
      const figure = (await turn()).figures[key] ?? 0;
      if (Math.abs(figure / last - 1) < STEADY) break;
      last = figure;
    }
  }
}

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
