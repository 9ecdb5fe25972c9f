/** The index among the examples: killed, damaged, asked nonsense, and what it says to that. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { IndexOptions } from '../examples/index/options.js';
import { type OrderedIndex, open } from '../examples/index/ordered-index.js';
import { runIndex, serveIndex } from './support/index-program.js';
import { saidUntilKilled } from './support/process.js';
import { folder, pattern } from './support/ring.js';

const killed = fileURLToPath(new URL('../.dev/test/fixtures/index-killed.js', import.meta.url));
/** For a long night: NEARMETAL_INDEX_KILLS=1000. */
const KILLS = Number(process.env.NEARMETAL_INDEX_KILLS ?? 12);
const LONGEST_MS = 300;

async function openIndex(options: Partial<IndexOptions> = {}): Promise<OrderedIndex> {
  const small = { memory: 16 * 2 ** 20, pageSize: '4KiB' } as const;
  const index = await open({ directory: folder(), ...small, ...options });
  onTestFinished(() => index.close());
  return index;
}

const textsOf = (index: OrderedIndex): [string, string][] =>
  [...index.range()].map(({ key, value }) => [key.toString(), value.toString()]);

test('index: what is put is got, in order, and is there after close', async () => {
  const directory = folder();
  const index = await openIndex({ directory });
  await Promise.all(['b', 'a', 'd', 'c'].map((key) => index.put(key, `${key} value`)));
  await index.put('b', 'another');
  expect([await index.delete('c'), await index.delete('c'), index.count]).toEqual([true, false, 3]);
  expect([index.get('a')?.toString(), index.get('c'), index.has('d')]).toEqual([
    'a value',
    undefined,
    true,
  ]);
  const all = [
    ['a', 'a value'],
    ['b', 'another'],
    ['d', 'd value'],
  ];
  expect(textsOf(index)).toEqual(all);
  const keys = (entries: Iterable<{ key: Buffer }>) => [...entries].map(({ key }) => String(key));
  expect(keys(index.range({ from: 'b' }))).toEqual(['b', 'd']);
  expect(keys(index.range({ after: 'b' }))).toEqual(['d']);
  expect(keys(index.range({ to: 'b' }))).toEqual(['a']);
  expect(keys(index.range({ limit: 2, reverse: true }))).toEqual(['d', 'b']);
  await index.close();
  expect(() => index.get('a')).toThrow('has been closed');
  await expect(index.put('a', 'x')).rejects.toThrow('has been closed');
  const again = await openIndex({ directory });
  expect(textsOf(again)).toEqual(all);
  expect(again.recovered).toMatchObject({ entries: 0, cutBytes: 0 });
  await again.checkpoint();
  await again.put('e', Buffer.alloc(65_536, 'e'));
  await again.close();
  const last = await openIndex({ directory });
  expect(last.recovered).toMatchObject({ entries: 3, replayed: 1 });
  expect(last.get('e')).toHaveLength(65_536);
});

test('index: prefixes, and a range that is read while it changes', async () => {
  const index = await openIndex();
  const keys = Array.from({ length: 2000 }, (_, at) => `user:${String(at).padStart(5, '0')}`);
  await Promise.all([...keys, 'user', 'usev', 'v'].map((key) => index.put(key, key)));
  expect([...index.prefix('user:')]).toHaveLength(2000);
  expect([...index.prefix('user:0000')].map(({ key }) => String(key))).toEqual(keys.slice(0, 10));
  expect([...index.prefix('user:', { limit: 1, reverse: true })][0]?.key.toString()).toBe(
    keys.at(-1),
  );
  await index.put(Buffer.from([255, 255]), 'high');
  await index.put(Buffer.from([255, 255, 0]), 'higher');
  expect([...index.prefix(Buffer.from([255, 255]))].map(({ value }) => String(value))).toEqual([
    'high',
    'higher',
  ]);
  const seen = new Set<string>();
  for (const { key } of index.range({ from: 'user:' })) {
    seen.add(String(key));
    void index.delete(key);
    void index.put(`aaa ${key}`, 'before what is left');
  }
  expect(seen.size).toBe(2004);
  let sum = 0;
  index.scan({ from: 'aaa' }, (_bytes, key, _value, end) => {
    sum += end - key;
  });
  expect(sum).toBeGreaterThan(2000 * 20);
  expect(() => index.scan({}, () => void index.put('a', 'b'))).toThrow('collect first');
});

