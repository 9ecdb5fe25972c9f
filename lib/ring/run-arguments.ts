/** What `run` and its like are given, checked. */
import { invalidType, onlyKeys } from '../validate.js';
import { MultishotOperation, Operation } from './operation.js';
import { RUN_KEYS, type RunOptions } from './sinks.js';

/** What cuts operations short, checked. */
export function runOptions(options: RunOptions): RunOptions {
  onlyKeys('options', options, RUN_KEYS);
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw invalidType('signal', 'an AbortSignal', options.signal);
  }
  return options;
}

/** Refuses what has not one result. */
export function singleShot(operation: unknown): void {
  if (operation instanceof Operation && !(operation instanceof MultishotOperation)) return;
  throw invalidType('operation', 'a single-shot operation made by `op`', operation);
}
