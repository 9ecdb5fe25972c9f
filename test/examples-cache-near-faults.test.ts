/** The cache among the examples, in front of servers that die, move, or say what is no answer. */
import { expect, test } from 'vitest';
import { hasRedis, startCache, waitFor } from './support/cache.js';
import { randomOf } from './support/cache-commands.js';
import { startRedisAt, startRedisCluster } from './support/redis.js';
import { Refused, type RespClient } from './support/resp.js';
import { startRude } from './support/rude-upstream.js';

const withRedis = test.skipIf(!hasRedis);
const ROUNDS = Number(process.env.NEARMETAL_CACHE_ROUNDS ?? 300);

const isDown = (answer: unknown): boolean =>
  answer instanceof Refused && answer.message.startsWith('UPSTREAMDOWN');

withRedis(
  'near cache: a server that is killed is found again, and nothing old is told',
  async () => {
    const redis = await startRedisAt();
    const near = await startCache('--upstream', redis.address);
    const client = await near.open();
    for (let round = 0; round < 3; round++) {
      await waitFor(async () => (await client.ask('SET', 'k', `of ${round}`)) === 'OK');
      expect(
        await client.askAll([
          ['GET', 'k'],
          ['GET', 'k'],
        ]),
      ).toEqual([...[`of ${round}`, `of ${round}`]]);
      await redis.kill();
      await waitFor(async () => isDown(await client.ask('GET', 'k')));
      // It answers itself all the same.
      expect(await client.ask('PING')).toBe('PONG');
      expect(isDown(await client.ask('SET', 'k', 'x'))).toBe(true);
      await redis.start();
      const direct = await redis.open();
      await direct.ask('SET', 'other', String(round));
      // It has no memory of before.
      await waitFor(async () => !isDown(await client.ask('GET', 'other')));
      expect(await client.ask('GET', 'k')).toBeNull();
      expect(await client.ask('GET', 'other')).toBe(String(round));
    }
    near.child.kill('SIGTERM');
    expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
  },
);

withRedis(
  'near cache: what is under way when the server dies is answered by an error',
  async () => {
    const redis = await startRedisAt();
    const near = await startCache('--upstream', redis.address);
    const [client, direct] = [await near.open(), await redis.open()];
    await client.ask('SET', 'k', 'v');
    await direct.ask('CLIENT', 'PAUSE', '60000', 'ALL');
    const answers = client.askAll(Array.from({ length: 50 }, () => ['GET', 'none']));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await redis.kill();
    expect((await answers).every(isDown)).toBe(true);
  },
);

withRedis('near cache: who loses only the connection that tracks forgets all', async () => {
  const redis = await startRedisAt();
  const near = await startCache('--upstream', redis.address);
  const [client, direct] = [await near.open(), await redis.open()];
  await direct.ask('SET', 'k', 'old');
  await client.askAll([
    ['GET', 'k'],
    ['GET', 'k'],
  ]);
  // What clients of RESP2 read is told of on the connection of RESP3.
  for (const which of [/ redir=-1 resp=3/, / redir=[1-9]\d* resp=2/, / redir=[1-9]\d* resp=3/]) {
    const lines = String(await direct.ask('CLIENT', 'LIST')).split('\n');
    const found = lines.filter((line) => which.test(line));
    expect(found).toHaveLength(1);
    const id = /^id=(\d+)/.exec(found[0] ?? '')?.[1] ?? '';
    await direct.askAll([
      ['CLIENT', 'KILL', 'ID', id],
      ['SET', 'k', `after ${id}`],
    ]);
    await waitFor(async () => (await client.ask('GET', 'k')) === `after ${id}`);
  }
});