test('index: a bulk load is all there or not at all', async () => {
  const directory = folder();
  const index = await openIndex({ directory, memory: 64 * 2 ** 20 });
  function* entries(count: number, wrong = -1) {
    for (let at = 0; at < count; at++) {
      yield { key: `k${String(at === wrong ? 0 : at).padStart(6, '0')}`, value: `value ${at}` };
    }
  }
  await expect(index.bulkLoad(entries(5000, 3000))).rejects.toThrow('behind the key before it');
  expect([index.count, textsOf(index)]).toEqual([0, []]);
  const loading = index.bulkLoad(entries(50_000));
  await expect(index.put('k', 'v')).rejects.toThrow('is being loaded');
  expect(await loading).toBe(50_000);
  await index.put('k000000x', 'later');
  await expect(index.bulkLoad([])).rejects.toThrow('only an empty one');
  expect(await index.delete('k000001')).toBe(true);
  await index.close();
  const again = await openIndex({ directory, memory: 64 * 2 ** 20 });
  expect(again.recovered).toMatchObject({ entries: 50_000, replayed: 2 });
  expect([...again.range({ limit: 3 })].map(({ key }) => String(key))).toEqual([
    'k000000',
    'k000000x',
    'k000002',
  ]);
  expect(again.count).toBe(50_000);
});

test('index: memory that is full refuses puts, and the log does not have them', async () => {
  const directory = folder();
  const index = await openIndex({ directory });
  const value = Buffer.alloc(60_000);
  const put = [...Array(300).keys()].map((at) => index.put(`key ${at}`, value));
  const settled = await Promise.allSettled(put);
  const failed = settled.filter(({ status }) => status === 'rejected');
  expect(failed.length).toBeGreaterThan(50);
  expect(failed[0]).toMatchObject({ reason: { code: 'ERR_INDEX_FULL' } });
  const { count } = index;
  expect(count).toBe(300 - failed.length);
  // Pages come back when all of their blocks do.
  for (let at = 0; at < 20; at++) expect(await index.delete(`key ${at}`)).toBe(true);
  for (let at = 0; at < 10; at++) await index.put(`key ${at}`, value);
  await index.close();
  expect((await openIndex({ directory })).count).toBe(count - 10);
});

test('index: one at a time has it, and what it is told wrong is refused', async () => {
  const directory = folder();
  await openIndex({ directory });
  expect(await refusalOf(directory)).toMatch('is open already');
  await expect(async () => open({ directory: '' })).rejects.toThrow('directory must be a path');
  await expect(async () => open({ directory, memory: 5 })).rejects.toThrow(
    'memory must be a whole',
  );
  const pages = { directory, pageSize: '3MiB' as '2MiB' };
  await expect(async () => open(pages)).rejects.toThrow("pageSize must be '2MiB' or '4KiB'");
  await expect(async () => open({ directory, page: 1 } as IndexOptions)).rejects.toThrow("'page'");
  const index = await openIndex();
  expect(() => index.put('k', Buffer.alloc(65_537))).toThrow('at most 65536 bytes');
  expect(() => index.put('', 'v')).toThrow('1 to 1024 bytes');
  expect(() => index.range({ limit: -1 })).toThrow('limit must be');
  await index.put('k', 'v');
});

/** What is durable by what was said, and what may be: the last change of each key. */
interface Expected {
  readonly sure: Map<string, number>;
  readonly maybe: Map<string, number>;
}

