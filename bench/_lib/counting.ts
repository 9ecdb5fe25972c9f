/** What an operation takes beside time: system calls, and what the CPU counts. In turns apart. */
import type { PerfEvent } from 'nearmetal/cpu';
import { type CpuCounters, countEvents, cpuCounters } from './counters.js';
import type { Contestant } from './interleave.js';
import { MissingPeer } from './missing.js';
import { countSystemCalls, whyNotCounted } from './system-calls.js';

/** For each operation. */
export interface Counts {
  readonly systemCalls?: number;
  readonly events?: Readonly<Partial<Record<PerfEvent, number>>>;
}

export class Counting {
  readonly #cpu: CpuCounters = cpuCounters();
  /** Why system calls cannot be counted. */
  #refusal: string | undefined = whyNotCounted();

  /** For the head of a report: how it is counted, or why it is not. */
  get facts(): [name: string, value: string][] {
    const { events, reason } = this.#cpu;
    const how = 'counted by strace -c, in turns that tell no time';
    const counted = [events.join(', '), reason && `no ${reason}`].filter(Boolean);
    return [
      ['system calls', this.#refusal === undefined ? how : `not counted: ${this.#refusal}`],
      ['CPU counters', counted.join('; ')],
    ];
  }

  /** A turn or two of one contestant, of which only what is counted counts. */
  async count({ pid, turn }: Contestant): Promise<Counts> {
    if (pid === undefined) return {};
    const { events } = this.#cpu;
    const systemCalls = await this.#systemCalls(pid, turn);
    if (events.length === 0) return systemCalls;
    const { answer, counts } = await countEvents(pid, events, turn);
    const { operations } = answer;
    if (operations === undefined) return systemCalls;
    const each = Object.entries(counts).map(([event, count]) => [event, count / operations]);
    return { ...systemCalls, events: Object.fromEntries(each) };
  }

  async #systemCalls(pid: number, turn: Contestant['turn']): Promise<Counts> {
    if (this.#refusal !== undefined) return {};
    try {
      const { answer, calls } = await countSystemCalls(pid, turn);
      return answer.operations === undefined ? {} : { systemCalls: calls / answer.operations };
    } catch (error) {
      if (!(error instanceof MissingPeer)) throw error;
      this.#refusal = error.message;
      return {};
    }
  }
}
