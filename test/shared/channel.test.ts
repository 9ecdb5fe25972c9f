/** Channels: what goes through, in which order, with what back-pressure, and how they end. */
import { fstatSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { OwnedFd } from 'nearmetal/fd';
import { Mapping } from 'nearmetal/memory';
import { Ring } from 'nearmetal/ring';
import { Channel, type ChannelOptions, SharedError, SharedMemory } from 'nearmetal/shared';
import { expect, onTestFinished, test } from 'vitest';
import { attached, expectShared, type Peer, processOf, sharedMemory } from '../support/shared.js';

const fixture = fileURLToPath(new URL('../../.dev/test/fixtures/channel-peer.js', import.meta.url));

/** Both ends, in this thread. */
function ends(options: ChannelOptions = { capacity: 4096 }) {
  const memory = sharedMemory({ size: 2 ** 22 });
  Channel.create(memory, 'channel', options);
  const other = attached(memory);
  const here = Channel.open<unknown, unknown>(memory, 'channel');
  const there = Channel.open<unknown, unknown>(other, 'channel');
  onTestFinished(() => {
    here.close();
    there.close();
  });
  return { memory, other, here, there };
}

/** One end, and a worker that has the other. */
async function withWorker(command: string, ...words: string[]) {
  const memory = sharedMemory({ size: 2 ** 22 });
  Channel.create(memory, 'channel');
  const thread = new Worker(fixture, { workerData: [command, String(memory.fd?.fd), ...words] });
  onTestFinished(() => void thread.terminate());
  const said = (): Promise<unknown> => new Promise((resolve) => thread.once('message', resolve));
  await said();
  const channel = Channel.open<unknown, unknown>(memory, 'channel');
  onTestFinished(() => channel.close());
  return { memory, channel, thread, said };
}

async function some(channel: Channel, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  if (count === 0) return taken;
  for await (const message of channel) if (taken.push(message) === count) break;
  return taken;
}

const code = (name: string) => expect.objectContaining({ code: `ERR_NEARMETAL_${name}` });
const nullFile = (): OwnedFd => OwnedFd.adopt(openSync('/dev/null', 'r'));
const isOpen = (fd: number): boolean => {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
};

test('values come out as structuredClone has them, bytes as a Buffer', async () => {
  const { here, there } = ends();
  const values = [
    undefined,
    null,
    -0,
    'text, ü and 🙂',
    2n ** 70n,
    { nested: [1, { deep: new Date(5) }], map: new Map([[1, new Set(['x'])]]) },
    [new Float64Array([0.5]), /pattern/g],
    new RangeError('an error'),
    'a lone surrogate \ud800',
    { number: 0.1, list: [1, 'two', [null]], 'key ü': { yes: true }, empty: {} },
    [Number.NaN, Infinity, undefined, -0],
    Object.assign([1, 2], { named: 'beside' }),
    new Array(3),
    Array.from({ length: 100 }, (_, index) => [index]),
    JSON.parse('{"__proto__": {"own": 1}}'),
  ];
  for (const value of values) await here.send(value);
  expect(await some(there, values.length)).toEqual(values.map((value) => structuredClone(value)));
  // One object in two places is still one, and a ring is a ring.
  const inner = { shared: true };
  const ring: Record<string, unknown> = { inner, again: [inner] };
  ring['ring'] = ring;
  await here.send([inner, inner]);
  await here.send(ring);
  const [[first, second], got] = (await some(there, 2)) as [[object, object], typeof ring];
  expect(first).toBe(second);
  expect([got['ring'], (got['again'] as object[])[0]]).toEqual([got, got['inner']]);
  expect(got['ring']).toBe(got);
  await here.send(new Uint8Array([1, 2, 3]));
  await here.send(Buffer.alloc(0));
  const bytes = await some(there, 2);
  expect(bytes).toEqual([Buffer.from([1, 2, 3]), Buffer.alloc(0)]);
  expect(Buffer.isBuffer(bytes[0])).toBe(true);
});

test('any run of sends, by either end, comes out whole and in order', async () => {
  const { here, there } = ends();
  const messages = fc.array(
    fc.oneof(fc.uint8Array({ maxLength: 1500 }), fc.string({ maxLength: 500 }), fc.jsonValue()),
    { maxLength: 40 },
  );
  const check = async (forth: unknown[], back: unknown[]) => {
    // Without a limit of what waits: more than there is room for.
    const sent = [...forth.map((value) => here.send(value)), ...back.map((v) => there.send(v))];
    const [gotBack, gotForth] = await Promise.all([
      some(here, back.length),
      some(there, forth.length),
    ]);
    await Promise.all(sent);
    const plain = (value: unknown) => (value instanceof Uint8Array ? Buffer.from(value) : value);
    expect(gotForth).toEqual(forth.map(plain));
    expect(gotBack).toEqual(back.map(plain));
  };
  await fc.assert(fc.asyncProperty(messages, messages, check), { numRuns: 60 });
});

test('without room trySend says so, and send waits, in order', async () => {
  const { here, there } = ends({ capacity: 256 });
  let sent = 0;
  while (here.trySend(Buffer.alloc(40, sent))) sent++;
  expect(sent).toBe(5);
  const order: number[] = [];
  const late = [5, 6, 7].map((number) =>
    here.send(Buffer.alloc(40, number)).then(() => order.push(number)),
  );
  expect(here.waiting).toBe(3);
  await expect(here.send('late', { timeoutMs: 5 })).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const abort = new AbortController();
  const aborted = here.send('aborted', { signal: abort.signal });
  abort.abort();
  await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  expect(here.trySend('behind')).toBe(false);
  const all = (await some(there, 8)) as Buffer[];
  await Promise.all(late);
  expect(all.map((bytes) => bytes[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(order).toEqual([5, 6, 7]);
});

test('a message that waits is as it was when it was sent', async () => {
  const { here, there } = ends({ capacity: 64 });
  const bytes = Buffer.from('before');
  const sent = ['x'.repeat(16), 'x'.repeat(16)].map((text) => here.send(Buffer.from(text)));
  const last = here.send(bytes);
  bytes.write('change');
  expect(String((await some(there, 3))[2])).toBe('before');
  await Promise.all([...sent, last]);
});

test('requests are answered, refused, limited and given up', async () => {
  const { here, there } = ends();
  there.respond(async (request) => {
    if (request === 'throw') throw Object.assign(new RangeError('thrown'), { code: 'E_X' });
    if (request === 'text') throw 'text';
    if (request === 'cannot') return () => undefined;
    if (request === 'large') return Buffer.alloc(5000);
    if (request === 'never') return new Promise(() => undefined);
    return { request };
  });
  const asked = ['a', 'b', 'c'].map((request) => here.request(request));
  expect(await Promise.all(asked)).toEqual([{ request: 'a' }, { request: 'b' }, { request: 'c' }]);
  const thrown = await here.request('throw').catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(RangeError);
  expect(thrown).toMatchObject({ message: 'thrown', code: 'E_X' });
  await expect(here.request('text')).rejects.toThrow('text');
  await expect(here.request('cannot')).rejects.toThrow(/could not be cloned/);
  await expect(here.request('large')).rejects.toThrow(RangeError);
  const never = here.request('never', { timeoutMs: 10 });
  await expect(never).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  const signal = AbortSignal.timeout(5);
  await expect(here.request('never', { signal })).rejects.toMatchObject({ name: 'AbortError' });
  await expect(here.request('x', { signal })).rejects.toMatchObject({ name: 'AbortError' });
  there.respond(undefined);
  there.onMessage(() => undefined);
  await expect(here.request('any')).rejects.toEqual(code('NO_RESPONDER'));
});

test('both ends ask and send at once; messages are kept meanwhile', async () => {
  const { here, there } = ends({ capacity: 1024 });
  here.respond((value) => (value as number) + 1);
  there.respond((value) => (value as number) - 1);
  const sends = Array.from({ length: 200 }, (_, index) => there.send(index));
  const answers = Array.from({ length: 100 }, (_, index) => [
    here.request(index),
    there.request(index),
  ]).flat();
  const got = await some(here, 200);
  expect(got).toEqual(Array.from({ length: 200 }, (_, index) => index));
  await Promise.all(sends);
  const expected = Array.from({ length: 100 }, (_, index) => [index - 1, index + 1]).flat();
  expect(await Promise.all(answers)).toEqual(expected);
});

test('a handler has each message, also those that came before it', async () => {
  const { here, there } = ends();
  there.respond((request) => request);
  await here.send(1);
  await here.request('asked');
  const got: unknown[] = [];
  const done = new Promise<void>((resolve) => {
    there.onMessage((message) => {
      got.push(message);
      if (message === 3) resolve();
    });
  });
  await here.send(2);
  await here.send(3);
  await done;
  expect(got).toEqual([1, 2, 3]);
});

test('what is moved is gone here and there for the other', async () => {
  const { here, there } = ends();
  const file = nullFile();
  const number = file.fd;
  const mapping = Mapping.memfd({ size: 4096 });
  const view = mapping.bytes;
  view[5] = 7;
  const region = SharedMemory.create({ size: 65_536 });
  Channel.create(region, 'inner', { capacity: 1024 });
  await here.send({ file, mapping, region, text: 'beside' });
  expect([file.closed, mapping.disposed, region.closed]).toEqual([true, true, true]);
  expect(view.length).toBe(0);
  type Message = { file: OwnedFd; mapping: Mapping; region: SharedMemory; text: string };
  const [got] = (await some(there, 1)) as [Message];
  expect(got.file.fd).toBe(number);
  expect(got.mapping.bytes[5]).toBe(7);
  expect(got.region.has('inner')).toBe(true);
  expect(got.text).toBe('beside');
  // And on again: as the message itself, and in an array.
  await there.send(got.file);
  await there.send([1, got.mapping]);
  const [back, [one, again]] = (await some(here, 2)) as [OwnedFd, [number, Mapping]];
  expect([back.fd, one, again.bytes[5]]).toEqual([number, 1, 7]);
  back.close();
  again.dispose();
  got.region.close();
  expect(isOpen(number)).toBe(false);
});

test('what cannot be sent stays where it is', async () => {
  const { here, there, other } = ends({ capacity: 1024 });
  const file = nullFile();
  onTestFinished(() => file.close());
  const closed = nullFile();
  closed.close();
  const large = here.send({ file, text: 'x'.repeat(600) });
  await expect(large).rejects.toThrow(/message.*504.*capacity 1024/);
  await expect(here.send({ closed })).rejects.toThrow(/no descriptor, or a closed one/);
  await expect(here.send({ file, again: file })).rejects.toThrow(/only once/);
  await expect(here.send({ deep: { file } })).rejects.toThrow(/could not be cloned/);
  await expect(here.send(other)).rejects.toThrow(/no descriptor/);
  const many = Array.from({ length: 257 }, nullFile);
  await expect(here.send(many)).rejects.toThrow(RangeError);
  for (const each of many) each.close();
  expect(() => here.trySend(() => undefined)).toThrow(/could not be cloned/);
  while (here.trySend(Buffer.alloc(8)));
  expect(here.trySend({ file })).toBe(false);
  expect(file.closed).toBe(false);
  expect(there.closed).toBe(false);
});

test('what was moved and nobody took is closed with the channel', async () => {
  for (const how of ['unread', 'waiting', 'kept', 'left', 'withdrawn'] as const) {
    const { here, there } = ends({ capacity: 512 });
    const file = nullFile();
    const number = file.fd;
    if (how === 'waiting' || how === 'withdrawn') while (here.trySend(Buffer.alloc(8)));
    if (how === 'kept') there.respond((request) => request);
    if (how === 'left') {
      there.close();
      await expect(here.send({ file })).rejects.toEqual(code('CLOSED'));
      expect(file.closed).toBe(false);
      file.close();
    } else if (how === 'withdrawn') {
      await expect(here.send({ file }, { timeoutMs: 1 })).rejects.toThrow(/ETIMEDOUT/);
      expect(file.closed).toBe(true);
    } else {
      const sent = here.send({ file });
      expect([file.closed, isOpen(number)]).toEqual([true, true]);
      if (how === 'waiting') {
        here.close();
        await expect(sent).rejects.toEqual(code('CLOSED'));
      } else if (how === 'kept') await here.request('after');
      there.close();
    }
    here.close();
    expect(isOpen(number), how).toBe(false);
  }
});

test('more descriptors than there are slots wait for their turn', async () => {
  const { here, there } = ends({ capacity: 2 ** 17 });
  const numbers = Array.from({ length: 300 }, () => nullFile());
  const sent = numbers.map((file) => here.send(file));
  expect(here.waiting).toBe(44);
  const got = (await some(there, 300)) as OwnedFd[];
  await Promise.all(sent);
  expect(new Set(got.map(({ fd }) => fd)).size).toBe(300);
  for (const file of got) file.close();
});

test('an end is closed: what it sent still comes, and requests are refused', async () => {
  const { here, there } = ends();
  const asked = here.request('any');
  await there.send(1);
  await there.send(2);
  there.close();
  await expect(asked).rejects.toEqual(code('CLOSED'));
  const got: unknown[] = [];
  for await (const message of here) got.push(message);
  expect(got).toEqual([1, 2]);
  expect(await here.ended).toBeUndefined();
  expect(await there.ended).toBeUndefined();
  await expect(here.send(3)).rejects.toEqual(code('CLOSED'));
  await expect(there.send(3)).rejects.toEqual(code('CLOSED'));
  await expect(there.request(3)).rejects.toEqual(code('CLOSED'));
  for await (const _ of there) throw new Error('a closed end has no messages');
  there.close();
});

test('closing ends what waits here, also with the memory', async () => {
  for (const how of ['channel', 'memory'] as const) {
    const { here, memory } = ends({ capacity: 128 });
    const next = some(here, 1);
    const asked = here.request('any').catch((error: unknown) => error);
    while (here.trySend(Buffer.alloc(8)));
    const sent = here.send('full').catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (how === 'channel') here.close();
    else memory.close();
    expect(await next).toEqual([]);
    expect([await asked, await sent]).toEqual([code('CLOSED'), code('CLOSED')]);
  }
});

test('each end is had once', () => {
  const { memory, here } = ends();
  expectShared(() => Channel.open(memory, 'channel'), 'TAKEN');
  here.close();
  expectShared(() => Channel.open(memory, 'channel'), 'TAKEN');
  expectShared(() => Channel.open(memory, 'none'), 'NOT_FOUND');
  expectShared(() => Channel.open(memory, 'channel 0'), 'LAYOUT');
  expectShared(() => Channel.create(memory, 'channel'), 'EXISTS');
  expect(() => Channel.create(memory, 'x', { capacity: 100 })).toThrow(/power of two/);
  expect(() => Channel.create(memory, 'x', { size: 1 } as ChannelOptions)).toThrow(/size/);
});

test('wrong arguments are refused', async () => {
  const { here } = ends();
  await expect(here.send(1, { timeoutMs: -1 })).rejects.toThrow(/timeoutMs/);
  await expect(here.send(1, { timeout: 1 } as object)).rejects.toThrow(/timeout/);
  await expect(here.request(1, { signal: {} as AbortSignal })).rejects.toThrow(/signal/);
  expect(() => here.onMessage(1 as never)).toThrow(/handler/);
  expect(() => here.respond(1 as never)).toThrow(/responder/);
  expect(() => structuredClone(here)).toThrow(/itBelongsToItsThread/);
});

test('a worker sends back and answers, by this thread’s ring or one that is given', async () => {
  const { channel, said } = await withWorker('echo');
  for (let round = 0; round < 50; round++) {
    await channel.send({ round });
    expect(await some(channel, 1)).toEqual([{ round }]);
    expect(await channel.request(round)).toEqual({ request: round });
  }
  await expect(channel.request('throw')).rejects.toMatchObject({ code: 'E_ASKED' });
  channel.close();
  expect(await said()).toBe('ended undefined');
});

test('a ring that is given waits', async () => {
  const ring = Ring.open();
  onTestFinished(() => ring.close());
  const memory = sharedMemory({ size: 2 ** 22 });
  Channel.create(memory, 'channel');
  const here = Channel.open<number, number>(memory, 'channel', { ring });
  const there = Channel.open<number, number>(attached(memory), 'channel');
  there.respond((request) => request * 2);
  const before = ring.stats.completed;
  for (let count = 0; count < 20; count++) expect(await here.request(count)).toBe(count * 2);
  expect(ring.stats.completed).toBeGreaterThan(before);
  here.close();
  there.close();
});

test('a sender that does not listen is held back, and all of it comes', async () => {
  const { channel } = await withWorker('flood', '20000');
  let count = 0;
  for await (const message of channel) {
    expect(message).toEqual({ count: count++ });
  }
  expect(count).toBe(20_000);
});

test('a file that is opened here is read there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'channel-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), 'what is in it');
  const { channel, said } = await withWorker('reads');
  await channel.send({ file: OwnedFd.adopt(openSync(join(folder, 'file'), 'r')) });
  expect(await said()).toBe('what is in it');
});

test('memory goes to and fro without a copy', async () => {
  const { channel } = await withWorker('writes');
  let mapping = Mapping.memfd({ size: 4096 });
  for (let at = 1; at <= 20; at++) {
    await channel.send({ mapping, at });
    [{ mapping }] = (await some(channel, 1)) as [{ mapping: Mapping }];
  }
  expect([...mapping.bytes.subarray(0, 22)]).toEqual([...Array(21).keys(), 0]);
  mapping.dispose();
});

test('the other thread is killed: what waits fails, and descriptors are closed', async () => {
  const { channel, thread } = await withWorker('deaf');
  const file = nullFile();
  const number = file.fd;
  await channel.send({ file });
  const died = code('PEER_DIED');
  const asked = channel.request('any').catch((error: unknown) => error);
  const next = some(channel, 1).catch((error: unknown) => error);
  while (channel.trySend(Buffer.alloc(60_000)));
  const sent = channel.send(Buffer.alloc(60_000)).catch((error: unknown) => error);
  await thread.terminate();
  expect([await asked, await next, await sent]).toEqual([died, died, died]);
  expect(await channel.ended).toEqual(died);
  expect(isOpen(number)).toBe(false);
  await expect(channel.send(1)).rejects.toEqual(died);
});

test('killed at any time, it leaves whole messages and no descriptors', async () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let round = 0; round < 12; round++) {
    const memory = SharedMemory.create({ size: 2 ** 20 });
    Channel.create(memory, 'channel', { capacity: 2048 });
    const thread = new Worker(fixture, { workerData: ['endless', String(memory.fd?.fd)] });
    await new Promise((resolve) => thread.once('message', resolve));
    const channel = Channel.open<{ count: number; file?: OwnedFd }, number>(memory, 'channel');
    let next = 0;
    const files: OwnedFd[] = [];
    const reading = (async () => {
      for await (const { count, file } of channel) {
        expect(count).toBe(next++);
        expect(file !== undefined).toBe(count % 7 === 0);
        if (file !== undefined) files.push(file);
      }
    })().catch((error: unknown) => error);
    const asking = (async () => {
      for (let count = 0; ; count++) expect(await channel.request(count)).toBe(count);
    })().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, round * 4));
    await thread.terminate();
    expect(await reading).toEqual(code('PEER_DIED'));
    expect(await asking).toEqual(code('PEER_DIED'));
    for (const file of files) file.close();
    memory.close();
  }
  // A thread that is killed between disowning a descriptor and sending it leaves it open.
  expect(open() - before).toBeLessThanOrEqual(3);
});