/** Runs the program until `ms` after it has begun, and reads what it said. */
async function runAndKill(directory: string, seed: number, ms: number, last: Expected['sure']) {
  const words = ['--enable-source-maps', killed, directory, String(seed)];
  const [first = '', ...lines] = await saidUntilKilled(words, ms);
  const expected: Expected = { sure: new Map(last), maybe: new Map() };
  // A change is a number; one that removes is below 0.
  for (const line of lines) {
    const [, what, number, key = ''] = /^(\w+) (\d+) (.*)$/.exec(line) ?? [];
    if (what === 'done') expected.sure.set(key, expected.maybe.get(key) as number);
    if (what === 'done') expected.maybe.delete(key);
    else expected.maybe.set(key, what === 'put' ? Number(number) : -1);
  }
  return { expected, count: Number(/^open (\d+)/.exec(first)?.[1]), changes: lines.length };
}

test('index: killed again and again, it has what it said and nothing torn', async () => {
  const directory = folder();
  let sure = new Map<string, number>();
  let changes = 0;
  let checkpoints = 0;
  for (let round = 0; round < KILLS; round++) {
    const before = [...sure.values()].filter((number) => number >= 0).length;
    const ms = Math.random() * LONGEST_MS;
    const run = await runAndKill(directory, round * 7919 + 1, ms, sure);
    expect(run.count).toBe(before);
    changes += run.changes;
    const { expected } = run;
    const index = await openIndex({ directory });
    if (index.recovered.sequence > 0) checkpoints++;
    const found = new Map<string, number>();
    for (const { key, value } of index.range()) {
      const number = Number.parseInt(value.toString('latin1', 0, 12), 10);
      if (!Buffer.alloc(value.length, `${number} `).equals(value)) throw new Error(`torn: ${key}`);
      found.set(key.toString(), number);
    }
    for (const key of new Set([
      ...expected.sure.keys(),
      ...expected.maybe.keys(),
      ...found.keys(),
    ])) {
      const is = found.get(key) ?? -1;
      const may = [expected.sure.get(key) ?? -1, expected.maybe.get(key)];
      if (!may.includes(is)) throw new Error(`${key} is ${is}, and not one of ${may}`);
    }
    sure = found;
    await index.close();
  }
  expect(changes).toBeGreaterThan(0);
  if (KILLS >= 12) expect(checkpoints).toBeGreaterThan(0);
}, 3_600_000);

/** Why it cannot be opened. */
const refusalOf = (directory: string): Promise<string> =>
  openIndex({ directory }).then(
    () => 'it was opened',
    (error: Error) => error.message,
  );

/** An index with a checkpoint and a log behind it. */
async function filled(directory: string): Promise<void> {
  const index = await openIndex({ directory });
  await Promise.all([...Array(3000).keys()].map((at) => index.put(`key ${at}`, pattern(500, at))));
  await index.checkpoint();
  await Promise.all([...Array(100).keys()].map((at) => index.put(`later ${at}`, 'value')));
  await index.close();
}

test('index: a damaged checkpoint or log is refused, and cut ends are cut off', async () => {
  const directory = folder();
  await filled(directory);
  const path = join(directory, 'checkpoint');
  const good = readFileSync(path);
  for (const size of [0, 100, 4095, 4096, 5000, 1 << 20, good.length - 4096]) {
    truncateSync(path, size);
    expect(await refusalOf(directory), `${size}`).toMatch('is damaged');
    writeFileSync(path, good);
  }
  for (let round = 0; round < 16; round++) {
    const bad = Buffer.from(good);
    const at = round < 8 ? round * 5 : Math.floor(Math.random() * bad.length);
    bad[at]! ^= 1 << (round % 8);
    writeFileSync(path, bad);
    // A bit behind what is in use says nothing.
    const opened = await openIndex({ directory }).catch((error: Error) => error);
    if (opened instanceof Error) expect(opened.message).toMatch('is damaged');
    else {
      expect(opened.count).toBe(3100);
      await opened.close();
    }
  }
  rmSync(path);
  expect(await refusalOf(directory)).toMatch('is gone: the log goes on from it');
  writeFileSync(path, good);
  expect((await openIndex({ directory })).count).toBe(3100);
});

