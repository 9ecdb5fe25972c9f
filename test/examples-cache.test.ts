/** The cache among the examples: real clients, rude ones, and redis-server to be like. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { Cluster, Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { hasRedis, startCache, startHugeCache, startRedis, waitFor } from './support/cache.js';
import { Commands, expectAlike, randomOf } from './support/cache-commands.js';
import { poolCount, withHugepages } from './support/hugepages.js';
import { encoded, Refused, RespClient } from './support/resp.js';

const withRedis = test.skipIf(!hasRedis);
const COMMANDS = Number(process.env.NEARMETAL_CACHE_COMMANDS ?? 20_000);
const SEED = Number(process.env.NEARMETAL_CACHE_SEED ?? 1);
const PER_BATCH = 200;

withRedis(
  'cache: random commands are answered as redis-server answers them',
  async () => {
    const cache = await startCache('--memory', '48mb', '--policy', 'noeviction');
    const redis = await startRedis();
    const client = await cache.open();
    const other = await RespClient.open(redis);
    onTestFinished(() => void other.socket.destroy());
    const commands = new Commands(SEED);
    for (let done = 0; done < COMMANDS; done += PER_BATCH) {
      const batch = Array.from({ length: PER_BATCH }, () => commands.next());
      const [ours, theirs] = await Promise.all([client.askAll(batch), other.askAll(batch)]);
      expectAlike(batch, ours, theirs, `seed ${SEED}, from command ${done}`);
    }
    // All that is counted is given back.
    await client.ask('FLUSHALL');
    expect(await cache.info('used_memory_blocks')).toBe('0');
    expect(await cache.info('used_memory_heap')).toBe('0');
    client.socket.destroy();
    cache.child.kill('SIGTERM');
    expect(await cache.ended).toMatchObject({ code: 0, stderr: '' });
  },
  3_600_000,
);

test('cache: values are in hugepages where the pool has them', async (context) => {
  await withHugepages(context, 2 ** 21, 16, async () => {
    const cache = await startHugeCache('--memory', '32mb', '--workers', '1');
    const client = await cache.open();
    expect(poolCount(2 ** 21, 'free_hugepages')).toBe(0);
    const value = 'v'.repeat(100_000);
    expect(await client.ask('SET', 'key', value)).toBe('OK');
    expect(String(await client.ask('GET', 'key'))).toBe(value);
    cache.child.kill('SIGTERM');
    expect(await cache.ended).toMatchObject({ code: 0, stderr: '' });
  });
});

test('cache: ioredis finds what it expects', async () => {
  const cache = await startCache();
  const redis = new Redis({ port: cache.port, connectionName: 'a-name' });
  const listener = new Redis({ port: cache.port });
  onTestFinished(() => {
    redis.disconnect();
    listener.disconnect();
  });
  expect(await redis.set('k', 'v', 'EX', 100, 'NX')).toBe('OK');
  expect(await redis.set('k', 'w', 'NX')).toBeNull();
  expect(await redis.getBuffer('k')).toEqual(Buffer.from('v'));
  expect(await redis.client('GETNAME')).toBe('a-name');
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index & 255));
  await redis.set('bytes', bytes);
  expect((await redis.getBuffer('bytes'))?.equals(bytes)).toBe(true);
  await redis.hset('h', { a: '1', b: 'ü' });
  expect(await redis.hgetall('h')).toEqual({ a: '1', b: 'ü' });
  const pipeline = redis.pipeline();
  for (let index = 0; index < 1000; index++) pipeline.incr('n').lpush('l', index);
  expect((await pipeline.exec())?.at(-1)).toEqual([null, 1000]);
  expect(await redis.multi().get('n').lindex('l', 0).incr('h').exec()).toEqual([
    [null, '1000'],
    [null, '999'],
    [expect.objectContaining({ message: expect.stringContaining('WRONGTYPE') })],
  ]);
  const keys = Array.from({ length: 2000 }, (_, index) => `scan:${index}`);
  await redis.mset(...keys.flatMap((key) => [key, key]));
  const found = new Set<string>();
  for await (const part of redis.scanStream({ match: 'scan:*', count: 50 })) {
    for (const key of part as string[]) found.add(key);
    // Keys come and go meanwhile.
    await redis.mset(`new:${found.size}`, '', `newer:${found.size}`, '');
    await redis.del(`new:${found.size}`);
  }
  expect(found).toEqual(new Set(keys));
  const heard: string[][] = [];
  listener.on('message', (...words) => void heard.push(words));
  listener.on('pmessage', (...words) => void heard.push(words));
  await listener.subscribe('news');
  await listener.psubscribe('n[a-f]ws*');
  expect(await redis.publish('news', 'one')).toBe(2);
  expect(await redis.publish('nothing', 'two')).toBe(0);
  await waitFor(() => heard.length === 2);
  expect(heard).toEqual([
    ['news', 'one'],
    ['n[a-f]ws*', 'news', 'one'],
  ]);
  expect(await listener.ping()).toBeDefined();
});

withRedis('cache: redis-cli and redis-benchmark work with it', async () => {
  const cache = await startCache();
  const run = (...words: string[]): string =>
    execFileSync('redis-cli', ['-p', String(cache.port), ...words], { encoding: 'utf8' });
  expect(run('set', 'a', '1')).toBe('OK\n');
  expect(run('-3', 'hello', '3')).toContain('proto');
  expect(run('--scan')).toBe('a\n');
  const words = ['-p', String(cache.port), '-n', '2000', '-P', '16', '--csv'];
  const rows = execFileSync('redis-benchmark', words, { encoding: 'utf8' }).split('\n');
  // SPOP, ZPOPMIN, LRANGE and MSET are among them.
  expect(rows.filter((row) => /^"[^"]+","\d/.test(row)).length).toBeGreaterThan(15);
  expect(rows.join()).not.toContain('ERR');
});

test('cache: RESP3 has maps, doubles, nulls and pushes', async () => {
  const { open } = await startCache();
  const client = await open();
  client.write(encoded(['HELLO', '3', 'SETNAME', 'me']));
  expect((await client.read(1))[0]).toEqual(expect.arrayContaining(['proto', 3]));
  expect(await client.ask('GET', 'none')).toBeNull();
  await client.ask('ZADD', 'z', '1.5', 'a', '2', 'b');
  expect(await client.ask('ZSCORE', 'z', 'a')).toBe('1.5');
  expect(await client.ask('ZRANGE', 'z', '0', '-1', 'WITHSCORES')).toEqual([
    ['a', '1.5'],
    ['b', '2'],
  ]);
  // Over RESP3 a subscriber asks on, and its own messages are pushes between the answers.
  expect(await client.ask('SUBSCRIBE', 'c')).toEqual(['subscribe', 'c', 1]);
  expect(await client.askAll([['PUBLISH', 'c', 'x'], ['PING']])).toEqual([
    ['message', 'c', 'x'],
    1,
  ]);
  expect(await client.read(1)).toEqual(['PONG']);
  expect(await client.ask('HELLO', '4')).toEqual(
    new Refused('NOPROTO unsupported protocol version'),
  );
});

test('cache: MULTI, DISCARD and WATCH', async () => {
  const { open } = await startCache();
  const [one, two] = [await open(), await open()];
  await one.ask('SET', 'k', '1');
  await one.ask('WATCH', 'k');
  await two.ask('INCR', 'k');
  expect(await one.askAll([['MULTI'], ['GET', 'k'], ['EXEC']])).toEqual(['OK', 'QUEUED', null]);
  await one.ask('WATCH', 'k', 'other');
  await two.ask('SET', 'unrelated', '1');
  const batch = [['MULTI'], ['INCR', 'k'], ['LPUSH', 'k', 'x'], ['EXEC']];
  expect((await one.askAll(batch))[3]).toEqual([3, expect.any(Refused)]);
  const wrong = [['MULTI'], ['NONSENSE'], ['SET', 'k', '9'], ['EXEC']];
  expect((await one.askAll(wrong))[3]).toEqual(
    new Refused('EXECABORT Transaction discarded because of previous errors.'),
  );
  expect(await one.askAll([['MULTI'], ['SET', 'k', '9'], ['DISCARD'], ['GET', 'k']])).toEqual([
    ...['OK', 'QUEUED', 'OK', '3'],
  ]);
  // What expires, and what a flush takes, has changed too.
  await one.ask('SET', 'short', 'x', 'PX', '30');
  await one.ask('WATCH', 'short');
  await waitFor(async () => (await two.ask('EXISTS', 'short')) === 0);
  expect(await one.askAll([['MULTI'], ['EXEC']])).toEqual(['OK', null]);
  await one.ask('WATCH', 'k');
  await two.ask('FLUSHALL');
  expect(await one.askAll([['MULTI'], ['EXEC']])).toEqual(['OK', null]);
});

test('cache: keys expire when they are asked for, and when they are not', async () => {
  const cache = await startCache();
  const client = await cache.open();
  const batch = [
    ['SET', 'k', 'v', 'PX', '40'],
    ['PTTL', 'k'],
  ];
  // In one batch little time passes between them.
  expect(Number((await client.askAll(batch))[1])).toBeGreaterThan(0);
  await waitFor(async () => (await client.ask('GET', 'k')) === null);
  expect(await client.ask('TTL', 'k')).toBe(-2);
  await client.askAll(
    Array.from({ length: 3000 }, (_, index) => ['SET', `k:${index}`, 'v', 'PX', '50']),
  );
  await client.ask('SET', 'stays', 'v', 'EX', '1000');
  // Nobody asks for them.
  await waitFor(async () => (await client.ask('DBSIZE')) === 1);
  expect(await cache.info('expired_keys')).toBe('3001');
  expect(await client.ask('EXPIRE', 'stays', '-1')).toBe(1);
  expect(await client.ask('DBSIZE')).toBe(0);
});

/** Values of all sizes, and collections, far more than there is room for. */
async function fill(client: RespClient, count: number, random: () => number): Promise<void> {
  for (let done = 0; done < count; done += 100) {
    const batch = Array.from({ length: 100 }, (_, index) => {
      const key = `k:${done + index}`;
      const text = 'v'.repeat(Math.floor(2 ** (random() * 15)));
      if (random() < 0.2) return ['RPUSH', `list:${Math.floor(random() * 50)}`, text];
      if (random() < 0.1) return ['HSET', `hash:${done}`, key, text, 'x', 'y'];
      return random() < 0.01 ? ['SET', key, 'w'.repeat(300_000)] : ['SET', key, text];
    });
    const answers = await client.askAll([...batch, ['GET', 'hot']]);
    expect(answers.filter((answer) => answer instanceof Refused)).toEqual([]);
  }
}

