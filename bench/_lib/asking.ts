/** A contestant that is a child which does some work for a line. */
import type { Contestant } from './interleave.js';
import type { Child } from './process.js';
import { sampleOf, type Work } from './work.js';

/** Asks `child` for `request` in each turn. */
export function asking(subject: string, child: Child, request: string): Contestant {
  return {
    subject,
    pid: child.pid,
    turn: async () => sampleOf(await child.ask<Work>(request)),
  };
}