/** Writers and readers everywhere: what is read is what the model has, or soon is. */
async function play(
  seed: number,
  nears: readonly RespClient[],
  writers: readonly RespClient[],
  keyOf: (index: number) => string,
): Promise<void> {
  const random = randomOf(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const model = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    const ask = nears[below(nears.length)] as RespClient;
    const commands: string[][] = [];
    const expected: unknown[] = [];
    const written = new Set<string>();
    for (let count = 1 + below(20); count > 0; count--) {
      const key = keyOf(below(40));
      const value = `${round}.${count}`;
      const kind = below(6);
      if (kind < 2) {
        commands.push(kind === 0 ? ['SET', key, value] : ['DEL', key]);
        expected.push(kind === 0 ? 'OK' : model.has(key) ? 1 : 0);
        if (kind === 0) model.set(key, value);
        else model.delete(key);
        written.add(key);
      } else {
        const which = ['GET', 'MGET', 'STRLEN'][below(3)] as string;
        commands.push([which, key]);
        const had = model.get(key);
        const plain = which === 'STRLEN' ? (had?.length ?? 0) : (had ?? null);
        // What another one has written may not be known here yet: looked at below.
        expected.push(written.has(key) ? (which === 'MGET' ? [plain] : plain) : undefined);
      }
    }
    const answers = await ask.askAll(commands);
    answers.forEach((answer, index) => {
      const wanted = expected[index];
      const where = `seed ${seed}, round ${round}: ${commands[index]?.join(' ')}`;
      if (wanted !== undefined) expect(answer, where).toEqual(wanted);
    });
    const direct = writers[below(writers.length)];
    if (direct !== undefined && below(3) === 0) {
      const key = keyOf(below(40));
      await direct.ask('SET', key, `direct ${round}`);
      model.set(key, `direct ${round}`);
    }
    if (round % 10 > 0) continue;
    // Soon everybody knows.
    const keys = Array.from({ length: 40 }, (_, index) => keyOf(index));
    const all = keys.map((key) => model.get(key) ?? null);
    for (const each of nears) {
      await waitFor(async () => {
        const found = await each.askAll(keys.map((key) => ['GET', key]));
        return JSON.stringify(found) === JSON.stringify(all);
      });
    }
  }
}

withRedis(
  'near cache: two of them and direct writers agree with a model',
  async () => {
    const redis = await startRedisAt();
    const [one, two] = [
      await startCache('--upstream', redis.address),
      await startCache('--upstream', redis.address, '--memory', '8mb'),
    ];
    const nears = [await one.open(), await one.open(), await two.open(), await two.open()];
    await nears[1]?.ask('HELLO', '3');
    await nears[3]?.ask('HELLO', '3');
    await play(7, nears, [await redis.open()], (index) => `key:${index}`);
    expect(
      Number(/near_hits:(\d+)/.exec(String(await nears[0]?.ask('INFO', 'near')))?.[1]),
    ).toBeGreaterThan(50);
  },
  600_000,
);