for (const policy of ['allkeys-lru', 'allkeys-lfu'] as const) {
  test(`cache: the bound of memory is held by ${policy}`, async () => {
    const cache = await startCache('--memory', '16mb', '--policy', policy);
    const client = await cache.open();
    await client.ask('SET', 'hot', 'h');
    const random = randomOf(3);
    for (let round = 0; round < 4; round++) {
      await fill(client, 2000, random);
      expect(Number(await cache.info('used_memory'))).toBeLessThanOrEqual(16 * 2 ** 20);
    }
    expect(Number(await cache.info('evicted_keys'))).toBeGreaterThan(1000);
    // It still holds a good part of what it may.
    expect(Number(await cache.info('used_memory'))).toBeGreaterThan(10 * 2 ** 20);
    // What is used all the time stays.
    expect(await client.ask('GET', 'hot')).toBe('h');
    expect(Number(await cache.info('used_memory_rss'))).toBeLessThan(200 * 2 ** 20);
  });
}

test('cache: only what expires goes by volatile-ttl, and nothing by noeviction', async () => {
  const volatile = await startCache('--memory', '8mb', '--policy', 'volatile-ttl');
  const client = await volatile.open();
  await client.ask('SET', 'for good', 'x');
  const value = 'v'.repeat(1000);
  const expiring = Array.from({ length: 9000 }, (_, index) => [
    ...['SET', `k:${index}`, value, 'EX', String(100_000 - index)],
  ]);
  const answers = await client.askAll(expiring);
  expect(answers.every((answer) => answer === 'OK')).toBe(true);
  expect(await client.ask('GET', 'for good')).toBe('x');
  // Those that would have lived longest are here.
  expect(await client.ask('EXISTS', 'k:0', 'k:1', 'k:2')).toBeGreaterThan(1);

  const full = await startCache('--memory', '8mb', '--policy', 'noeviction');
  const writer = await full.open();
  const last = (await writer.askAll(expiring)).at(-1);
  expect(last).toEqual(new Refused("OOM command not allowed when used memory > 'maxmemory'."));
  expect(await writer.ask('GET', 'k:0')).toBe(value);
  expect(await writer.ask('DEL', 'k:0', 'k:1')).toBe(2);
  expect(await writer.ask('SET', 'k:0', value)).toBe('OK');
});

