/** The cache among the examples, in front of real redis-servers. */
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { expect, onTestFinished, test } from 'vitest';
import { hasRedis, type RunningCache, startCache, waitFor } from './support/cache.js';
import { startRedisAt } from './support/redis.js';
import { encoded, Refused, type RespClient } from './support/resp.js';

const withRedis = test.skipIf(!hasRedis);

async function about(client: RespClient): Promise<Record<string, string>> {
  const lines = String(await client.ask('INFO', 'near'))
    .trim()
    .split('\r\n');
  return Object.fromEntries(lines.map((line) => line.split(':', 2) as [string, string]));
}

function startNear(upstream: { address: string }, ...words: string[]): Promise<RunningCache> {
  return startCache('--upstream', upstream.address, '--memory', '32mb', ...words);
}

withRedis('near cache: what was read is answered from memory until it changes', async () => {
  const redis = await startRedisAt();
  const direct = await redis.open();
  const near = await startNear(redis);
  const client = await near.open();
  await direct.ask('SET', 'k', 'one');
  expect(await client.ask('GET', 'k')).toBe('one');
  expect(await client.ask('GET', 'k')).toBe('one');
  expect(await client.ask('GET', 'none')).toBeNull();
  expect(await client.ask('GET', 'none')).toBeNull();
  expect(await client.ask('MGET', 'k', 'none')).toEqual(['one', null]);
  expect(await about(client)).toMatchObject({ near_keys: '2', near_hits: '3' });
  await direct.ask('SET', 'k', 'two');
  await direct.ask('SET', 'none', 'now');
  await waitFor(async () => (await client.ask('GET', 'k')) === 'two');
  await waitFor(async () => (await client.ask('GET', 'none')) === 'now');
  // Its own writes are seen at once, also within a batch.
  const batch = Array.from({ length: 500 }, (_, index) => [
    ['SET', 'own', String(index)],
    ['GET', 'own'],
    ['GET', 'k'],
    ['PING'],
  ]);
  const answers = await client.askAll(batch.flat());
  expect(answers).toEqual(batch.flatMap((_, index) => ['OK', String(index), 'two', 'PONG']));
  await direct.ask('FLUSHALL');
  await waitFor(async () => (await client.ask('GET', 'k')) === null);
  near.child.kill('SIGTERM');
  expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
});

withRedis('near cache: every kind of read is the same over both protocols', async () => {
  const redis = await startRedisAt();
  const near = await startNear(redis);
  const reads = [
    ...[
      ['STRLEN', 's'],
      ['GETRANGE', 's', '1', '2'],
      ['EXISTS', 's'],
      ['TYPE', 's'],
    ],
    ...[
      ['EXISTS', 's', 'h'],
      ['GETBIT', 's', '3'],
      ['BITCOUNT', 's'],
      ['MGET', 's', 'h', 'x'],
    ],
    ...[
      ['HGET', 'h', 'a'],
      ['HMGET', 'h', 'a', 'x'],
      ['HGETALL', 'h'],
      ['HLEN', 'h'],
    ],
    ...[
      ['HKEYS', 'h'],
      ['HEXISTS', 'h', 'a'],
      ['HGET', 'x', 'a'],
      ['HGET', 's', 'a'],
    ],
    ...[
      ['LRANGE', 'l', '0', '-1'],
      ['LINDEX', 'l', '1'],
      ['LLEN', 'l'],
      ['LPOS', 'l', 'y'],
    ],
    ...[
      ['SMEMBERS', 'm'],
      ['SISMEMBER', 'm', 'x'],
      ['SCARD', 'm'],
      ['GET', 'h'],
      ['GET', 's'],
    ],
    ...[
      ['ZSCORE', 'z', 'x'],
      ['ZRANGE', 'z', '0', '-1', 'WITHSCORES'],
      ['ZRANK', 'z', 'y'],
    ],
    ...[
      ['ZRANGEBYSCORE', 'z', '-inf', '+inf'],
      ['ZCOUNT', 'z', '0', '9'],
      ['GET', 's', 's'],
    ],
    ...[
      ['HRANDFIELD', 'h', '1'],
      ['OBJECT', 'ENCODING', 's'],
      ['TTL', 's'],
      ['XLEN', 'x'],
    ],
  ];
  for (const protocol of ['2', '3']) {
    const [client, other, direct] = [await near.open(), await near.open(), await redis.open()];
    for (const each of [client, other, direct]) await each.ask('HELLO', protocol);
    await direct.askAll([
      ...[
        ['SET', 's', 'ab\r\nü'.normalize()],
        ['HSET', 'h', 'a', '1'],
        ['RPUSH', 'l', 'x', 'y'],
      ],
      ...[
        ['SADD', 'm', 'x'],
        ['ZADD', 'z', '1.5', 'x', '2', 'y'],
      ],
    ]);
    const expected = await direct.askAll(reads);
    for (const each of [client, client, other]) expect(await each.askAll(reads)).toEqual(expected);
    await direct.ask('FLUSHALL');
    await waitFor(async () => (await client.ask('LLEN', 'l')) === 0);
  }
  const { near_hits } = await about(await near.open());
  expect(Number(near_hits)).toBeGreaterThan(90);
});

