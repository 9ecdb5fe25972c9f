/** Locks, values, counts and names of `nearmetal/shared`, as one thread would see them. */
import type { Call, Model } from './linearize.js';

/** A value that is written and read whole, with its version. */
export function register(): Model {
  const step = ([version, value]: [number, number], { what, put, got }: Call) => {
    if (what === 'write') return [version + 1, put];
    const [seen, found] = got as [number, number];
    return seen === version && found === value ? [version, value] : undefined;
  };
  return { start: [0, 0], step };
}

export const keyOf = (put: number): string => 'abc'.charAt(put % 3);

/** The count of keys follows the keys: calls under way may not be in it yet, or still be. */
export function map(capacity: number): Model {
  const step = (all: Record<string, number>, { what, put, got }: Call, others: Call[]) => {
    const key = keyOf(put);
    const { [key]: found, ...rest } = all;
    const size = Object.keys(all).length;
    switch (what) {
      case 'set':
        if (got !== (found !== undefined || size < capacity)) return undefined;
        return got ? { ...rest, [key]: put } : all;
      case 'delete':
        return got === (found !== undefined) ? rest : undefined;
      case 'get':
        return got === (found ?? null) ? all : undefined;
      case 'has':
        return got === (found !== undefined) ? all : undefined;
      case 'size': {
        const writers = others.filter((other) => ['set', 'delete'].includes(other.what)).length;
        return Math.abs((got as number) - size) <= writers ? all : undefined;
      }
    }
    throw new Error(what);
  };
  return { start: {}, step: step as Model['step'] };
}

/** Each adds 1: what is read has been true at some time between call and answer. */
export function count(): Model {
  const step = (sum: number, { what, got }: Call) => {
    if (what === 'add') return sum + 1;
    return got === sum ? sum : undefined;
  };
  return { start: 0, step };
}

/** Names of structures: made once. */
export function directory(): Model {
  const step = (names: string[], { what, put, got }: Call) => {
    const name = keyOf(put);
    const there = names.includes(name);
    if (what === 'has') return got === there ? names : undefined;
    if (got === 'ERR_NEARMETAL_EXISTS') return there ? names : undefined;
    return got === true && !there ? [...names, name] : undefined;
  };
  return { start: [], step };
}

export function semaphore(permits: number): Model {
  const step = (free: number, { what, got }: Call) => {
    if (what === 'release') return free + 1;
    if (what === 'available') return got === free ? free : undefined;
    if (got === true) return free > 0 ? free - 1 : undefined;
    return got === false || got === 'ETIMEDOUT' ? (free === 0 ? 0 : undefined) : undefined;
  };
  return { start: permits, step };
}

interface Held {
  holder: number | null;
  /** How often was notified, and how often when each thread began to wait. */
  notified: number;
  since: number[];
}

/**
 * A mutex and a condition. To wait is to note what was told, to let go, to be told or to give up,
 * and to get the mutex again.
 */
export function mutex(): Model {
  const step = (state: Held, { what, thread, got }: Call): Held | undefined => {
    const { holder, notified, since } = state;
    const mine = holder === thread;
    switch (what) {
      case 'lock':
      case 'tryLock':
      case 'wait, lock':
        if (got === 'clean') return holder === null ? { ...state, holder: thread } : undefined;
        if (got === 'TypeError') return mine ? state : undefined;
        return got === null || got === 'ETIMEDOUT'
          ? holder === null
            ? undefined
            : state
          : undefined;
      case 'unlock':
        if (got === 'ERR_NEARMETAL_TAKEN') return mine ? undefined : state;
        return mine ? { ...state, holder: null } : undefined;
      case 'isMine':
        return got === mine ? state : undefined;
      case 'notify':
        return { ...state, notified: notified + 1 };
      case 'wait':
        // Without the mutex.
        return got === 'ERR_NEARMETAL_TAKEN' && !mine ? state : undefined;
      case 'wait, look':
        if (!mine) return undefined;
        return {
          ...state,
          since: since.map((old, index) => (index === thread ? notified : old)),
        };
      case 'wait, unlock':
        return mine ? { ...state, holder: null } : undefined;
      case 'wait, told':
        return since[thread] !== notified ? state : undefined;
      case 'wait, give up':
        return since[thread] === notified ? state : undefined;
    }
    throw new Error(what);
  };
  const parts = (call: Call): readonly Call[] => {
    if (call.what !== 'wait' || call.got === 'ERR_NEARMETAL_TAKEN') return [call];
    const middle = call.got === 'clean' ? 'wait, told' : 'wait, give up';
    const part = (what: string) => ({ ...call, what, got: 'clean' });
    return ['wait, look', 'wait, unlock', middle, 'wait, lock'].map(part);
  };
  return { start: { holder: null, notified: 0, since: [0, 0, 0] }, step, parts };
}

/** To wait is to come, and to go when all have come; the last one is told so. */
export function barrier(parties: number): Model {
  interface State {
    come: number;
    round: number;
    rounds: number[];
  }
  const step = ({ come, round, rounds }: State, { what, thread, got }: Call) => {
    if (what === 'go') return rounds[thread] === round ? undefined : { come, round, rounds };
    const last = come + 1 === parties;
    if (got !== last) return undefined;
    const mine = rounds.map((old, index) => (index === thread ? round : old));
    return last
      ? { come: 0, round: round + 1, rounds: mine }
      : { come: come + 1, round, rounds: mine };
  };
  const parts = (call: Call) => [call, { ...call, what: 'go' }];
  return { start: { come: 0, round: 0, rounds: [0, 0, 0] }, step, parts };
}

/** Work that is done by one at a time, until once it did not fail. */
export function once(): Model {
  const step = (state: string, { what, got }: Call) => {
    if (what.startsWith('run')) {
      return state === (got === 'ETIMEDOUT' ? 'busy' : 'done') ? state : undefined;
    }
    if (what === 'begin') return state === 'idle' ? 'busy' : undefined;
    return state === 'busy' ? what : undefined;
  };
  const parts = (call: Call): readonly Call[] => {
    if (!Array.isArray(call.got)) return [call];
    const [from, to, done] = call.got as [number, number, boolean];
    return [
      { ...call, what: 'begin', end: from },
      { ...call, what: done ? 'done' : 'idle', begin: to },
    ];
  };
  return { start: 'idle', step, parts };
}