test('another process takes part, but for descriptors', async () => {
  const memory = sharedMemory({ size: 2 ** 22 });
  Channel.create(memory, 'channel');
  const peer: Peer = processOf(memory, [process.execPath, fixture, 'echo', '3']);
  expect(await peer.said()).toBe('open');
  const channel = Channel.open<unknown, unknown>(memory, 'channel');
  await channel.send({ process: 'other' });
  expect(await some(channel, 1)).toEqual([{ process: 'other' }]);
  expect(await channel.request(1)).toEqual({ request: 1 });
  const file = nullFile();
  await expect(channel.send(file)).rejects.toThrow(/one process/);
  file.close();
  const asked = channel.request('never').catch((error: unknown) => error);
  await peer.kill();
  expect(await asked).toBeInstanceOf(SharedError);
  expect(await asked).toEqual(code('PEER_DIED'));
});

test('what nobody may write ends the channel', async () => {
  const { memory, here } = ends();
  const offset = (
    memory as unknown as { find(name: string, kind: number, what: string): { offset: number } }
  ).find('channel 1', Buffer.from('SPSM').readInt32LE(0), 'SpscMessages').offset;
  const words = new Int32Array((memory as unknown as { buffer: ArrayBuffer }).buffer, offset);
  words[160] = 4;
  words[161] = 1;
  words[162] = 0x7777;
  Atomics.store(words, 32, 16);
  await expect(some(here, 1)).rejects.toEqual(code('CORRUPT'));
  expect(await here.ended).toEqual(code('CORRUPT'));
});
