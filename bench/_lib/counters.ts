/** Cycles, instructions and misses of a turn, by the counters of the CPU where there are any. */
import { readdirSync } from 'node:fs';
import { PerfCounters, type PerfEvent, perfSupport } from 'nearmetal/cpu';
import { family } from './family.js';

const wanted: readonly PerfEvent[] = ['cycles', 'instructions', 'dtlb-misses', 'cache-misses'];

export interface CpuCounters {
  /** Those that can be counted here. */
  readonly events: readonly PerfEvent[];
  /** What cannot be, and why. */
  readonly reason: string | undefined;
}

export function cpuCounters(): CpuCounters {
  const support = perfSupport();
  const missing = wanted.filter((event) => !support[event].supported);
  const [first] = missing;
  return {
    events: wanted.filter((event) => support[event].supported),
    reason: first && `${missing.join(', ')}: ${support[first].reason}`,
  };
}

function threadsOf(pid: number): number[] {
  return family(pid).flatMap((each) => {
    try {
      return readdirSync(`/proc/${each}/task`).map(Number);
    } catch {
      return [];
    }
  });
}

/** Also what runs in the kernel, where that may be counted. */
function openFor(tid: number, events: readonly PerfEvent[]): PerfCounters | undefined {
  for (const kernel of [true, false]) {
    try {
      return PerfCounters.open({ events, tid, kernel, grouped: false });
    } catch {
      // Refused, or the thread has ended.
    }
  }
  return undefined;
}

/** Counts `events` of all threads that `pid` has, while `turn` runs. */
export async function countEvents<Answer>(
  pid: number,
  events: readonly PerfEvent[],
  turn: () => Promise<Answer>,
): Promise<{ answer: Answer; counts: Readonly<Partial<Record<PerfEvent, number>>> }> {
  const open = threadsOf(pid).flatMap((tid) => openFor(tid, events) ?? []);
  try {
    for (const counters of open) counters.start();
    const answer = await turn();
    const counts: Partial<Record<PerfEvent, number>> = {};
    for (const counters of open) {
      counters.stop();
      for (const [event, count] of Object.entries(counters.read().counts)) {
        counts[event as PerfEvent] = (counts[event as PerfEvent] ?? 0) + count;
      }
    }
    return { answer, counts };
  } finally {
    for (const counters of open) counters.close();
  }
}
