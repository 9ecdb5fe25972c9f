/** Random commands for a cache and for redis-server, whose answers must be the same. */
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';

/** A generator of numbers that a seed repeats. */
export function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Commands whose answers have no order. */
const UNORDERED = new Set([...['smembers', 'sunion', 'sinter', 'sdiff', 'hkeys', 'hvals', 'keys']]);
const UNORDERED_PAIRS = new Set(['hgetall']);

/** What of an answer is to be the same. */
function comparable(words: readonly string[], answer: unknown): unknown {
  const name = (words[0] as string).toLowerCase();
  if (!Array.isArray(answer)) return answer;
  if (UNORDERED.has(name)) return [...answer].sort();
  if (!UNORDERED_PAIRS.has(name)) return answer;
  return answer
    .map((text, index) => (index % 2 === 0 ? `${text}=${answer[index + 1]}` : ''))
    .filter((text) => text !== '')
    .sort();
}

const LATER = 4_000_000_000;

/**
 * The grammar of the commands: words in capitals are drawn, others are as they are; what stands in
 * brackets is there or is not. Keys expire at a given time only: servers begin to count a while at
 * different times.
 */
const GRAMMAR = `
  get KEY | set KEY TEXT [keepttl] | set KEY TEXT nx | set KEY TEXT xx get | set KEY NUMBER
  set KEY TEXT exat LATER | set KEY TEXT px 0 | set KEY TEXT bad | setnx KEY TEXT
  setex KEY 0 TEXT | psetex KEY -5 TEXT | getset KEY TEXT | getdel KEY | getex KEY [persist]
  getex KEY exat LATER | mget KEY KEY KEY | mset KEY TEXT KEY TEXT | msetnx KEY TEXT KEY TEXT
  mset KEY TEXT KEY | incr KEY | decr KEY | incrby KEY NUMBER | decrby KEY NUMBER
  incrby KEY HUGE | decrby KEY HUGE | incrbyfloat FLOATKEY SCORE | set FLOATKEY SCORE
  set FLOATKEY TEXT | append KEY TEXT | strlen KEY | getrange KEY INDEX INDEX
  setrange KEY SMALL TEXT | setrange KEY INDEX TEXT | substr KEY INDEX INDEX | del KEY KEY
  unlink KEY | exists KEY KEY KEY | touch KEY KEY | type KEY | rename KEY KEY | renamenx KEY KEY
  copy KEY KEY [replace] | keys PATTERN | dbsize | expire KEY x [nx] | expireat KEY LATER [xx]
  pexpireat KEY LATERMS gt | expireat KEY LATER lt | expire KEY -1 | expire KEY HUGE
  expire KEY 100 nx xx | expiretime KEY | pexpiretime KEY | persist KEY | object encoding TEXTKEY
  select 0 | select x | echo TEXT | ping | hset KEY NAME TEXT [NAME] [TEXT] | hset KEY NAME NUMBER
  hmset KEY NAME TEXT NAME TEXT | hsetnx KEY NAME TEXT | hget KEY NAME | hmget KEY NAME NAME
  hdel KEY NAME NAME | hlen KEY | hexists KEY NAME | hstrlen KEY NAME | hkeys KEY | hvals KEY
  hgetall KEY | hincrby KEY NAME NUMBER | hincrby KEY NAME HUGE
  hincrbyfloat FLOATHASH NAME SCORE | lpush KEY TEXT TEXT | rpush KEY TEXT NAME | lpushx KEY TEXT
  rpushx KEY NAME | lpop KEY | rpop KEY [SMALL] | lpop KEY [INDEX] | llen KEY | lindex KEY INDEX
  lrange KEY INDEX INDEX | lset KEY INDEX TEXT | ltrim KEY INDEX INDEX
  linsert KEY before NAME TEXT | linsert KEY after NAME NAME | linsert KEY where NAME NAME
  lrem KEY INDEX NAME | lpos KEY NAME [rank] [INDEX] | lpos KEY NAME count SMALL maxlen SMALL
  rpoplpush KEY KEY | lmove KEY KEY left right | lmove KEY KEY right left
  lmpop 2 KEY KEY left [count] [SMALL] | sadd KEY NAME NAME TEXT | srem KEY NAME NAME | scard KEY
  sismember KEY NAME | smismember KEY NAME NAME | smembers KEY | smove KEY KEY NAME
  sunion KEY KEY | sinter KEY KEY | sdiff KEY KEY | sunionstore KEY KEY KEY
  sinterstore KEY KEY KEY | sdiffstore KEY KEY KEY | sintercard 2 KEY KEY [limit] [SMALL]
  zadd KEY SCORE NAME [SCORE] [NAME] | zadd KEY nx SCORE NAME | zadd KEY xx ch SCORE NAME
  zadd KEY gt ch SCORE NAME | zadd KEY lt SCORE NAME SCORE NAME | zadd KEY incr SCORE NAME
  zadd KEY nx gt SCORE NAME | zadd LEXKEY 0 NAME 0 NAME | zadd LEXKEY 0 TEXT | del LEXKEY
  zincrby KEY SCORE NAME | zrem KEY NAME NAME | zcard KEY | zscore KEY NAME
  zmscore KEY NAME NAME | zrank KEY NAME | zrevrank KEY NAME | zpopmin KEY [SMALL]
  zpopmax KEY [INDEX] | zrange KEY INDEX INDEX [withscores]
  zrange KEY INDEX INDEX rev [withscores] | zrange KEY BOUND BOUND byscore limit SMALL INDEX
  zrange KEY BOUND BOUND byscore rev | zrange LEXKEY LEX LEX bylex | zrevrange KEY INDEX INDEX
  zrange KEY INDEX INDEX limit SMALL SMALL | zrangebyscore KEY BOUND BOUND [withscores]
  zrevrangebyscore KEY BOUND BOUND limit SMALL SMALL | zrangebylex LEXKEY LEX LEX
  zrevrangebylex LEXKEY LEX LEX limit SMALL INDEX | zrangestore KEY KEY INDEX INDEX
  zrangestore KEY KEY BOUND BOUND byscore limit SMALL SMALL | zcount KEY BOUND BOUND
  zlexcount LEXKEY LEX LEX | zremrangebyscore KEY BOUND BOUND | zremrangebyrank KEY INDEX INDEX
  zremrangebylex LEXKEY LEX LEX | zunion 2 KEY KEY [withscores] | zinter 2 KEY KEY withscores
  zdiff 2 KEY KEY [withscores] | zunionstore KEY 2 KEY KEY weights SMALL SCORE aggregate MINMAX
  zinterstore KEY 2 KEY KEY [aggregate] [MINMAX] | zdiffstore KEY 2 KEY KEY | zunion 0 KEY | get
  set KEY | nonsense KEY NUMBER | hset KEY NAME | zadd KEY SCORE | flushall
`
  .split(/[|\n]/)
  .map((line) => line.trim().split(/\s+/))
  .filter(([first]) => first !== '');

