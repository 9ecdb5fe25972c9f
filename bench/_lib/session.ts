/** What a benchmark is, with what it is given to run in: a pace, CPUs, and a place for its news. */
import type { Counting, Counts } from './counting.js';
import type { Placement } from './cpus.js';
import { type Contestant, interleave, type Rounds, settle } from './interleave.js';
import { MissingPeer } from './missing.js';
import { pinnedLater } from './process.js';
import { type Interval, interval, median, outliers, ratios, spread } from './statistics.js';

/** How long to take: figures to rely on need the full pace. */
export interface Pace {
  readonly rounds: number;
  /** The most turns a contestant gets to become steady in, before the rounds. */
  readonly settling: number;
  /** Seconds of one turn, for what settles at once and for what goes over sockets or disks. */
  readonly turn: number;
  readonly longTurn: number;
  /** Seconds for compilers and caches before any turn. */
  readonly warmUp: number;
  readonly fileBytes: number;
  /** How many facts about files one turn asks for. */
  readonly stats: number;
  readonly memoryBytes: number;
  /** Of a run of several benchmarks: cases of each, and seconds after which none is begun. */
  readonly casesOfEach: number;
  readonly seconds: number;
  /** Contestants are started, and counted, at the same time, and disturb each other. */
  readonly together: boolean;
}

export const paces = {
  full: {
    rounds: 7,
    settling: 4,
    turn: 0.3,
    longTurn: 1,
    warmUp: 0.3,
    fileBytes: 256 * 2 ** 20,
    stats: 100_000,
    memoryBytes: 2 ** 30,
    casesOfEach: Infinity,
    seconds: Infinity,
    together: false,
  },
  demo: {
    rounds: 3,
    settling: 0,
    turn: 0.15,
    longTurn: 0.4,
    warmUp: 0.2,
    fileBytes: 64 * 2 ** 20,
    stats: 100_000,
    memoryBytes: 2 ** 28,
    casesOfEach: Infinity,
    seconds: Infinity,
    together: true,
  },
  quick: {
    rounds: 2,
    settling: 0,
    turn: 0.05,
    longTurn: 0.1,
    warmUp: 0.05,
    fileBytes: 16 * 2 ** 20,
    stats: 1000,
    memoryBytes: 2 ** 25,
    casesOfEach: 1,
    seconds: 52,
    together: true,
  },
} as const satisfies Record<string, Pace>;

export interface Metric {
  readonly key: string;
  /** What it is called in results; the case comes before it. */
  readonly label: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
}

export interface Result {
  readonly bench: string;
  readonly subject: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** The subject that `ratio` compares with; null when it could not run. */
  readonly reference: string | null;
  /** Value / the reference's value: the median over rounds, each compared within itself. */
  readonly ratio: number | null;
  /** Where the ratio lies with 95 % confidence; of the value, when there is no reference. */
  readonly interval: Interval;
  /** A value, or a ratio where there is a reference, for each round. */
  readonly rounds: readonly number[];
  readonly cpuUsPerOp: number | undefined;
  /** What else an operation takes; beside the first metric of a case, as CPU time. */
  readonly counts?: Counts | undefined;
  readonly better: 'higher' | 'lower';
  readonly spread: number;
  /** Rounds that lie far from the others. */
  readonly outliers: number;
}

/** How results go together in a picture: one curve per subject, or else bars. */
export interface View {
  /** What grows from metric to metric, which begin with that number. */
  readonly over: string;
}

export interface Bench {
  readonly name: string;
  /** One line for `--list`. */
  readonly title: string;
  /** How often it calls `Session.measure`, for the time left. */
  readonly cases: number;
  readonly view?: View;
  /** It takes many seconds even when quick: where time is short the others come first. */
  readonly slow?: boolean;
  run(session: Session): Promise<void>;
  /** How its results go together, for a terminal. */
  chart?(results: readonly Result[]): string;
}

export class Session {
  readonly pace: Pace;
  readonly placement: Placement;
  readonly results: Result[] = [];
  /** How many cases are measured already. */
  done = 0;
  readonly missing = new Map<string, string>();
  readonly failed = new Map<string, string>();
  /** The run is of several benchmarks, and the pace says how much of each there is time for. */
  several = false;
  readonly #wanted = new Map<string, Set<string>>();
  readonly #startedAt = performance.now();
  /** Of what operations take beside time; without it nothing is counted. */
  counting: Counting | undefined;
  readonly #progress: (text: string) => void;
  readonly #only: ReadonlySet<string> | undefined;

  /** `only` names the cases to measure, as 'bench case'; without it all are. */
  constructor(
    pace: Pace,
    placement: Placement,
    progress: (text: string) => void,
    only?: ReadonlySet<string>,
  ) {
    this.pace = pace;
    this.placement = placement;
    this.#progress = progress;
    this.#only = only;
  }