withRedis('near cache: keys expire there and here', async () => {
  const redis = await startRedisAt();
  const direct = await redis.open();
  // Nothing goes there before somebody asks for it: only we know that it has expired.
  await direct.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  const near = await startNear(redis);
  const client = await near.open();
  await client.ask('SET', 'k', 'v', 'PX', '300');
  await client.ask('SET', 'other', 'v', 'PX', '300');
  await client.ask('HSET', 'h', 'a', '1');
  await client.ask('PEXPIRE', 'h', '300');
  const reads = [
    ['GET', 'k'],
    ['MGET', 'k', 'other'],
    ['HGET', 'h', 'a'],
  ];
  await waitFor(async () => {
    await client.askAll(reads);
    return Number((await about(client)).near_hits) > 3;
  });
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect(await client.askAll(reads)).toEqual([null, [null, null], null]);
});

withRedis('near cache: transactions, and what waits, have a connection of their own', async () => {
  const redis = await startRedisAt();
  const near = await startNear(redis);
  const [one, two] = [await near.open(), await near.open()];
  await one.ask('SET', 'k', '1');
  expect(await one.ask('GET', 'k')).toBe('1');
  expect(await two.ask('GET', 'k')).toBe('1');
  const batch = [['MULTI'], ['INCR', 'k'], ['GET', 'k'], ['EXEC'], ['GET', 'k'], ['PING']];
  expect(await one.askAll(batch)).toEqual([...['OK', 'QUEUED', 'QUEUED', [2, '2'], '2', 'PONG']]);
  for (let round = 3; round < 100; round++) {
    await one.askAll([['MULTI'], ['INCR', 'k'], ['EXEC']]);
    expect(await one.ask('GET', 'k')).toBe(String(round));
    expect(await one.ask('GET', 'k')).toBe(String(round));
  }
  await one.ask('WATCH', 'k');
  await two.ask('SET', 'k', 'x');
  expect(await one.askAll([['MULTI'], ['GET', 'k'], ['EXEC']])).toEqual(['OK', 'QUEUED', null]);
  one.write(encoded(['BLPOP', 'list', '0']));
  one.write(encoded(['GET', 'k']));
  // Nobody else waits.
  expect(await two.ask('GET', 'k')).toBe('x');
  await two.ask('RPUSH', 'list', 'y');
  expect(await one.read(2)).toEqual([['list', 'y'], 'x']);
  // Who is in the middle of one when the upstream goes sees it.
  expect(await one.ask('MULTI')).toBe('OK');
  await redis.kill();
  await waitFor(() => one.ended);
});

withRedis('near cache: what would change a shared connection is refused', async () => {
  const redis = await startRedisAt();
  const near = await startNear(redis);
  const client = await near.open();
  const refused = [
    ...[
      ['MONITOR'],
      ['PSYNC', '?', '-1'],
      ['WAIT', '0', '1'],
      ['CLUSTER', 'SLOTS'],
      ['SELECT', '1'],
    ],
    ...[
      ['CLIENT', 'TRACKING', 'ON'],
      ['CLIENT', 'REPLY', 'OFF'],
      ['SCRIPT', 'DEBUG', 'YES'],
    ],
  ];
  for (const words of refused) expect(await client.ask(...words)).toBeInstanceOf(Refused);
  expect(await client.ask('NONSENSE', 'x')).toEqual(
    new Refused("ERR unknown command 'NONSENSE', with args beginning with: 'x' "),
  );
  expect(await client.ask('EVAL', "return redis.call('INCR', KEYS[1])", '1', 'n')).toBe(1);
  expect(await client.ask('GET', 'n')).toBe('1');
  expect(await client.ask('EVAL', "return redis.call('INCR', KEYS[1])", '1', 'n')).toBe(2);
  expect(await client.ask('GET', 'n')).toBe('2');
  client.write('GET "n"\r\nSET "a b" c\r\nGET "a b"\r\n');
  expect(await client.read(3)).toEqual(['2', 'OK', 'c']);
});

withRedis('near cache: ioredis and node-redis find what they expect', async () => {
  const redis = await startRedisAt();
  const near = await startNear(redis);
  const old = new Redis({ port: near.port });
  const listener = new Redis({ port: near.port });
  onTestFinished(() => {
    old.disconnect();
    listener.disconnect();
  });
  const client = createClient({ socket: { host: '127.0.0.1', port: near.port } });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.destroy());
  await old.hset('h', { a: '1', b: 'ü' });
  expect(await old.hgetall('h')).toEqual({ a: '1', b: 'ü' });
  expect({ ...(await client.hGetAll('h')) }).toEqual({ a: '1', b: 'ü' });
  expect(await old.multi().incr('n').get('n').exec()).toEqual([
    [null, 1],
    [null, '1'],
  ]);
  expect(await client.multi().incr('n').get('n').exec()).toEqual([2, '2']);
  await waitFor(async () => (await old.get('n')) === '2');
  const heard: string[][] = [];
  listener.on('message', (...words) => void heard.push(words));
  await listener.subscribe('news', 'more');
  await client.subscribe('news', (...words) => void heard.push(words));
  expect(await old.publish('news', 'one')).toBe(2);
  await waitFor(() => heard.length === 2);
  await client.unsubscribe('news');
  expect(await client.get('n')).toBe('2');
  const keys = Array.from({ length: 300 }, (_, index) => `scan:${index}`);
  await old.mset(...keys.flatMap((key) => [key, key]));
  expect(await client.mGet(keys)).toEqual(keys);
  const found = new Set<string>();
  for await (const part of old.scanStream({ match: 'scan:*' })) {
    for (const key of part as string[]) found.add(key);
  }
  expect(found.size).toBe(300);
});
