/** Which part of a sorted set is meant: by rank, by score or by name. */
import { doubleOf } from '../protocol/numbers.js';
import { refusal } from '../server/refusal.js';
import type { SortedSet } from '../store/sorted-set.js';

/** Ranks, the last one not with it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

interface ScoreBound {
  readonly score: number;
  readonly excluded: boolean;
}

const NO_SCORE = 'ERR min or max is not a float';
const NO_NAME = 'ERR min or max not valid string range item';

function scoreBound(text: string): ScoreBound {
  const excluded = text.startsWith('(');
  const score = doubleOf(excluded ? text.slice(1) : text);
  if (Number.isNaN(score)) throw refusal(NO_SCORE);
  return { score, excluded };
}

/** The bounds are looked at before the set, which may be none. */
export function spanOfScores(find: () => SortedSet | undefined, least: string, most: string): Span {
  const low = scoreBound(least);
  const high = scoreBound(most);
  const set = find();
  if (set === undefined) return { from: 0, to: 0 };
  const from = set.countWhile((score) => (low.excluded ? score <= low.score : score < low.score));
  const to = set.countWhile((score) => (high.excluded ? score < high.score : score <= high.score));
  return { from, to: Math.max(from, to) };
}

/** Whether a name comes before what the bound lets in, as a lower one or as an upper one. */
function nameBound(text: string, isUpper: boolean): (name: string) => boolean {
  if (text === '-') return () => false;
  if (text === '+') return () => true;
  const first = text[0];
  if (first !== '[' && first !== '(') throw refusal(NO_NAME);
  const bound = text.slice(1);
  return (first === '[') === isUpper ? (name) => name <= bound : (name) => name < bound;
}

/** All names have the same score, or the answer means nothing. */
export function spanOfNames(find: () => SortedSet | undefined, least: string, most: string): Span {
  const below = nameBound(least, false);
  const within = nameBound(most, true);
  const set = find();
  if (set === undefined) return { from: 0, to: 0 };
  const from = set.countWhile((_, name) => below(name));
  return {
    from,
    to: Math.max(
      from,
      set.countWhile((_, name) => within(name)),
    ),
  };
}

/** By rank, from the end where negative; `last` is with it. */
export function spanOfRanks(find: () => SortedSet | undefined, first: number, last: number): Span {
  const size = find()?.size ?? 0;
  const from = Math.max(first < 0 ? first + size : first, 0);
  const to = Math.min((last < 0 ? last + size : last) + 1, size);
  return { from, to: Math.max(from, to) };
}
