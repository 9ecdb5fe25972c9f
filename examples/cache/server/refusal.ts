/** What a client is told when a command cannot be done; nothing of its answer was written yet. */

export class Refusal extends Error {}

export const SYNTAX = 'ERR syntax error';
export const NO_INTEGER = 'ERR value is not an integer or out of range';
export const NO_FLOAT = 'ERR value is not a valid float';
export const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value';
export const NO_KEY = 'ERR no such key';
export const OUT_OF_RANGE = 'ERR index out of range';
export const NO_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";

/** Refuses: `throw` in front of it tells the compiler that nothing follows. */
export function refusal(message: string): Refusal {
  return new Refusal(message);
}
