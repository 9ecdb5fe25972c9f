/** Queues, the broadcast ring and the deque of `nearmetal/shared`, as one thread would see them. */
import type { Call, Model } from './linearize.js';

const NO_ROOM = [false, 'ETIMEDOUT'];
const NOTHING = [null, 'ETIMEDOUT'];
const anyOf = (calls: readonly Call[], start: string) =>
  calls.some(({ what }) => what.startsWith(start));

interface Spsc {
  list: number[];
  staged: number[];
  closed: boolean;
}

/** From one producer to one consumer; the capacity is so small that room is given back at once. */
export function spsc(capacity: number): Model {
  const start: Spsc = { list: [], staged: [], closed: false };
  const published = ({ list, staged, closed }: Spsc): Spsc => ({
    list: [...list, ...staged],
    staged: [],
    closed,
  });
  const step = (state: Spsc, { what, put, got }: Call, others: readonly Call[]) => {
    const { list, staged } = state;
    const used = list.length + staged.length;
    // To say that it is full takes a look at it; to publish what was staged comes after that.
    const full = used === capacity || (staged.length > 0 && anyOf(others, 'pop'));
    switch (what) {
      case 'stage':
        if (NO_ROOM.includes(got as never)) return full ? published(state) : undefined;
        return used < capacity ? { ...state, staged: [...staged, put] } : undefined;
      case 'push':
      case 'pushBlocking':
        if (NO_ROOM.includes(got as never)) return full ? published(state) : undefined;
        return used < capacity ? published({ ...state, staged: [...staged, put] }) : undefined;
      case 'pushMany': {
        const count = got as number;
        // All that there was room for when it looked; a consumer may have made more since.
        const most = Math.min(2, capacity - used);
        if (count > most || (count < most && !anyOf(others, 'pop'))) return undefined;
        const some = [put, put + 0.5].slice(0, count);
        return published({ ...state, staged: [...staged, ...some] });
      }
      case 'publish':
        return published(state);
      case 'close':
        return published({ ...state, closed: true });
      case 'length':
        return got === used ? state : undefined;
      case 'pop':
      case 'popBlocking':
        if (got === null) return list.length === 0 ? state : undefined;
        if (got === 'ETIMEDOUT') return list.length === 0 && !state.closed ? state : undefined;
        if (got === 'over') return list.length === 0 && state.closed ? state : undefined;
        return list[0] === got ? { ...state, list: list.slice(1) } : undefined;
      case 'popMany': {
        const some = got as number[];
        const most = Math.min(2, list.length);
        if (some.length > most || (some.length < most && !anyOf(others, 'push'))) return undefined;
        if (some.some((value, index) => value !== list[index])) return undefined;
        return { ...state, list: list.slice(some.length) };
      }
      case 'ended':
        return got === (state.closed && list.length === 0) ? state : undefined;
    }
    throw new Error(what);
  };
  // Who finds too little room shows what was staged, and may put in its own later.
  const parts = (call: Call) =>
    ['pushBlocking', 'pushMany'].includes(call.what)
      ? [{ ...call, what: 'publish' }, call]
      : [call];
  return { start, step, parts };
}

export const messageLength = (put: number): number => 1 + (put % 24);

/** The same of messages, in bytes: where the rest of the buffer is too short, it is skipped. */
export function messages(capacity: number): Model {
  interface State {
    tail: number;
    head: number;
    list: number[];
  }
  const spaceOf = (put: number) => (messageLength(put) + 15) & ~7;
  const skipped = (at: number, space: number) => {
    const rest = capacity - (at & (capacity - 1));
    return space > rest ? rest : 0;
  };
  const step = ({ tail, head, list }: State, { what, put, got }: Call) => {
    if (what === 'push' || what === 'pushBlocking' || what === 'claim') {
      const space = spaceOf(put);
      const wanted = skipped(tail, space) + space;
      const fits = wanted <= capacity - (tail - head);
      if (NO_ROOM.includes(got as never)) return fits ? undefined : { tail, head, list };
      return fits ? { tail: tail + wanted, head, list: [...list, put] } : undefined;
    }
    if (NOTHING.includes(got as never)) return list.length === 0 ? { tail, head, list } : undefined;
    if (list[0] !== got) return undefined;
    const space = spaceOf(list[0] as number);
    return { tail, head: head + skipped(head, space) + space, list: list.slice(1) };
  };
  return { start: { tail: 0, head: 0, list: [] }, step };
}

/**
 * Of many: that there is nothing, or no room, may also be said because of a call that is under way
 * on the other side.
 */
export function mpmc(capacity: number): Model {
  const step = (list: number[], { what, put, got }: Call, others: readonly Call[]) => {
    if (what.startsWith('push')) {
      if (NO_ROOM.includes(got as never)) {
        return list.length === capacity || anyOf(others, 'pop') ? list : undefined;
      }
      return list.length < capacity ? [...list, put] : undefined;
    }
    if (NOTHING.includes(got as never)) {
      return list.length === 0 || anyOf(others, 'push') ? list : undefined;
    }
    return list[0] === got ? list.slice(1) : undefined;
  };
  return { start: [], step };
}

/** Records are numbered as they are written; a reader says what it read, and how many it lost. */
export function broadcast(capacity: number): Model {
  interface State {
    written: number[];
    /** Where each thread reads next. */
    at: number[];
  }
  const step = ({ written, at }: State, { what, thread, put, got }: Call, others: Call[]) => {
    if (what === 'push') return { written: [...written, put], at };
    const [value, lost] = got === 'ETIMEDOUT' ? [null, 0] : (got as [unknown, number]);
    const from = at[thread] as number;
    if (value === null) {
      return from === written.length && lost === 0 ? { written, at } : undefined;
    }
    const place = from + lost;
    const behind = written.length - place;
    if (behind < 1 || behind > capacity || written[place] !== value) return undefined;
    // One that is being written may count, since it is said before it is done.
    const begun = written.length + (anyOf(others, 'push') ? 1 : 0);
    if (lost > 0 && begun - from <= capacity) return undefined;
    return { written, at: at.map((where, index) => (index === thread ? place + 1 : where)) };
  };
  return { start: { written: [], at: [0, 0, 0] }, step: step as Model['step'] };
}

/** Owner and thieves: without any excuse. */
export function deque(capacity: number): Model {
  const step = (list: number[], { what, put, got }: Call) => {
    if (what === 'push') {
      if (got !== list.length < capacity) return undefined;
      return got ? [...list, put] : list;
    }
    if (what === 'length') return got === list.length ? list : undefined;
    const taken = what === 'pop' ? list.at(-1) : list[0];
    if (got !== (taken ?? null)) return undefined;
    return what === 'pop' ? list.slice(0, -1) : list.slice(1);
  };
  return { start: [], step };
}

/** Both ways; whether a message has come is not asked for, only which. */
export function channel(): Model {
  const step = (ways: number[][], { what, thread, put, got }: Call) => {
    const change = (way: number, list: number[]) =>
      ways.map((old, index) => (index === way ? list : old));
    if (what === 'send' || what === 'trySend' || what === 'over') {
      if (got === false && what === 'trySend') return ways;
      const sent = what === 'over' ? 0 : put;
      return got === true ? change(thread, [...(ways[thread] as number[]), sent]) : undefined;
    }
    if (what === 'request') return got === put * 2 ? ways : undefined;
    if (got === null) return ways;
    const from = ways[1 - thread] as number[];
    if (what === 'rest') return String(got) === String(from) ? change(1 - thread, []) : undefined;
    return from[0] === got ? change(1 - thread, from.slice(1)) : undefined;
  };
  return { start: [[], []], step };
}
