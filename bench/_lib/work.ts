/** How a subject that is asked for work answers, whatever language it is written in. */
import type { Sample } from './interleave.js';

/** One line of JSON per request. */
export interface Work {
  readonly operations: number;
  /** Time that passed. */
  readonly ns: number;
  /** CPU time of the whole process meanwhile. */
  readonly cpu_ns: number;
}

/** What else a subject may have found: percentiles and the like, by their keys. */
export type Found = Work & Readonly<Record<string, number>>;

/** Time, rate and CPU time of an operation, and what else the subject found. */
export function sampleOf({ operations, ns, cpu_ns, ...found }: Work | Found): Sample {
  const cpuUsPerOp = cpu_ns / operations / 1000;
  const figures = { ns: ns / operations, rate: (operations * 1e9) / ns, cpu: cpuUsPerOp };
  return { figures: { ...figures, ...found }, cpuUsPerOp, operations };
}
