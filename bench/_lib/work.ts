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

export function perOperation(work: Work): Sample {
  return {
    figures: { ns: work.ns / work.operations },
    cpuUsPerOp: work.cpu_ns / work.operations / 1000,
  };
}

export function perSecond(work: Work): Sample {
  return {
    figures: { rate: (work.operations * 1e9) / work.ns },
    cpuUsPerOp: work.cpu_ns / work.operations / 1000,
  };
}
