/** Sorted sets: names and their scores. */
import type { Call } from '../server/call.js';
import { define, ONE_KEY } from '../server/command.js';
import { NO_FLOAT, refusal, SYNTAX } from '../server/refusal.js';
import { SORTED_SET } from '../store/entry.js';
import { type Scored, SortedSet } from '../store/sorted-set.js';
import { drawIndexes } from './hashes.js';

export function findSorted(call: Call, index = 1): SortedSet | undefined {
  return call.collection<SortedSet>(index, SORTED_SET);
}

interface AddOptions {
  readonly words: ReadonlySet<string>;
  /** Where the scores begin. */
  readonly first: number;
}

const ADD_WORDS = ['NX', 'XX', 'GT', 'LT', 'CH', 'INCR'];

function addOptions(call: Call): AddOptions {
  const words = new Set<string>();
  let first = 2;
  for (; first < call.count && ADD_WORDS.includes(call.word(first)); first++) {
    words.add(call.word(first));
  }
  const count = call.count - first;
  if (count === 0 || count % 2 !== 0) throw refusal(SYNTAX);
  if (words.has('NX') && words.has('XX')) {
    throw refusal('ERR XX and NX options at the same time are not compatible');
  }
  const several = ['GT', 'LT', 'NX'].filter((word) => words.has(word)).length > 1;
  if (several) {
    throw refusal('ERR GT, LT, and/or NX options at the same time are not compatible');
  }
  if (words.has('INCR') && count > 2) {
    throw refusal('ERR INCR option supports a single increment-element pair');
  }
  return { words, first };
}

/** The new score; undefined when the words do not let it change. */
function scoreFor(
  words: ReadonlySet<string>,
  old: number | undefined,
  value: number,
): number | undefined {
  if (old === undefined) return words.has('XX') ? undefined : value;
  if (words.has('NX')) return undefined;
  const score = words.has('INCR') ? old + value : value;
  if (Number.isNaN(score)) throw refusal('ERR resulting score is not a number (NaN)');
  if (words.has('GT') && score <= old) return undefined;
  if (words.has('LT') && score >= old) return undefined;
  return score;
}

function add(call: Call): void {
  const { words, first } = addOptions(call);
  const scores: number[] = [];
  for (let index = first; index < call.count; index += 2) scores.push(call.double(index, NO_FLOAT));
  let set = findSorted(call);
  let [added, changed] = [0, 0];
  let result: number | undefined;
  scores.forEach((value, pair) => {
    const name = call.text(first + pair * 2 + 1);
    const old = set?.scores.get(name);
    const score = scoreFor(words, old, value);
    result = score;
    if (score === undefined || score === old) return;
    set ??= call.collectionOrNew(1, SORTED_SET, () => new SortedSet(call.db.budget));
    set.set(name, score);
    if (old === undefined) added++;
    else changed++;
  });
  if (added + changed > 0) call.changed(1);
  if (!words.has('INCR')) call.reply.integer(words.has('CH') ? added + changed : added);
  else if (result === undefined) call.reply.null();
  else call.reply.double(result);
}

function incrementBy(call: Call): void {
  const by = call.double(2);
  const name = call.text(3);
  const score = (findSorted(call)?.scores.get(name) ?? 0) + by;
  if (Number.isNaN(score)) throw refusal('ERR resulting score is not a number (NaN)');
  const make = () => new SortedSet(call.db.budget);
  call.collectionOrNew(1, SORTED_SET, make).set(name, score);
  call.changed(1);
  call.reply.double(score);
}

function remove(call: Call): void {
  const set = findSorted(call);
  let removed = 0;
  for (const name of call.texts(2)) if (set?.delete(name)) removed++;
  if (removed > 0) call.changed(1);
  call.reply.integer(removed);
}

function replyScore(call: Call, score: number | undefined): void {
  if (score === undefined) call.reply.null();
  else call.reply.double(score);
}

function scores(call: Call): void {
  const set = findSorted(call);
  call.reply.array(call.count - 2);
  for (const name of call.texts(2)) replyScore(call, set?.scores.get(name));
}

function rank(fromLast: boolean): (call: Call) => void {
  return (call) => {
    const set = findSorted(call);
    const found = set?.rankOf(call.text(2));
    if (set === undefined || found === undefined) call.reply.null();
    else call.reply.integer(fromLast ? set.size - 1 - found : found);
  };
}

/** Names, and their scores where they are wanted: beside them, or each in a pair of its own. */
export function replyNodes(call: Call, nodes: readonly Scored[], withScores: boolean): void {
  const { reply } = call;
  const nested = withScores && reply.protocol === 3;
  reply.array(withScores && !nested ? nodes.length * 2 : nodes.length);
  for (const { name, score } of nodes) {
    if (nested) reply.array(2);
    reply.text(name);
    if (withScores) reply.double(score);
  }
}

function endOf(set: SortedSet, end: 'first' | 'last', count: number): Scored[] {
  if (end === 'first') return set.slice(0, count);
  return set.slice(set.size - count, count).reverse();
}

function popAt(end: 'first' | 'last'): (call: Call) => void {
  return (call) => {
    const { reply } = call;
    if (call.count > 3) throw refusal(SYNTAX);
    const many = call.count === 3;
    const count = many ? call.integer(2, 'ERR value is out of range, must be positive') : 1;
    if (count < 0) throw refusal('ERR value is out of range, must be positive');
    const set = findSorted(call);
    const nodes = set === undefined ? [] : endOf(set, end, Math.min(count, set.size));
    for (const { name } of nodes) set?.delete(name);
    if (nodes.length > 0) call.changed(1);
    const [node] = nodes;
    if (!many && node !== undefined && reply.protocol === 3) {
      // One that was asked for without a count is no list of pairs.
      reply.array(2);
      reply.text(node.name);
      reply.double(node.score);
    } else replyNodes(call, nodes, true);
  };
}

function draw(call: Call): void {
  const { reply } = call;
  const set = findSorted(call);
  if (call.count === 2) {
    reply.textOrNull(set?.scores.nameAt(set.scores.draw()));
    return;
  }
  const count = call.integer(2);
  const withScores = call.count === 4 && call.word(3) === 'WITHSCORES';
  if (call.count > 3 && !withScores) throw refusal(SYNTAX);
  const indexes = set === undefined ? [] : drawIndexes(set.scores, count);
  const nodes = indexes.map((index) => ({
    name: set?.scores.nameAt(index) as string,
    score: set?.scores.valueAt(index) as number,
  }));
  replyNodes(call, nodes, withScores);
}

const WRITE = 'write denyoom fast';
const READ = 'readonly fast';

export const SORTED_SETS = [
  define('zadd', -4, WRITE, ONE_KEY, add),
  define('zincrby', 4, WRITE, ONE_KEY, incrementBy),
  define('zrem', -3, 'write fast', ONE_KEY, remove),
  define('zcard', 2, READ, ONE_KEY, (call) => call.reply.integer(findSorted(call)?.size ?? 0)),
  define('zscore', 3, READ, ONE_KEY, (call) =>
    replyScore(call, findSorted(call)?.scores.get(call.text(2))),
  ),
  define('zmscore', -3, READ, ONE_KEY, scores),
  define('zrank', 3, READ, ONE_KEY, rank(false)),
  define('zrevrank', 3, READ, ONE_KEY, rank(true)),
  define('zpopmin', -2, 'write fast', ONE_KEY, popAt('first')),
  define('zpopmax', -2, 'write fast', ONE_KEY, popAt('last')),
  define('zrandmember', -2, 'readonly', ONE_KEY, draw),
];
