/** A whole run in a file: what was measured, on what, how quiet it was, and every round. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Result, View } from './session.js';

export const FORMAT = 'nearmetal bench 1';

export interface SavedBench {
  readonly name: string;
  readonly title: string;
  readonly view: View | undefined;
}

export interface Run {
  readonly format: typeof FORMAT;
  readonly date: string;
  readonly command: string;
  readonly pace: string;
  readonly machine: readonly (readonly [name: string, value: string])[];
  /** What made the figures doubtful. */
  readonly noise: readonly string[];
  /** Who did not take part, and why. */
  readonly absent: readonly string[];
  readonly benches: readonly SavedBench[];
  readonly results: readonly Result[];
}

export function save(path: string, run: Run): void {
  writeFileSync(path, `${JSON.stringify(run, null, 1)}\n`);
}

/** @throws RangeError for a file that is not one of ours */
export function load(path: string): Run {
  let run: unknown;
  try {
    run = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new RangeError(`${path}: ${(error as Error).message}`);
  }
  if ((run as Partial<Run> | null)?.format !== FORMAT) {
    throw new RangeError(`${path} was not written by bench --json FILE (format "${FORMAT}")`);
  }
  return run as Run;
}

/** `run` with the benchmarks of a later one in the place of its own. */
export function renewed(run: Run, later: Run): Run {
  const again = new Set(later.benches.map(({ name }) => name));
  const stands = (name: string): boolean => !again.has(name);
  // 'missing: NAME with ...' and 'FAILED: NAME: ...'
  const about = (line: string): string => line.split(/[: ]+/, 2)[1] ?? '';
  return {
    ...later,
    command: `${run.command}; ${later.command}`,
    noise: [...new Set([...run.noise, ...later.noise])],
    absent: [...new Set([...run.absent.filter((line) => stands(about(line))), ...later.absent])],
    benches: [...run.benches.filter(({ name }) => stands(name)), ...later.benches],
    results: [...run.results.filter(({ bench }) => stands(bench)), ...later.results],
  };
}
