/** The cache among the examples, asked by node-redis over both protocols. */
import { createClient } from 'redis';
import { expect, onTestFinished, test } from 'vitest';
import { startCache, waitFor } from './support/cache.js';

async function clientOf(port: number, RESP: 2 | 3) {
  const client = createClient({ socket: { host: '127.0.0.1', port }, RESP, name: 'a-name' });
  client.on('error', () => undefined);
  onTestFinished(() => client.destroy());
  return await client.connect();
}

for (const protocol of [2, 3] as const) {
  test(`cache: node-redis finds what it expects over RESP${protocol}`, async () => {
    const cache = await startCache();
    const client = await clientOf(cache.port, protocol);
    expect(await client.ping()).toBe('PONG');
    expect(await client.clientGetName()).toBe('a-name');

    expect(await client.set('k', 'ü', { expiration: { type: 'EX', value: 100 } })).toBe('OK');
    expect(await client.set('k', 'w', { condition: 'NX' })).toBeNull();
    expect(await client.get('k')).toBe('ü');
    expect(await client.ttl('k')).toBeGreaterThan(0);
    expect(await client.incrBy('n', 41)).toBe(41);
    await client.mSet({ a: '1', b: '2' });
    expect(await client.mGet(['a', 'none', 'b'])).toEqual(['1', null, '2']);

    expect(await client.hSet('h', { one: '1', two: '2' })).toBe(2);
    expect({ ...(await client.hGetAll('h')) }).toEqual({ one: '1', two: '2' });
    expect(await client.hmGet('h', ['two', 'none'])).toEqual(['2', null]);
    expect(await client.rPush('l', ['x', 'y', 'z'])).toBe(3);
    expect(await client.lRange('l', 0, -1)).toEqual(['x', 'y', 'z']);
    expect(await client.lPopCount('none', 2)).toBeNull();
    expect(await client.sAdd('s', ['x', 'y'])).toBe(2);
    expect([...(await client.sMembers('s'))].sort()).toEqual(['x', 'y']);
    await client.zAdd('z', [
      { score: 1.5, value: 'x' },
      { score: Number.POSITIVE_INFINITY, value: 'y' },
    ]);
    expect(await client.zScore('z', 'x')).toBe(1.5);
    expect(await client.zRangeWithScores('z', 0, -1)).toEqual([
      { score: 1.5, value: 'x' },
      { score: Number.POSITIVE_INFINITY, value: 'y' },
    ]);
    expect(await client.zPopMin('z')).toEqual({ score: 1.5, value: 'x' });

    expect(await client.multi().incr('n').hGetAll('h').get('none').exec()).toEqual([
      ...[42, expect.objectContaining({ one: '1' }), null],
    ]);
    await expect(client.lLen('h')).rejects.toThrow('WRONGTYPE');
    // What is asked in one turn goes in one batch.
    const counts = Array.from({ length: 1000 }, () => client.incr('batch'));
    expect(await Promise.all(counts)).toEqual(counts.map((_, index) => index + 1));

    const keys = Array.from({ length: 500 }, (_, index) => `scan:${index}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    const found = new Set<string>();
    for await (const part of client.scanIterator({ MATCH: 'scan:*', COUNT: 50 })) {
      for (const key of part) found.add(key);
    }
    expect(found).toEqual(new Set(keys));
    const fields: string[] = [];
    for await (const part of client.hScanIterator('h')) {
      fields.push(...part.map(({ field, value }) => `${field}=${value}`));
    }
    expect(fields.sort()).toEqual(['one=1', 'two=2']);
    const names: string[] = [];
    for await (const part of client.sScanIterator('s')) names.push(...part);
    expect(names.sort()).toEqual(['x', 'y']);
  });

  test(`cache: node-redis listens over RESP${protocol}`, async () => {
    const cache = await startCache();
    const client = await clientOf(cache.port, protocol);
    const listener = await clientOf(cache.port, protocol);
    const heard: string[][] = [];
    await listener.subscribe('news', (...words) => void heard.push(words));
    await listener.pSubscribe('n*', (...words) => void heard.push(words));
    expect(await client.publish('news', 'one')).toBe(2);
    await waitFor(() => heard.length === 2);
    expect(heard).toEqual([
      ['one', 'news'],
      ['one', 'news'],
    ]);
    await listener.unsubscribe('news');
    await listener.pUnsubscribe('n*');
    expect(await client.publish('news', 'two')).toBe(0);
    // It asks again as any other.
    expect(await listener.get('none')).toBeNull();
  });
}