test('cache: what is no request ends its connection and costs nothing', async () => {
  const cache = await startCache('--request-timeout-ms', '300');
  const client = await cache.open();
  await client.ask('SET', 'k', 'v');
  const said = async (bytes: string): Promise<unknown> => {
    using rude = await RespClient.open({ port: cache.port, host: '127.0.0.1' });
    rude.write(bytes);
    const [answer] = await rude.read(1);
    return answer instanceof Refused ? answer.message : answer;
  };
  const error = 'ERR Protocol error: ';
  expect(await said('*1000000000\r\n')).toBe(`${error}invalid multibulk length`);
  expect(await said('*1\r\n$99999999999999\r\n')).toBe(`${error}invalid bulk length`);
  expect(await said('*1\r\n$-5\r\n')).toBe(`${error}invalid bulk length`);
  expect(await said('*1\r\n:1\r\n')).toBe(`${error}expected '$', got ':'`);
  expect(await said('*1\r\n$4\r\nPINGxx')).toBe(`${error}invalid bulk length`);
  expect(await said('set a "b\r\n')).toBe(`${error}unbalanced quotes in request`);
  expect(await said('x'.repeat(70_000))).toBe(`${error}too big inline request`);
  expect(await said('*0\r\n\r\n*-1\r\nPING "a\\x41"\r\n')).toBe('aA');
  // Those who never finish are let go, however much they have announced.
  const begun = [
    '*2\r\n$3\r\nGET\r\n',
    '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$60000000\r\nxxxx',
    '*1',
    'PI',
  ];
  const slow = await Promise.all(begun.map(() => cache.open()));
  slow.forEach((each, index) => void each.write(begun[index] as string));
  await waitFor(() => slow.every(({ ended }) => ended));
  expect(await cache.info('used_memory_input')).toBe('0');
  // In pieces of one byte it is a request all the same.
  for (const letter of encoded(['GET', 'k'])) {
    client.write(letter);
    await new Promise(setImmediate);
  }
  expect(await client.read(1)).toEqual(['v']);
});

