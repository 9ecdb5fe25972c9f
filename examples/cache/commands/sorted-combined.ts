/** Several sorted sets (or sets, whose scores are 1) made into one. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS, ONE_KEY } from '../server/command.js';
import { refusal, SYNTAX, WRONG_TYPE } from '../server/refusal.js';
import { SET, SORTED_SET } from '../store/entry.js';
import { type Scored, SortedSet } from '../store/sorted-set.js';
import { findSet, type NameSet } from './sets.js';
import { findSorted, replyNodes } from './sorted-sets.js';

type Aggregate = 'SUM' | 'MIN' | 'MAX';
type Way = 'union' | 'inter' | 'diff';

type Scores = Map<string, number>;

function scoresOf(call: Call, index: number): Scores {
  const place = call.find(index);
  const kind = place === 0 ? SET : call.db.kindOf(place);
  if (kind !== SET && kind !== SORTED_SET) throw refusal(WRONG_TYPE);
  const scores: Scores = new Map();
  if (kind === SET) {
    const set: NameSet | undefined = findSet(call, index);
    for (const name of set?.keys() ?? []) scores.set(name, 1);
  } else {
    const set = findSorted(call, index);
    for (const { name, score } of set?.slice(0, set.size) ?? []) scores.set(name, score);
  }
  return scores;
}

interface Plan {
  readonly inputs: Scores[];
  readonly weights: number[];
  aggregate: Aggregate;
  withScores: boolean;
}

const AGGREGATES = ['SUM', 'MIN', 'MAX'];

/** @param first where the number of keys is */
function planOf(call: Call, first: number, stores: boolean, way: Way): Plan {
  const keys = call.integer(first);
  if (keys < 1) {
    const name = call.session.lastCommand;
    throw refusal(`ERR at least 1 input key is needed for '${name}' command`);
  }
  const words = first + 1 + keys;
  if (words > call.count) throw refusal(SYNTAX);
  const inputs: Scores[] = [];
  for (let index = first + 1; index < words; index++) inputs.push(scoresOf(call, index));
  const weights: number[] = new Array(keys).fill(1);
  const plan: Plan = { inputs, weights, aggregate: 'SUM', withScores: false };
  for (let index = words; index < call.count; index++) {
    const word = call.word(index);
    if (word === 'WITHSCORES' && !stores) plan.withScores = true;
    else if (word === 'WEIGHTS' && way !== 'diff' && index + keys < call.count) {
      for (let key = 0; key < keys; key++) {
        weights[key] = call.double(++index, 'ERR weight value is not a float');
      }
    } else if (word === 'AGGREGATE' && way !== 'diff' && index + 1 < call.count) {
      const aggregate = call.word(++index);
      if (!AGGREGATES.includes(aggregate)) throw refusal(SYNTAX);
      plan.aggregate = aggregate as Aggregate;
    } else throw refusal(SYNTAX);
  }
  return plan;
}

/** Infinities that cancel each other are 0. */
const number = (value: number): number => (Number.isNaN(value) ? 0 : value);

function joined(aggregate: Aggregate, one: number, two: number): number {
  if (aggregate === 'SUM') return number(one + two);
  return aggregate === 'MIN' ? Math.min(one, two) : Math.max(one, two);
}

function combine({ inputs, weights, aggregate }: Plan, way: Way): Scores {
  const [first = new Map<string, number>(), ...others] = inputs;
  if (way === 'diff') {
    return new Map([...first].filter(([name]) => !others.some((each) => each.has(name))));
  }
  const result: Scores = new Map();
  inputs.forEach((input, index) => {
    for (const [name, score] of input) {
      if (way === 'inter' && !inputs.every((each) => each.has(name))) continue;
      const weighted = number(score * (weights[index] as number));
      const old = result.get(name);
      result.set(name, old === undefined ? weighted : joined(aggregate, old, weighted));
    }
  });
  return result;
}

function sorted(scores: Scores): Scored[] {
  const nodes = [...scores].map(([name, score]) => ({ name, score }));
  nodes.sort((one, two) => one.score - two.score || (one.name < two.name ? -1 : 1));
  return nodes;
}

function answer(way: Way): (call: Call) => void {
  return (call) => {
    const plan = planOf(call, 1, false, way);
    replyNodes(call, sorted(combine(plan, way)), plan.withScores);
  };
}

function store(way: Way): (call: Call) => void {
  return (call) => {
    const scores = combine(planOf(call, 2, true, way), way);
    const set = new SortedSet(call.db.budget);
    for (const [name, score] of scores) set.set(name, score);
    call.replaceCollection(1, set);
    call.reply.integer(scores.size);
  };
}

const WRITE = 'write denyoom';

export const SORTED_COMBINED = [
  define('zunion', -3, 'readonly', NO_KEYS, answer('union'), 1),
  define('zinter', -3, 'readonly', NO_KEYS, answer('inter'), 1),
  define('zdiff', -3, 'readonly', NO_KEYS, answer('diff'), 1),
  define('zunionstore', -4, WRITE, ONE_KEY, store('union'), 2),
  define('zinterstore', -4, WRITE, ONE_KEY, store('inter'), 2),
  define('zdiffstore', -4, WRITE, ONE_KEY, store('diff'), 2),
];