  /** Whether the case `name` of `bench` is to be measured. */
  wants(bench: string, name: string): boolean {
    if (this.#only !== undefined) return this.#only.has(`${bench} ${name}`);
    if (!this.several) return true;
    const names = this.#wanted.get(bench) ?? new Set();
    this.#wanted.set(bench, names);
    if (names.size < this.pace.casesOfEach) names.add(name);
    return names.has(name);
  }

  /** There are several, and little time. */
  get short(): boolean {
    return this.several && Number.isFinite(this.pace.seconds);
  }

  /** The time that a run of several benchmarks may take is over: no other is to be begun. */
  get late(): boolean {
    return this.several && performance.now() - this.#startedAt > 1000 * this.pace.seconds;
  }

  progress(text: string): void {
    this.#progress(text);
  }

  /** Runs `start`; answers undefined for a subject that cannot take part, and notes why. */
  async admit<Started>(
    subject: string,
    start: () => Promise<Started>,
  ): Promise<Started | undefined> {
    try {
      return await start();
    } catch (error) {
      const notes = error instanceof MissingPeer ? this.missing : this.failed;
      notes.set(subject, (error as Error).message);
      return undefined;
    }
  }

  /**
   * `admit` for each of them; those that take part, in their order. `apart`: one after the other at
   * any pace, since they use the same thing to start with.
   */
  async admitAll<Subject extends string | readonly [string, ...unknown[]], Started>(
    subjects: readonly Subject[],
    start: (subject: Subject) => Promise<Started>,
    apart = false,
  ): Promise<Started[]> {
    const started: (Started | undefined)[] = [];
    const left = subjects.entries();
    const startRest = async (): Promise<void> => {
      for (const [index, subject] of left) {
        const name = typeof subject === 'string' ? subject : subject[0];
        started[index] = await this.admit(name, () => start(subject));
      }
    };
    const together = this.pace.together && !apart;
    if (together) await pinnedLater(() => Promise.all([startRest(), startRest()]));
    else await startRest();
    return started.filter((each): each is Started => each !== undefined);
  }

  /** Measures one case in interleaved rounds, and adds a result per subject and metric. */
  async measure(bench: string, name: string, how: Comparison): Promise<void> {
    const first = how.metrics[0]?.key ?? '';
    const counts = await this.#count(how, `${bench} ${name}`);
    await settle(how.contestants, first, this.pace.settling, (subject) => {
      this.progress(`${bench} ${name}: ${subject}, until it is steady`);
    });
    const count = how.slow && this.short ? 1 : this.pace.rounds;
    const rounds = await interleave(how.contestants, count, (subject, round) => {
      this.progress(`${bench} ${name}: ${subject}, round ${round + 1} of ${count}`);
    });
    for (const metric of how.metrics) {
      for (const { subject } of how.contestants) {
        this.results.push(summarize(bench, name, metric, subject, how, rounds, counts));
      }
    }
    this.done++;
  }

  async #count({ contestants, apart }: Comparison, title: string): Promise<Map<string, Counts>> {
    const found = new Map<string, Counts>();
    const { counting } = this;
    if (counting === undefined) return found;
    const one = async (contestant: Contestant): Promise<void> => {
      this.progress(`${title}: ${contestant.subject}, counting`);
      try {
        found.set(contestant.subject, await counting.count(contestant));
      } catch (error) {
        const what = `system calls of ${contestant.subject} in ${title}`;
        this.missing.set(what, (error as Error).message);
      }
    };
    if (this.pace.together && !apart) await Promise.all(contestants.map(one));
    else for (const contestant of contestants) await one(contestant);
    return found;
  }
}

export interface Comparison {
  readonly contestants: readonly Contestant[];
  /** They use the same thing, such as a file, and can never run at the same time. */
  readonly apart?: boolean;
  /** A turn takes long however short it is to be: where time is short there is one only. */
  readonly slow?: boolean;
  /** The first of these that takes part is what the others are compared with. */
  readonly references: readonly string[];
  /** CPU time goes with the first one. */
  readonly metrics: readonly Metric[];
}

function summarize(
  bench: string,
  name: string,
  metric: Metric,
  subject: string,
  how: Comparison,
  rounds: Rounds,
  counts: ReadonlyMap<string, Counts>,
): Result {
  const figures = (of: string) =>
    (rounds.get(of) ?? []).map((sample) => sample.figures[metric.key] ?? 0);
  const own = figures(subject);
  const reference = how.references.find((candidate) => rounds.has(candidate)) ?? null;
  const theirs = reference === null ? [] : figures(reference);
  const compared = reference === null ? own : ratios(own, theirs);
  const cpu = (rounds.get(subject) ?? []).flatMap((sample) => sample.cpuUsPerOp ?? []);
  const first = metric === how.metrics[0];
  return {
    bench,
    subject,
    metric: metric.label === '' ? name : `${name} ${metric.label}`,
    value: median(own),
    unit: metric.unit,
    reference,
    ratio: reference === null ? null : median(compared),
    interval: interval(compared),
    rounds: compared,
    cpuUsPerOp: first && cpu.length > 0 ? median(cpu) : undefined,
    ...(first && { counts: counts.get(subject) }),
    better: metric.better,
    spread: spread(own),
    outliers: outliers(own).length,
  };
}
