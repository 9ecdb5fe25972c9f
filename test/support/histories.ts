/** Histories of structures in shared memory, as threads make them: recorded, and judged. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { SharedMemory } from 'nearmetal/shared';
import { afterAll } from 'vitest';
import type { Part } from '../fixtures/history/player.js';
import { arrange, CONTROL_WORDS } from '../fixtures/history/stepping.js';
import { structures } from '../fixtures/history/structures.js';
import { type Call, history, isLinearizable, type Model } from './linearize.js';

const player = fileURLToPath(
  new URL('../../.dev/test/fixtures/history/player.js', import.meta.url),
);

/** A structure, what each thread may call of it, and what it should be. */
export interface Subject {
  readonly kind: string;
  readonly size: number;
  readonly model: Model;
  /** For each thread, the calls that it chooses from. */
  readonly threads: readonly (readonly string[])[];
  /** So many calls by a thread at most. */
  readonly most: number;
  /** All make the same number of calls. */
  readonly even?: boolean;
  /** What each thread does last. */
  readonly last?: readonly (readonly string[])[];
}

/** What each thread calls, in its order. */
export type Program = readonly (readonly string[])[];

export function programs({ threads, most, even, last = [] }: Subject): fc.Arbitrary<Program> {
  const some = (names: readonly string[]) =>
    fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: most });
  const all = even
    ? some(threads[0] as string[]).map((calls) => threads.map(() => calls))
    : fc.tuple(...threads.map(some));
  return all.map((each) => each.map((calls, thread) => [...calls, ...(last[thread] ?? [])]));
}

/** Which thread's turn it is, and for how many steps beside the first. */
export function schedules({ threads }: Subject): fc.Arbitrary<number[]> {
  const burst = fc.oneof(fc.constant(0), fc.nat(3), fc.nat(40));
  const turn = fc.tuple(fc.nat(threads.length - 1), burst);
  return fc.array(turn, { maxLength: 60 }).map((turns) => turns.flat());
}

export interface Players {
  /**
   * Lets them call, `rounds` times each in a structure of its own; with a `schedule` step by step.
   * Answers the histories.
   */
  play(
    subject: Subject,
    program: Program,
    rounds: number,
    schedule?: readonly number[],
  ): Promise<Call[][]>;
}

/** Threads that stay for the tests of a file. */
export function players(most: number): Players {
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_WORDS * 4));
  const workers = Array.from(
    { length: most },
    (_, thread) => new Worker(player, { workerData: { control, thread } }),
  );
  afterAll(() => void workers.map((worker) => worker.terminate()));
  for (const worker of workers) worker.setMaxListeners(0);
  const answer = async (worker: Worker) => {
    const [{ rounds, error }] = await once(worker, 'message');
    if (error) throw new Error(error);
    return rounds as Call[][];
  };
  return {
    async play({ kind, size }, program, rounds, schedule) {
      const memory = SharedMemory.create({ size: 2 ** 20 });
      try {
        for (let round = 0; round < rounds; round++) {
          structures[kind]?.create(memory, String(round), size);
        }
        const threads = program.length;
        arrange(control, threads, schedule ?? []);
        const parts = program.map((calls, thread): Part => {
          const numbered = calls.map((what, index) => [what, 1 + thread * 40 + index] as const);
          const fd = memory.fd?.fd ?? -1;
          return {
            fd,
            kind,
            size,
            rounds,
            threads,
            steps: schedule !== undefined,
            calls: numbered,
          };
        });
        const answers = workers.slice(0, threads).map(answer);
        workers.slice(0, threads).forEach((worker, thread) => {
          worker.postMessage(parts[thread]);
        });
        const said = await Promise.all(answers);
        return Array.from({ length: rounds }, (_, round) =>
          said.flatMap((each) => each[round] ?? []),
        );
      } finally {
        memory.close();
      }
    },
  };
}

/** Throws, with the history, when no order explains it. */
export function judge({ model }: Subject, calls: readonly Call[]): void {
  if (!isLinearizable(calls, model)) throw new Error(`no order explains this:\n${history(calls)}`);
}
