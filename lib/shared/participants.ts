/** Who takes part in shared memory: threads, by their number and the time when they began. */
import { statSync } from 'node:fs';
import { native } from '../native.js';
import { system } from '../proc/read.js';
import { SharedError } from './errors.js';
import { PARTICIPANT_BYTES, PARTICIPANTS, PARTICIPANTS_MAX } from './layout.js';

/** The kernel has no thread numbers above 2^22. */
const TID_BITS = 22n;
const TID_MASK = (1n << TID_BITS) - 1n;
const NOBODY = 0n;
const SLOT_BITS = 8;
const GENERATION_MASK = 0xff_ffff;
/** Of /proc/TID/stat, counted behind the name. */
const STATE = 0;
const START_TIME = 19;

/**
 * A thread, as no other has been or will be: its number is given again when it has ended, but not
 * with the same time (in ticks since boot) when it began. Undefined when it has ended.
 */
function identityOf(path: string, tid: number): bigint | undefined {
  const text = system.text(path);
  // The name may hold blanks and brackets.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields?.[STATE], fields?.[START_TIME]];
  // A process that its parent has not waited for has ended all the same.
  if (start === undefined || state === 'Z' || state === 'X') return undefined;
  return (BigInt(start) << TID_BITS) | BigInt(tid);
}

function ownIdentity(): bigint {
  const identity = identityOf('/proc/thread-self/stat', native.gettid());
  if (identity === undefined) throw new SharedError('LAYOUT', 'cannot read /proc/thread-self/stat');
  return identity;
}

function isRunning(identity: bigint): boolean {
  const tid = Number(identity & TID_MASK);
  return identityOf(`/proc/${tid}/stat`, tid) === identity;
}

/** The low 32 bits of the PID namespace's inode; 0 where /proc does not tell. */
export function pidNamespace(): number {
  try {
    return statSync('/proc/self/ns/pid').ino | 0;
  } catch {
    return 0;
  }
}

/**
 * The table of participants. A participant is named by 32 bits: its slot, and how often the slot
 * had been taken before, so that the name of a dead one is never that of the next.
 */
export class Participants {
  readonly #identities: BigInt64Array;
  readonly #words: Int32Array;

  constructor(buffer: ArrayBuffer) {
    const bytes = PARTICIPANTS_MAX * PARTICIPANT_BYTES;
    this.#identities = new BigInt64Array(buffer, PARTICIPANTS, bytes / 8);
    this.#words = new Int32Array(buffer, PARTICIPANTS, bytes / 4);
  }

  /** Takes a slot that is free, or whose owner has ended; answers the name. */
  join(): number {
    const own = ownIdentity();
    for (const dead of [false, true]) {
      for (let slot = 1; slot < PARTICIPANTS_MAX; slot++) {
        const identity = Atomics.load(this.#identities, slot * 2);
        if (dead ? isRunning(identity) : identity !== NOBODY) continue;
        if (Atomics.compareExchange(this.#identities, slot * 2, identity, own) !== identity)
          continue;
        const generation = (Atomics.add(this.#words, slot * 4 + 2, 1) + 1) & GENERATION_MASK;
        return (generation << SLOT_BITS) | slot;
      }
    }
    throw new SharedError('FULL', `${PARTICIPANTS_MAX - 1} participants are there already`);
  }

  leave(name: number): void {
    const slot = name & (PARTICIPANTS_MAX - 1);
    if (this.#generation(slot) === name >>> SLOT_BITS) {
      Atomics.store(this.#identities, slot * 2, NOBODY);
    }
  }

  /** False when the participant has left or ended: what it began, it will not finish. */
  isAlive(name: number): boolean {
    const slot = name & (PARTICIPANTS_MAX - 1);
    if (slot === 0 || this.#generation(slot) !== name >>> SLOT_BITS) return false;
    const identity = Atomics.load(this.#identities, slot * 2);
    return identity !== NOBODY && isRunning(identity);
  }

  /** The thread behind a name; undefined when it has left. */
  tidOf(name: number): number | undefined {
    const slot = name & (PARTICIPANTS_MAX - 1);
    const identity = Atomics.load(this.#identities, slot * 2);
    if (slot === 0 || identity === NOBODY || this.#generation(slot) !== name >>> SLOT_BITS)
      return undefined;
    return Number(identity & TID_MASK);
  }

  #generation(slot: number): number {
    return Atomics.load(this.#words, slot * 4 + 2) & GENERATION_MASK;
  }
}
