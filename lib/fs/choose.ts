/** Which way this thread's files go: io_uring where it works, else helper threads. */
import { SystemError } from '../errors.js';
import { features } from '../features.js';
import { checkNodeThreads } from '../pool/node-threads.js';
import type { Ring } from '../ring/ring.js';
import type { FileCalls } from './calls.js';
import { RingCalls } from './ring-calls.js';
import { ThreadCalls } from './thread-calls.js';

let chosen: FileCalls | undefined;
let reason = '';

/** The calls of this thread; found out at the first one. */
export function calls(): FileCalls {
  if (chosen instanceof RingCalls && chosen.ring.closed) chosen = undefined;
  chosen ??= choose();
  return chosen;
}

/** @internal Tests choose: files of this thread go by these; undefined: by what works here. */
export function useCalls(others: FileCalls | undefined): void {
  chosen = others;
}

function choose(): FileCalls {
  const { available, detail } = features.ioUring;
  if (!available) {
    reason = detail ?? 'io_uring cannot be used';
    return threads();
  }
  try {
    reason = 'io_uring works here';
    return new RingCalls();
  } catch (error) {
    if (!SystemError.is(error)) throw error;
    reason = error.message;
    return threads();
  }
}

function threads(): ThreadCalls {
  checkNodeThreads();
  return new ThreadCalls();
}

/** The ring of this thread's files, where there is one. */
export function fileRing(): Ring | undefined {
  const now = calls();
  return now instanceof RingCalls ? now.ring : undefined;
}

/** Which way files go here, and why: 'io_uring', or 'threads' of Node's pool. */
export function backend(): { name: FileCalls['name']; why: string } {
  const { name } = calls();
  return { name, why: reason };
}