test('cache: noise of all kinds neither stops it nor makes it grow', async () => {
  const cache = await startCache('--memory', '16mb', '--request-timeout-ms', '500');
  const client = await cache.open();
  await client.ask('SET', 'k', 'v');
  const random = randomOf(SEED + 11);
  const below = (count: number): number => Math.floor(random() * count);
  const commands = new Commands(SEED + 12);
  const noise = (): string => {
    const requests = Array.from({ length: 5 }, () => encoded(commands.next())).join('');
    const letters = requests.slice(0, below(requests.length)).split('');
    for (let change = below(4); change > 0; change--) {
      letters[below(letters.length)] = String.fromCharCode(below(256));
    }
    const bytes = Array.from({ length: below(300) }, () => String.fromCharCode(below(256)));
    return random() < 0.2 ? bytes.join('') : letters.join('');
  };
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const rude = await RespClient.open({ port: cache.port, host: '127.0.0.1' });
        rude.write(noise());
        if (random() < 0.5) rude.socket.end();
        else setTimeout(() => rude.socket.resetAndDestroy(), below(20));
        await waitFor(() => rude.ended);
      }),
    );
  }
  await waitFor(async () => (await cache.info('connected_clients')) === '2');
  expect(await cache.info('used_memory_input')).toBe('0');
  expect(await client.ask('PING')).toBe('PONG');
  await client.ask('FLUSHALL');
  expect(await cache.info('used_memory_heap')).toBe('0');
  cache.child.kill('SIGTERM');
  expect(await cache.ended).toMatchObject({ code: 0, stderr: '' });
});

