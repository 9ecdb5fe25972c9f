/** The cache among the examples, in front of a redis-server: random commands, and noise. */
import { expect, test } from 'vitest';
import { hasRedis, startCache, waitFor } from './support/cache.js';
import { Commands, expectAlike, randomOf } from './support/cache-commands.js';
import { startRedisAt } from './support/redis.js';
import { encoded, RespClient } from './support/resp.js';

const withRedis = test.skipIf(!hasRedis);
const COMMANDS = Number(process.env.NEARMETAL_CACHE_COMMANDS ?? 10_000);
const SEED = Number(process.env.NEARMETAL_CACHE_SEED ?? 1);
const PER_BATCH = 50;
/** Commands that change nothing. */
const READS =
  /^(get|mget|strlen|exists|type|hget|hmget|hlen|hkeys|llen|lindex|lrange|scard|zcard|zscore)$/i;

withRedis(
  'near cache: random commands are answered as redis-server answers them',
  async () => {
    const [behind, beside] = [await startRedisAt(), await startRedisAt()];
    const near = await startCache('--upstream', behind.address);
    const clients = [await near.open(), await near.open()];
    const others = [await beside.open(), await beside.open()];
    for (const each of [clients[1], others[1]]) await each?.ask('HELLO', '3');
    const commands = new Commands(SEED + 20);
    for (let done = 0; done < COMMANDS; done += PER_BATCH) {
      const which = (done / PER_BATCH) % 2;
      const [client, other] = [clients[which] as RespClient, others[which] as RespClient];
      const batch = Array.from({ length: PER_BATCH }, () => commands.next());
      // What was read is read again, without a write before it and from memory.
      const reads = batch.filter(([name]) => READS.test(name as string));
      for (const each of [client, other]) await each.askAll(reads);
      batch.unshift(...reads);
      const [ours, theirs] = await Promise.all([client.askAll(batch), other.askAll(batch)]);
      expectAlike(batch, ours, theirs, `seed ${SEED}, from command ${done}`);
    }
    const text = String(await clients[0]?.ask('INFO', 'near'));
    expect(Number(/near_hits:(\d+)/.exec(text)?.[1])).toBeGreaterThan(COMMANDS / 100);
    near.child.kill('SIGTERM');
    expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
  },
  3_600_000,
);

withRedis(
  'near cache: noise of all kinds does not mix up the answers of others',
  async () => {
    const redis = await startRedisAt();
    const near = await startCache('--upstream', redis.address, '--request-timeout-ms', '500');
    const client = await near.open();
    const random = randomOf(SEED + 21);
    const below = (count: number): number => Math.floor(random() * count);
    const commands = new Commands(SEED + 22);
    const states = [
      ['MULTI'],
      ['WATCH', 'k'],
      ['SUBSCRIBE', 'c'],
      ['BLPOP', 'none', '0'],
      ['EXEC'],
    ];
    const noise = (): string => {
      const requests = Array.from({ length: 8 }, () =>
        encoded(random() < 0.2 ? (states[below(states.length)] as string[]) : commands.next()),
      ).join('');
      const letters = requests.slice(0, below(requests.length)).split('');
      for (let change = below(3); change > 0; change--) {
        letters[below(letters.length)] = String.fromCharCode(below(256));
      }
      return letters.join('');
    };
    let asked = 0;
    let noisy = true;
    const asks = (async () => {
      while (noisy) {
        const batch = Array.from({ length: 20 }, () => [
          ...['EVAL', 'return ARGV[1]', '0', String(asked++)],
        ]);
        expect(await client.askAll(batch)).toEqual(batch.map(([, , , text]) => text));
      }
    })();
    for (let round = 0; round < 15; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const rude = await RespClient.open({ port: near.port, host: '127.0.0.1' });
          if (random() < 0.5) rude.write(encoded(['HELLO', '3']));
          rude.write(noise());
          if (random() < 0.5) rude.socket.end();
          setTimeout(() => rude.socket.resetAndDestroy(), below(50));
          await waitFor(() => rude.ended);
        }),
      );
    }
    noisy = false;
    await asks;
    const about = async (): Promise<string> => String(await client.ask('INFO', 'near'));
    await waitFor(async () => (await about()).includes('clients:1\r\n'));
    // What it has begun to say itself may be kept.
    expect(Number(/used_memory_input:(\d+)/.exec(await about())?.[1])).toBeLessThan(16_384);
    // Nobody's connection of its own is left.
    await waitFor(async () => {
      const lines = String(await client.ask('INFO', 'clients'));
      return lines.includes('connected_clients:3\r\n');
    });
    near.child.kill('SIGTERM');
    expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
  },
  120_000,
);
