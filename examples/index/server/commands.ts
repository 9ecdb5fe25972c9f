/** What a line can ask for: its words become a call, and what the call answers lines. */
import type { OrderedIndex } from '../ordered-index.js';
import type { Entry, RangeOptions } from '../range.js';
import { bytesOf, wordOf } from './words.js';

const LIMIT = 100;
const LIMIT_MAX = 10_000;
/** No bound of a range. */
const NONE = '*';

class Refused extends Error {}

type Command = (index: OrderedIndex, words: readonly string[]) => string | Promise<string>;

function bytes(what: string, word: string | undefined): Buffer {
  const found = bytesOf(word ?? '');
  if (found === undefined || word === undefined || word === '') {
    throw new Refused(`${what} must be a word, in which other bytes are %41`);
  }
  return found;
}

function limit(word: string | undefined): number {
  if (word === undefined) return LIMIT;
  if (/^\d{1,9}$/.test(word) && Number(word) <= LIMIT_MAX) return Number(word);
  throw new Refused(`LIMIT must be a whole number up to ${LIMIT_MAX}`);
}

function lines(entries: Iterable<Entry>): string {
  let text = '';
  let count = 0;
  for (const { key, value } of entries) {
    text += `entry ${wordOf(key)} ${wordOf(value)}\n`;
    count++;
  }
  return `${text}end ${count}\n`;
}

function range(index: OrderedIndex, [from = NONE, to = NONE, most]: readonly string[]): string {
  const options: RangeOptions = { limit: limit(most) };
  if (from !== NONE) options.from = bytes('FROM', from);
  if (to !== NONE) options.to = bytes('TO', to);
  return lines(index.range(options));
}

function stats(index: OrderedIndex): string {
  const { count, bytes: used, logBytes, backing, failure, checkpointFailure } = index;
  const lines = [`entries ${count}`, `bytes ${used}`, `log-bytes ${logBytes}`, `pages ${backing}`];
  if (failure !== undefined) lines.push(`failure ${failure.message}`);
  if (checkpointFailure !== undefined)
    lines.push(`checkpoint-failure ${checkpointFailure.message}`);
  return `${lines.join('\n')}\nend ${lines.length}\n`;
}

/** With the fewest and the most words that come behind its name. */
const COMMANDS: Readonly<Record<string, readonly [least: number, most: number, run: Command]>> = {
  get: [
    1,
    1,
    (index, [key]) => {
      const value = index.get(bytes('KEY', key));
      return value === undefined ? 'none\n' : `value ${wordOf(value)}\n`;
    },
  ],
  put: [
    2,
    2,
    (index, [key, value]) => index.put(bytes('KEY', key), bytes('VALUE', value)).then(() => 'ok\n'),
  ],
  delete: [
    1,
    1,
    (index, [key]) => index.delete(bytes('KEY', key)).then((was) => (was ? 'ok\n' : 'none\n')),
  ],
  range: [0, 3, range],
  prefix: [
    1,
    2,
    (index, [key, most]) => lines(index.prefix(bytes('PREFIX', key), { limit: limit(most) })),
  ],
  count: [0, 0, (index) => `count ${index.count}\n`],
  stats: [0, 0, stats],
  checkpoint: [0, 0, (index) => index.checkpoint().then(() => 'ok\n')],
};

export const HELP = `get KEY | put KEY VALUE | delete KEY | range [FROM [TO [LIMIT]]] |
prefix PREFIX [LIMIT] | count | stats | checkpoint`;

const sorry = (error: unknown): string =>
  `error ${(error as Error).message.replace(/\s+/g, ' ')}\n`;

/** Answers what a line asks for; nothing that it says is an exception. */
export function answer(index: OrderedIndex, line: string): string | Promise<string> {
  const [name = '', ...words] = line.split(' ');
  if (!Object.hasOwn(COMMANDS, name)) return `error no such command; there are: ${names}\n`;
  const [least, most, run] = COMMANDS[name] as (typeof COMMANDS)[string];
  if (words.length < least || words.length > most) {
    return `error ${name} takes ${least === most ? least : `${least} to ${most}`} words\n`;
  }
  try {
    const answered = run(index, words);
    return typeof answered === 'string' ? answered : answered.catch(sorry);
  } catch (error) {
    return sorry(error);
  }
}

const names = Object.keys(COMMANDS).join(', ');