test('cache: who does not read costs no more than the limits', async () => {
  const cache = await startCache('--max-output', '1mb');
  const client = await cache.open();
  await client.ask('SET', 'big', 'v'.repeat(500_000));
  const lazy = await cache.open();
  lazy.socket.pause();
  lazy.write(encoded(['GET', 'big']).repeat(100));
  lazy.write(encoded(['PING']));
  await new Promise((resolve) => setTimeout(resolve, 300));
  // 50 MB would wait if all had been answered at once.
  const waiting = [...String(await client.ask('CLIENT', 'LIST')).matchAll(/ omem=(\d+)/g)];
  expect(Math.max(...waiting.map(([, bytes]) => Number(bytes)))).toBeLessThan(3_000_000);
  lazy.socket.resume();
  const answers = await lazy.read(101);
  expect(answers.filter((answer) => String(answer).length === 500_000)).toHaveLength(100);
  expect(answers.at(-1)).toBe('PONG');

  const deaf = await cache.open();
  await deaf.ask('SUBSCRIBE', 'c');
  deaf.socket.pause();
  const text = 'm'.repeat(100_000);
  let told = 1;
  for (let sent = 0; told > 0 && sent < 1000; sent++) {
    told = Number(await client.ask('PUBLISH', 'c', text));
  }
  expect(told).toBe(0);
}, 60_000);

const withTwo = test.skipIf(availableParallelism() < 2);

withTwo('cache: several workers are a cluster, of which a client finds each key', async () => {
  const cache = await startCache('--workers', '2', '--memory', '32mb');
  const [first = 0, second = 0] = cache.ports;
  const cluster = new Cluster([{ host: '127.0.0.1', port: second }]);
  onTestFinished(() => cluster.disconnect());
  const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`);
  await Promise.all(keys.map((key) => cluster.set(key, `of ${key}`)));
  expect(await Promise.all(keys.map((key) => cluster.get(key)))).toEqual(
    keys.map((key) => `of ${key}`),
  );
  await cluster.mset('{a}1', 'x', '{a}2', 'y');
  expect(await cluster.mget('{a}1', '{a}2')).toEqual(['x', 'y']);
  const [one, two] = [await cache.open(first), await cache.open(second)];
  const sizes = [await one.ask('DBSIZE'), await two.ask('DBSIZE')].map(Number);
  expect(Math.min(...sizes)).toBeGreaterThan(100);
  expect((sizes[0] ?? 0) + (sizes[1] ?? 0)).toBe(302);
  // As in the specification: slot 12182 of 'foo', slot 12739 of '123456789'.
  expect(await one.ask('CLUSTER', 'KEYSLOT', 'foo')).toBe(12_182);
  expect(await one.ask('CLUSTER', 'KEYSLOT', 'x{123456789}y')).toBe(12_739);
  expect(await one.ask('GET', 'foo')).toEqual(new Refused(`MOVED 12182 127.0.0.1:${second}`));
  const crossing = new Refused("CROSSSLOT Keys in request don't hash to the same slot");
  expect(await two.ask('MGET', 'foo', 'bar')).toEqual(crossing);
  expect(await two.ask('ZUNION', '2', 'foo', 'bar')).toEqual(crossing);
  expect(await two.askAll([['MULTI'], ['SET', 'foo', '1'], ['GET', 'foo'], ['EXEC']])).toEqual([
    ...['OK', 'QUEUED', 'QUEUED', ['OK', '1']],
  ]);
  // What is published in one is heard in the other.
  await two.ask('SUBSCRIBE', 'news');
  await waitFor(async () => {
    await one.ask('PUBLISH', 'news', 'text');
    return two.unread.length > 0;
  });
  expect(two.unread[0]).toEqual(['message', 'news', 'text']);
  cluster.disconnect();
  cache.child.kill('SIGTERM');
  expect(await cache.ended).toMatchObject({ code: 0, stderr: '' });
});

test('cache: what it cannot work with it says', async () => {
  const cases: [string[], string][] = [
    [['--memory', '1mb'], '--memory must be a size from 8mb to'],
    [['--memory', 'much'], '--memory'],
    [['--policy', 'oldest'], '--policy must be one of noeviction'],
    [['--max-clients', '0'], '--max-clients'],
    [['--workers', '8', '--memory', '32mb'], '--memory must be a size from 64mb'],
    [['--host', 'nowhere'], 'must be a numeric IPv4 or IPv6 address'],
    [['--nonsense'], '--nonsense'],
  ];
  const all = cases.map(async ([words, said]) => {
    const { ended } = await startCache(...words);
    expect(await ended).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });
  await Promise.all(all);
});
