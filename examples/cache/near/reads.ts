/** What is answered from memory: commands that say the same until their key changes. */
import type { ReadKind } from './read-note.js';

const NAMES = [
  ...['get', 'mget', 'strlen', 'getrange', 'substr', 'getbit', 'bitcount', 'bitpos'],
  ...['exists', 'type'],
  ...['hget', 'hmget', 'hgetall', 'hkeys', 'hvals', 'hlen', 'hexists', 'hstrlen'],
  ...['llen', 'lindex', 'lrange', 'lpos'],
  ...['scard', 'smembers', 'sismember', 'smismember'],
  ...['zcard', 'zscore', 'zmscore', 'zrank', 'zrevrank', 'zcount', 'zlexcount', 'zrange'],
  ...['zrevrange', 'zrangebyscore', 'zrevrangebyscore', 'zrangebylex', 'zrevrangebylex'],
];

const READS: ReadonlySet<string> = new Set(NAMES);

/** Undefined: it is not among them. */
export function readKindOf(name: string): ReadKind | undefined {
  if (name === 'get' || name === 'mget') return name;
  return READS.has(name) ? 'other' : undefined;
}