test('index: a log without its end has what came before, an empty one is refused', async () => {
  const directory = folder();
  const index = await openIndex({ directory });
  for (let at = 0; at < 50; at++) await index.put(`key ${at}`, 'value');
  await index.close();
  const log = join(directory, 'log');
  const [name = ''] = readdirSync(log).filter((entry) => entry.endsWith('.log'));
  const size = statSync(join(log, name)).size;
  truncateSync(join(log, name), size - 300);
  const cut = await openIndex({ directory });
  expect(cut.recovered.cutBytes).toBeGreaterThan(0);
  expect(cut.count).toBeLessThan(50);
  expect(cut.count).toBeGreaterThan(30);
  expect(cut.get(`key ${cut.count - 1}`)?.toString()).toBe('value');
  await cut.checkpoint();
  await cut.close();
  rmSync(log, { recursive: true });
  expect(await refusalOf(directory)).toMatch('it is another log, or it was emptied');
});

test('index: a checkpoint that was not finished is as if it had never been begun', async () => {
  const directory = folder();
  await filled(directory);
  writeFileSync(join(directory, 'checkpoint.new'), pattern(100_000));
  const index = await openIndex({ directory });
  expect(index.count).toBe(3100);
  await index.checkpoint();
  expect(existsSync(join(directory, 'checkpoint.new'))).toBe(false);
});

test('index: the program answers lines, stops by SIGTERM, and has all of it again', async () => {
  const directory = folder();
  const server = await serveIndex(directory);
  const client = await server.open();
  expect(
    await client.ask('put a 1', 'put b%20c %00%ff', 'get a', 'get b%20c', 'get none', 'delete a'),
  ).toEqual(['ok', 'ok', 'value 1', 'value %00%ff', 'none', 'ok']);
  const puts = Array.from(
    { length: 5000 },
    (_, at) => `put key${String(at).padStart(4, '0')} ${at}`,
  );
  expect(new Set(await client.ask(...puts))).toEqual(new Set(['ok']));
  expect(await client.list('range key0001 key0003')).toEqual([
    'entry key0001 1',
    'entry key0002 2',
    'end 2',
  ]);
  expect((await client.list('prefix key 10000')).at(-1)).toBe('end 5000');
  expect(await client.ask('checkpoint')).toEqual(['ok']);
  expect(await client.ask('put z %', 'count')).toEqual(['ok', 'count 5002']);
  expect(await client.list('stats')).toContain('entries 5002');
  const idle = await server.open();
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  expect(await idle.line()).toBeUndefined();
  const again = await serveIndex(directory);
  expect(again.said()).toContain('5002 entries, 5001 of a checkpoint and 1 records of the log');
  again.child.kill('SIGKILL');
  await again.ended;
  const third = await serveIndex(directory);
  expect(await (await third.open()).ask('count')).toEqual(['count 5002']);
  third.child.kill('SIGTERM');
  expect(await third.ended).toMatchObject({ code: 0, stderr: '' });
});

test('index: nonsense and peers that do not read cost only themselves', async () => {
  const server = await serveIndex(folder());
  const client = await server.open();
  const wrong = await client.ask(
    '',
    'nonsense',
    'get',
    'get %zz',
    'put a',
    'put a b c',
    'range a b -1',
  );
  expect(wrong.every((line) => line?.startsWith('error '))).toBe(true);
  const long = await client.ask('get '.padEnd(4000, 'x'), `put k ${'v'.repeat(65_537)}`);
  expect(long).toEqual([
    expect.stringMatching(/^error key/),
    expect.stringMatching(/^error value/),
  ]);
  const bytes = Buffer.from(pattern(400_000, 5));
  for (let round = 0; round < 8; round++) {
    const rude = await server.open();
    rude.socket.write(bytes.subarray(round * 50_000, (round + 1) * 50_000));
    rude.socket.end();
    while ((await rude.line()) !== undefined);
  }
  const endless = await server.open();
  endless.socket.write('put a '.padEnd(1 << 20, 'a'));
  expect(await endless.line()).toMatch(/^error a line has at most/);
  // One that asks for much and reads nothing is not read from any more.
  const puts = Array.from({ length: 1000 }, (_, at) => `put key${at} ${'v'.repeat(1000)}`);
  expect(new Set(await client.ask(...puts))).toEqual(new Set(['ok']));
  const deaf = await server.open();
  deaf.socket.pause();
  deaf.socket.write('range * * 1000\n'.repeat(20_000));
  await pause(300);
  const status = readFileSync(`/proc/${server.child.pid}/status`, 'latin1');
  expect(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])).toBeLessThan(400_000);
  expect(await client.ask('count', 'get a')).toEqual(['count 1000', 'none']);
  deaf.socket.destroy();
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
});

