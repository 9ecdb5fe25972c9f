/** The cache among the examples, in front of a redis-server: passwords, workers, and limits. */
import { availableParallelism } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { hasRedis, startCache, waitFor } from './support/cache.js';
import { startRedisAt } from './support/redis.js';
import { encoded, Refused } from './support/resp.js';

const withRedis = test.skipIf(!hasRedis);
const withTwo = test.skipIf(!hasRedis || availableParallelism() < 2);

withRedis('near cache: a server with a password is asked with it', async () => {
  const redis = await startRedisAt();
  const direct = await redis.open();
  await direct.ask('ACL', 'SETUSER', 'near', 'on', '>secret', '~*', '&*', '+@all');
  await direct.ask('CONFIG', 'SET', 'requirepass', 'other');
  const stranger = await (await startCache('--upstream', redis.address)).open();
  expect(await stranger.ask('GET', 'k')).toMatchObject({
    message: expect.stringMatching(/^UPSTREAMDOWN .*NOAUTH/),
  });
  onTestFinished(() => void delete process.env.UPSTREAM_PASSWORD);
  for (const [user, password] of [
    ['near', 'secret'],
    ['default', 'other'],
  ]) {
    process.env.UPSTREAM_PASSWORD = password;
    const near = await startCache('--upstream', redis.address, '--upstream-user', user as string);
    const client = await near.open();
    expect(await client.ask('SET', 'k', user as string)).toBe('OK');
    expect(await client.askAll([['GET', 'k'], ['MULTI'], ['GET', 'k'], ['EXEC']])).toEqual([
      ...[user, 'OK', 'QUEUED', [user]],
    ]);
  }
});

withTwo('near cache: workers share a port', async () => {
  const redis = await startRedisAt();
  const near = await startCache('--upstream', redis.address, '--workers', '2', '--memory', '32mb');
  expect(near.ports).toHaveLength(1);
  const clients = await Promise.all(Array.from({ length: 12 }, () => near.open()));
  for (let round = 0; round < 20; round++) {
    const writer = clients[round % clients.length];
    const batch = [
      ['SET', 'k', String(round)],
      ['GET', 'k'],
    ];
    expect(await writer?.askAll(batch)).toEqual(['OK', String(round)]);
    for (const each of clients) {
      await waitFor(async () => (await each.ask('GET', 'k')) === String(round));
    }
  }
  near.child.kill('SIGTERM');
  expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
});

withRedis('near cache: a larger answer than the limit costs nobody the connection', async () => {
  const redis = await startRedisAt();
  const direct = await redis.open();
  await direct.ask('SET', 'big', 'v'.repeat(3_000_000));
  await direct.ask('RPUSH', 'list', ...Array.from({ length: 50_000 }, () => 'element'));
  const near = await startCache('--upstream', redis.address, '--max-request', '1mb');
  for (const protocol of ['2', '3']) {
    const client = await near.open();
    await client.ask('HELLO', protocol);
    const batch = [
      ['GET', 'big'],
      ['ECHO', 'a'],
      ['GET', 'none'],
      ['LLEN', 'list'],
      ['GET', 'big'],
    ];
    const tooLarge = new Refused('ERR the answer is larger than --max-request');
    expect(await client.askAll(batch)).toEqual([tooLarge, 'a', null, 50_000, tooLarge]);
    expect((await client.askAll([['LRANGE', 'list', '0', '-1']]))[0]).toHaveLength(50_000);
  }
});

withRedis(
  'near cache: who does not read costs no more than the limits',
  async () => {
    const redis = await startRedisAt();
    const near = await startCache('--upstream', redis.address, '--max-output', '1mb');
    const client = await near.open();
    await client.ask('SET', 'big', 'v'.repeat(200_000));
    const lazy = await near.open();
    lazy.socket.pause();
    lazy.write(encoded(['GETRANGE', 'big', '0', '-1']).repeat(500));
    // 100 MB would wait; nobody else does.
    await waitFor(async () => {
      expect(await client.ask('SET', 'k', 'v')).toBe('OK');
      return !String(await client.ask('CLIENT', 'LIST')).includes('id=2 ');
    });
    lazy.socket.resume();
    await waitFor(() => lazy.ended);
  },
  60_000,
);

withRedis(
  'near cache: memory is bounded, and what is used stays',
  async () => {
    const redis = await startRedisAt();
    const near = await startCache('--upstream', redis.address, '--memory', '8mb');
    const client = await near.open();
    const value = 'v'.repeat(2000);
    const keys = Array.from({ length: 12_000 }, (_, index) => `k:${index}`);
    for (let from = 0; from < keys.length; from += 1000) {
      const some = keys.slice(from, from + 1000);
      await client.askAll(some.map((key) => ['SET', key, value]));
      await client.askAll(some.map((key) => ['HSET', `h:${key}`, 'a', value]));
    }
    for (let from = 0; from < keys.length; from += 500) {
      const some = keys.slice(from, from + 500);
      const answers = await client.askAll([
        ...some.map((key) => ['GET', key]),
        ...some.map((key) => ['HGET', `h:${key}`, 'a']),
        ['GET', 'k:0'],
      ]);
      expect(answers.every((answer) => answer === value)).toBe(true);
    }
    const about = String(await client.ask('INFO', 'near'));
    expect(Number(/used_memory:(\d+)/.exec(about)?.[1])).toBeLessThanOrEqual(8 * 2 ** 20);
    expect(Number(/near_evicted:(\d+)/.exec(about)?.[1])).toBeGreaterThan(10_000);
  },
  60_000,
);