/** Rare, since it empties everything. */
const FLUSH_ODDS = 0.05;

export class Commands {
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  private below(count: number): number {
    return Math.floor(this.random() * count);
  }

  private of<Value>(...values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }

  next(): string[] {
    for (;;) {
      const form = this.of(...GRAMMAR);
      if (form[0] === 'flushall' && this.random() > FLUSH_ODDS) continue;
      const optional = this.random() < 0.5;
      return form
        .filter((word) => optional || !word.startsWith('['))
        .map((word) => this.draw(word.replace(/[[\]]/g, '')));
    }
  }

  private draw(word: string): string {
    switch (word) {
      case 'KEY':
        return `key:${this.below(24)}`;
      case 'LEXKEY':
        return `names:${this.below(3)}`;
      case 'FLOATKEY':
      case 'FLOATHASH':
        return `${word.toLowerCase()}:${this.below(3)}`;
      case 'TEXTKEY':
        return 'key:no string';
      case 'NAME':
        return this.of('a', 'b', 'c', 'd', 'e', 'f', 'long name of a field or member', '\x00\xff');
      case 'TEXT':
        return this.text();
      case 'NUMBER':
        return String(this.below(2000) - 1000);
      case 'SMALL':
        return String(this.below(6));
      case 'INDEX':
        return String(this.below(14) - 6);
      case 'SCORE':
        return this.of(String((this.below(80) - 40) / 4), 'inf', '-inf', '0', '1', '2', 'x');
      case 'BOUND':
        return this.of('-inf', '+inf', `(${this.below(8)}`, String(this.below(20) - 10), '1.5');
      case 'LEX':
        return this.of('-', '+', '[b', '(b', '[d', '(e', 'f');
      case 'HUGE':
        return this.of('9223372036854775807', '-9223372036854775808', '9223372036854775808', '1.0');
      case 'LATER':
        return String(LATER + this.below(1000));
      case 'LATERMS':
        return String((LATER + this.below(1000)) * 1000 + this.below(1000));
      case 'PATTERN':
        return this.of('*', 'key:1?', 'key:[1-3]*', 'key:[^1]', '\\key:2', 'none', '*:*2*');
      case 'MINMAX':
        return this.of('min', 'max', 'sum');
      default:
        return this.random() < 0.1 ? word.toUpperCase() : word;
    }
  }

  private text(): string {
    const kind = this.below(10);
    if (kind === 0) return '';
    if (kind === 1) return 'x'.repeat(this.below(400));
    if (kind === 2) return 'y'.repeat(this.below(100_000));
    if (kind === 3) return `\r\n\x00\xff${this.below(10)}`;
    if (kind < 6) return String(this.below(1000));
    return this.of('a', 'b', 'some text', 'other', '3.25', ' 1', '+1', '01', '-0');
  }
}

/** The cache has answered each command as redis-server has. */
export function expectAlike(
  batch: readonly (readonly string[])[],
  ours: readonly unknown[],
  theirs: readonly unknown[],
  where: string,
): void {
  batch.forEach((words, index) => {
    const our = comparable(words, ours[index]);
    const their = comparable(words, theirs[index]);
    // Only where they differ is it worth what `expect` costs.
    if (isDeepStrictEqual(our, their)) return;
    expect(our, `${where}, ${index} on: ${JSON.stringify(words)}`).toEqual(their);
  });
}