withRedis(
  'near cache: a cluster is followed, also while a slot moves',
  async () => {
    const servers = await startRedisCluster(3);
    const near = await startCache('--upstream', servers[1]?.address ?? '');
    const other = await startCache('--upstream', servers.map(({ address }) => address).join(','));
    const clients = [await near.open(), await near.open(), await other.open()];
    await clients[1]?.ask('HELLO', '3');
    const [client] = clients as [RespClient];
    const keys = Array.from({ length: 500 }, (_, index) => `key:${index}`);
    expect(await client.askAll(keys.map((key) => ['SET', key, key]))).toEqual(keys.map(() => 'OK'));
    for (let round = 0; round < 2; round++) {
      expect(await client.askAll(keys.map((key) => ['GET', key]))).toEqual(keys);
    }
    const [crossing] = await client.askAll([['MGET', 'a', 'b', 'c']]);
    expect(crossing).toEqual(new Refused("CROSSSLOT Keys in request don't hash to the same slot"));
    expect(await client.ask('DBSIZE')).toBeInstanceOf(Refused);
    await play(8, clients, [], (index) => `{${index % 7}}${index}`);

    // Slot 12182 of 'foo' goes to and fro while it is read and written.
    let moving = true;
    let written = 0;
    const traffic = (async () => {
      while (moving) {
        const value = String(++written);
        const batch = [
          ['SET', 'foo', value],
          ['GET', 'foo'],
          ['SET', '{foo}x', value],
          ['GET', '{foo}x'],
        ];
        expect(await client.askAll(batch)).toEqual(['OK', value, 'OK', value]);
        await clients[2]?.askAll([
          ['GET', 'foo'],
          ['GET', '{foo}never'],
        ]);
      }
    })();
    const direct = await Promise.all(servers.map((server) => server.open()));
    const ids = await Promise.all(
      direct.map(async (each) => String(await each.ask('CLUSTER', 'MYID'))),
    );
    let from = 2;
    for (const to of [0, 1, 2]) {
      const slot = ['CLUSTER', 'SETSLOT', '12182'];
      const [source, target] = [direct[from] as RespClient, direct[to] as RespClient];
      const [sourceId, targetId] = [ids[from] as string, ids[to] as string];
      await target.ask(...slot, 'IMPORTING', sourceId);
      await source.ask(...slot, 'MIGRATING', targetId);
      for (;;) {
        const found = await source.ask('CLUSTER', 'GETKEYSINSLOT', '12182', '10');
        if (!Array.isArray(found) || found.length === 0) break;
        const port = String(servers[to]?.port);
        await source.ask(
          'MIGRATE',
          '127.0.0.1',
          port,
          '',
          '0',
          '1000',
          'KEYS',
          ...found.map(String),
        );
      }
      const seen = written;
      await waitFor(() => written > seen + 5);
      await target.ask(...slot, 'NODE', targetId);
      for (const each of direct) await each.ask(...slot, 'NODE', targetId);
      from = to;
      const after = written;
      await waitFor(() => written > after + 5);
    }
    moving = false;
    await traffic;
    await direct[2]?.ask('SET', '{foo}never', 'now');
    await waitFor(async () => (await clients[2]?.ask('GET', '{foo}never')) === 'now');
    await waitFor(async () => (await clients[2]?.ask('GET', 'foo')) === String(written));
  },
  600_000,
);

test('near cache: an upstream that talks nonsense costs its connection', async () => {
  const nonsense = [
    ...['hello\r\n', '$99999999999999\r\n', '*-7\r\n', '\r\n'],
    ...[
      '*1000000000\r\n',
      '%x\r\n',
      '$5\r\nab',
      '>2\r\n$10\r\ninvalidate\r\n:1\r\n',
      '\0'.repeat(70_000),
    ],
    `${'*1\r\n'.repeat(100_000)}`,
  ];
  let text: string | undefined;
  const rude = await startRude((name, socket) => {
    if (name !== 'GET') return undefined;
    if (text === undefined) return '$2\r\nok\r\n';
    socket.end(text, 'latin1');
    return '';
  });
  const near = await startCache('--upstream', rude.address);
  const client = await near.open();
  for (const [index, each] of nonsense.entries()) {
    const key = `key:${index}`;
    text = each;
    expect(isDown(await client.ask('GET', key)), JSON.stringify(each.slice(0, 20))).toBe(true);
    text = undefined;
    await waitFor(async () => (await client.ask('GET', key)) === 'ok');
  }
  near.child.kill('SIGTERM');
  expect(await near.ended).toMatchObject({ code: 0, stderr: '' });
}, 120_000);

test('near cache: an upstream that does not answer, or not to the end, is given up', async () => {
  for (const part of ['', '$10\r\nab']) {
    const rude = await startRude((name) => (name === 'GET' ? part : undefined));
    const near = await startCache('--upstream', rude.address, '--upstream-timeout-ms', '200');
    const client = await near.open();
    expect(isDown(await client.ask('GET', 'k'))).toBe(true);
  }
});

test('near cache: what it cannot work with it says', async () => {
  const cases: [string[], string][] = [
    [['--upstream', 'nowhere'], '--upstream must be HOST:PORT'],
    [['--upstream', 'a:1,b:99999'], '--upstream must be HOST:PORT'],
    [['--upstream', 'a:1', '--policy', 'noeviction'], '--policy must be one of allkeys-'],
    [['--upstream', 'a:1', '--upstream-user', 'me'], 'UPSTREAM_PASSWORD'],
    [['--upstream', 'a:1', '--upstream-timeout-ms', '0'], '--upstream-timeout-ms'],
  ];
  for (const [words, said] of cases) {
    const { ended } = await startCache(...words);
    expect(await ended).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  }
});
