/** Parts of sorted sets: answered, counted, removed or stored. */
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { refusal, SYNTAX } from '../server/refusal.js';
import { type Scored, SortedSet } from '../store/sorted-set.js';
import { findSorted, replyNodes } from './sorted-sets.js';
import { type Span, spanOfNames, spanOfRanks, spanOfScores } from './sorted-spans.js';

type By = 'RANK' | 'SCORE' | 'LEX';

interface Range {
  by: By;
  reverse: boolean;
  withScores: boolean;
  offset: number;
  /** Negative: all. */
  count: number;
}

interface Form {
  readonly by?: By;
  readonly reverse?: boolean;
  /** BYSCORE, BYLEX and REV are words of it. */
  readonly free?: boolean;
  readonly stores?: boolean;
}

function rangeOf(call: Call, first: number, { by, reverse, free, stores }: Form): Range {
  const range: Range = {
    by: by ?? 'RANK',
    reverse: reverse ?? false,
    withScores: false,
    offset: 0,
    count: -1,
  };
  let limited = false;
  for (let index = first; index < call.count; index++) {
    const word = call.word(index);
    if (word === 'WITHSCORES' && !stores) range.withScores = true;
    else if (word === 'LIMIT' && index + 2 < call.count) {
      range.offset = call.integer(++index);
      range.count = call.integer(++index);
      limited = true;
    } else if (free && word === 'REV') range.reverse = true;
    else if (free && word === 'BYSCORE') range.by = 'SCORE';
    else if (free && word === 'BYLEX') range.by = 'LEX';
    else throw refusal(SYNTAX);
  }
  if (limited && range.by === 'RANK') {
    throw refusal(
      'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
    );
  }
  if (range.withScores && range.by === 'LEX') {
    throw refusal('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
  }
  return range;
}

function spanBy(call: Call, key: number, by: By, low: number, high: number): Span {
  const find = (): SortedSet | undefined => findSorted(call, key);
  if (by === 'SCORE') return spanOfScores(find, call.text(low), call.text(high));
  if (by === 'LEX') return spanOfNames(find, call.text(low), call.text(high));
  return spanOfRanks(find, call.integer(low), call.integer(high));
}

/** Nodes of the key at `key`, of which the bounds and the words follow. */
function nodesOf(call: Call, key: number, range: Range): Scored[] {
  const { by, reverse, offset, count } = range;
  const bounds = key + 1;
  const swapped = reverse && by !== 'RANK';
  const [low, high] = swapped ? [bounds + 1, bounds] : [bounds, bounds + 1];
  const span = spanBy(call, key, by, low, high);
  const set = findSorted(call, key);
  const size = set?.size ?? 0;
  let from = span.from;
  let length = span.to - span.from;
  if (reverse) from = by === 'RANK' ? size - 1 - span.from : span.to - 1;
  if (by !== 'RANK') {
    if (offset < 0) return [];
    from += reverse ? -offset : offset;
    length = Math.max(length - offset, 0);
    if (count >= 0) length = Math.min(length, count);
  }
  if (length <= 0 || set === undefined) return [];
  return reverse ? set.slice(from - length + 1, length).reverse() : set.slice(from, length);
}

function answer(form: Form): (call: Call) => void {
  return (call) => {
    const range = rangeOf(call, 4, form);
    replyNodes(call, nodesOf(call, 1, range), range.withScores);
  };
}

function store(call: Call): void {
  const range = rangeOf(call, 5, { free: true, stores: true });
  const nodes = nodesOf(call, 2, range);
  const set = new SortedSet(call.db.budget);
  for (const { name, score } of nodes) set.set(name, score);
  call.replaceCollection(1, set);
  call.reply.integer(nodes.length);
}

function count(by: By): (call: Call) => void {
  return (call) => {
    const { from, to } = spanBy(call, 1, by, 2, 3);
    call.reply.integer(to - from);
  };
}

function remove(by: By): (call: Call) => void {
  return (call) => {
    const { from, to } = spanBy(call, 1, by, 2, 3);
    const set = findSorted(call);
    const elements = set?.slice(from, to - from) ?? [];
    for (const { name } of elements) set?.delete(name);
    if (elements.length > 0) call.changed(1);
    call.reply.integer(elements.length);
  };
}

const READ = 'readonly';

export const SORTED_RANGES = [
  define('zrange', -4, READ, ONE_KEY, answer({ free: true })),
  define('zrevrange', -4, READ, ONE_KEY, answer({ reverse: true })),
  define('zrangebyscore', -4, READ, ONE_KEY, answer({ by: 'SCORE' })),
  define('zrevrangebyscore', -4, READ, ONE_KEY, answer({ by: 'SCORE', reverse: true })),
  define('zrangebylex', -4, READ, ONE_KEY, answer({ by: 'LEX' })),
  define('zrevrangebylex', -4, READ, ONE_KEY, answer({ by: 'LEX', reverse: true })),
  define('zrangestore', -5, 'write denyoom', [1, 2, 1], store),
  define('zcount', 4, 'readonly fast', ONE_KEY, count('SCORE')),
  define('zlexcount', 4, 'readonly fast', ONE_KEY, count('LEX')),
  define('zremrangebyscore', 4, 'write', ONE_KEY, remove('SCORE')),
  define('zremrangebylex', 4, 'write', ONE_KEY, remove('LEX')),
  define('zremrangebyrank', 4, 'write', ONE_KEY, remove('RANK')),
];
