/** Benchmarks of programs that are asked for one case after the other: "CASE SECONDS" per line. */
import { asking } from './asking.js';
import type { Placement } from './cpus.js';
import type { Contestant } from './interleave.js';
import { Child, stopAll } from './process.js';
import type { Bench, Metric, Session } from './session.js';
import type { Work } from './work.js';

/** What a subject is run by; words may depend on where it runs. */
export type Program = readonly [subject: string, command: (placement: Placement) => string[]];

export interface AskedCase {
  readonly title: string;
  readonly metrics: readonly Metric[];
  /** What each subject is asked for; those that are not named take no part. */
  readonly asks: readonly (readonly [subject: string, request: string])[];
  /** Turns take longer: it waits, or goes over a disk. */
  readonly long?: boolean;
}

export interface Asked {
  readonly name: string;
  readonly title: string;
  readonly programs: readonly Program[];
  readonly cases: readonly AskedCase[];
  readonly references: readonly string[];
  /** Each pins its threads itself, to the two CPUs that it is told as its first arguments. */
  readonly threads?: boolean;
}

/** Starts one, and asks it for each thing once, so that compilers are done before any figure. */
async function start(
  session: Session,
  asked: Asked,
  [subject, command]: Program,
  requests: readonly string[],
): Promise<Child> {
  const { placement, pace } = session;
  const cpu = asked.threads ? undefined : placement.server;
  session.progress(`${asked.name}: warming up ${subject}`);
  const child = new Child(subject, command(placement), { cpu });
  try {
    for (const request of requests) await child.ask<Work>(`${request} ${pace.warmUp}`);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return child;
}

/** What `subject` is asked for in all of these cases. */
const requestsOf = (subject: string, cases: readonly AskedCase[]): string[] =>
  cases.flatMap(({ asks }) => asks).flatMap(([who, request]) => (who === subject ? request : []));

export function askedBench(asked: Asked): Bench {
  const { name, title, programs, cases, references } = asked;
  async function run(session: Session): Promise<void> {
    const children = new Map<string, Child>();
    try {
      const wanted = cases.filter(({ title }) => session.wants(name, title));
      const taking = programs
        .map((program) => [program[0], program, requestsOf(program[0], wanted)] as const)
        .filter(([, , requests]) => requests.length > 0);
      const begin = async ([subject, program, requests]: (typeof taking)[number]) => {
        children.set(subject, await start(session, asked, program, requests));
      };
      // Threads of two that spin on the same CPUs would only wait for each other.
      await session.admitAll(taking, begin, asked.threads);
      for (const one of wanted) {
        const { turn, longTurn } = session.pace;
        const seconds = one.long ? longTurn : turn;
        const contestants = one.asks.flatMap(([subject, request]): Contestant[] => {
          const child = children.get(subject);
          if (child === undefined) return [];
          return [asking(subject, child, `${request} ${seconds}`)];
        });
        const { metrics } = one;
        await session.measure(name, one.title, { contestants, references, metrics });
      }
    } finally {
      await stopAll(children.values());
    }
  }
  return { name, title, cases: cases.length, run };
}