test('index: a line that drips is let go, lines that come in pieces are not', async () => {
  const server = await serveIndex(folder(), '--line-ms', '300');
  const dripping = await server.open();
  const drips = setInterval(() => dripping.socket.write('a'), 20);
  onTestFinished(() => clearInterval(drips));
  expect(await dripping.line()).toBe('error the line took too long');
  expect(await dripping.line()).toBeUndefined();
  const patient = await server.open();
  for (let at = 0; at < 10; at++) {
    patient.socket.write(`\nput key${at}`);
    await pause(60);
    patient.socket.write(' value');
  }
  patient.socket.write('\ncount\n');
  const said: (string | undefined)[] = [];
  while (said.at(-1)?.startsWith('count') !== true) said.push(await patient.line());
  expect(said.filter((line) => line === 'ok')).toHaveLength(10);
  expect(said.at(-1)).toBe('count 10');
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
});

test('index: the program loads lines, and says what it does not like', async () => {
  const directory = join(folder(), 'new');
  const loading = runIndex('load', '--directory', directory, '--memory', '16mb');
  loading.child.stdin!.end('a 1\nb%20 2\nc %\n');
  expect(await loading.ended).toEqual({ code: 0, stdout: '3 entries are durable\n', stderr: '' });
  const wrongLine = runIndex('load', '--directory', join(folder(), 'x'), '--memory', '16mb');
  wrongLine.child.stdin!.end('a 1\nb\n');
  expect(await wrongLine.ended).toMatchObject({ code: 1, stderr: 'line 2 is no KEY VALUE\n' });
  const refused: [string[], number, string][] = [
    [[], 2, 'usage: '],
    [['serve'], 2, '--directory must be given'],
    [['serve', '--directory', directory, '--memory', '1mb'], 2, 'memory must be'],
    [['serve', '--directory', directory, '--page-size', '1GiB'], 2, 'pageSize must be'],
    [['serve', '--directory', directory, '--port', '70000'], 2, '--port must be'],
    [['serve', '--directory', directory, '--sync', 'never'], 2, '--sync must be'],
    [['serve', '--directory', '/proc/nothing'], 1, '/proc/nothing'],
  ];
  for (const [words, code, text] of refused) {
    const { code: ended, stderr } = await runIndex(...words).ended;
    expect([ended, stderr]).toEqual([code, expect.stringContaining(text)]);
  }
  mkdirSync(join(directory, 'checkpoint.d'));
  truncateSync(join(directory, 'checkpoint'), 4100);
  const { code, stderr } = await runIndex('serve', '--directory', directory).ended;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^the checkpoint .* is damaged/)]);
});

test('index: its measurements run, with lmdb or without it', async () => {
  const words = ['bench', '--keys', '1000', '--turn-ms', '1', '--no-hugepages'];
  const { code, stdout } = await runIndex(...words).ended;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^1000 entries loaded and durable in [\d.]+ s, \d+ bytes each$/m);
  for (const name of ['index.get, a copy', 'index.range, copies', 'array, in order']) {
    expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\d+ ns`, 'm'));
  }
  const wrong = await runIndex('bench', '--keys', 'many').ended;
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--keys must be')]);
});
