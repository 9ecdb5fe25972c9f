/** Connections passed on by the kernel: both ways, half closed, broken; on both backends. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { OwnedFd } from 'nearmetal/fd';
import { encodeAddress, openBackend, openSocket } from 'nearmetal/loop';
import { addressOf, Connection, Listener, listen } from 'nearmetal/net';
import { fanOut, type ProxyError, proxy } from 'nearmetal/zerocopy';
import { expect, onTestFinished, test } from 'vitest';
import { EMFILE, SYS_pipe2 } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { sharedPipes } from '../../lib/splice/pipe-pool.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { bytesOf, later, pattern, turn, until } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function pairOf(backend: 'io_uring' | 'epoll'): Promise<[Connection, Connection]> {
  const listener = Listener.open({ backend });
  const far = await Connection.open({ port: listener.port as number, host: '127.0.0.1', backend });
  const near = (await listener.accept()) as Connection;
  listener.close();
  onTestFinished(() => {
    near.close();
    far.close();
  });
  return [near, far];
}

async function readAll(connection: Connection): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = await connection.read();
    if (chunk === undefined) return Buffer.concat(chunks);
    chunks.push(chunk);
  }
}

/** Two Unix sockets that are connected. */
function socketPair(): [OwnedFd, OwnedFd] {
  const listener = listen({ path: `\0nearmetal-proxy-${process.pid}-${pairs++}` });
  const address = addressOf(listener);
  const near = openSocket(address);
  native.connect(near.fd, encodeAddress('address', address).bytes);
  const far = OwnedFd.adopt(native.accept4(listener.fd, 0));
  listener.close();
  onTestFinished(() => {
    near.close();
    far.close();
  });
  return [near, far];
}
let pairs = 0;

/** Pipes that others have given back are somebody's until the test is over. */
function emptyPool(): void {
  const pipes = sharedPipes();
  const taken: ReturnType<typeof pipes.take>[] = [];
  while (pipes.free > 0) taken.push(pipes.take());
  onTestFinished(() => {
    for (const pipe of taken) pipes.giveEmpty(pipe);
  });
}

onEachBackend((backend) => {
  test('both ways, each with its own end', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    const [there, back] = [pattern(5_000_000, 1), pattern(3_000_000, 2)];
    const passing = proxy(a, b);
    const sent = later(client.write(there).then(() => client.end()));
    expect(digest(await readAll(server))).toBe(digest(there));
    await sent;
    // Our side has ended, and still the other one is heard.
    later(server.write(back).then(() => server.end()));
    expect(digest(await readAll(client))).toBe(digest(back));
    expect(await passing).toEqual({ aToB: 5_000_000, bToA: 3_000_000 });
    await Promise.all([a.closed, b.closed]);
    expect(a.socket.closed).toBe(true);
  });

  test('what was received before goes first, and what was written is sent', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    await client.write('one two ');
    expect(Buffer.from((await a.read()) as Uint8Array).toString()).toBe('one two ');
    await client.write('held ');
    // A reader that goes away leaves what came for it.
    const reading = a.read();
    await reading;
    await client.write('three ');
    await turn();
    void b.write('hello ');
    const passing = proxy(a, b);
    await client.end('four');
    await server.end();
    expect((await readAll(server)).toString()).toBe('hello three four');
    expect(await passing).toEqual({ aToB: 10, bToA: 0 });
  });

  test('many small messages, to and fro', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    const passing = proxy(a, b);
    for (let round = 0; round < 200; round++) {
      await client.write(`ping ${round}`);
      expect(Buffer.from((await server.read()) as Uint8Array).toString()).toBe(`ping ${round}`);
      await server.write(`pong ${round}`);
      expect(Buffer.from((await client.read()) as Uint8Array).toString()).toBe(`pong ${round}`);
    }
    await Promise.all([client.end(), server.end()]);
    const { aToB, bToA } = await passing;
    expect([aToB, bToA]).toEqual([1490, 1490]);
  });

  test('a peer that breaks off ends both, with what went through', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    const passing = later(proxy(a, b));
    await client.write('some');
    await server.read();
    client.reset();
    const error = (await passing.catch((reason) => reason)) as ProxyError;
    expect([error.code, error.aToB, error.bToA]).toEqual(['ECONNRESET', 4, 0]);
    expect(await server.read().catch(() => undefined)).toBeUndefined();
    await Promise.all([a.closed, b.closed]);
  });

  test('time limits, signals and closing end it; nothing stays open', async () => {
    needs('proc');
    const [warm, warmer] = [await pairOf(backend), await pairOf(backend)];
    const first = later(proxy(warm[0], warmer[0], { lifetimeMs: 1 }));
    await expect(first).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    for (const each of [warm[1], warmer[1]]) await each[Symbol.asyncDispose]();
    const before = descriptors();
    const ends: ((a: Connection, controller: AbortController) => void)[] = [
      () => undefined,
      (_, controller) => controller.abort(),
      (a) => a.socket.close(),
    ];
    for (const [index, end] of ends.entries()) {
      const [a, client] = await pairOf(backend);
      const [b, server] = await pairOf(backend);
      const controller = new AbortController();
      const idle = index === 0 ? { idleTimeoutMs: 20 } : {};
      const passing = later(proxy(a, b, { ...idle, signal: controller.signal }));
      await turn();
      end(a, controller);
      const code = ['ETIMEDOUT', 'ABORT_ERR', 'ECANCELED'][index];
      await expect(passing).rejects.toMatchObject({ code, aToB: 0, bToA: 0 });
      await Promise.all([a.closed, b.closed]);
      for (const each of [client, server]) await each[Symbol.asyncDispose]();
    }
    await until(() => descriptors() <= before);
  });

  test('what is not free to be passed on is refused', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    await expect(proxy(a, a)).rejects.toThrow(/another Connection/);
    await expect(proxy({} as never, b)).rejects.toThrow(/"a"/);
    await expect(proxy(a, b, { idleTimeout: 1 } as never)).rejects.toThrow(/idleTimeoutMs/);
    const reading = later(a.read());
    await expect(proxy(a, b)).rejects.toThrow(/in use/);
    expect([await reading.catch(() => undefined), b.socket.closed]).toEqual([undefined, true]);
    client.close();
    server.close();
  });

  test('plain sockets, also those that would wait, and bytes that go first', async () => {
    const loop = openBackend({ backend });
    onTestFinished(() => loop.close());
    // Of plain Node: its sockets are handed over as descriptors, and wait.
    const sockets = async (): Promise<[OwnedFd, Connection]> => {
      const listener = listen();
      const far = await Connection.open({ ...(addressOf(listener) as { port: number }), backend });
      const near = OwnedFd.adopt(native.accept4(listener.fd, 0));
      listener.close();
      onTestFinished(() => {
        near.close();
        far.close();
      });
      return [near, far];
    };
    const [[a, client], [b, server]] = [await sockets(), await sockets()];
    const header = bytesOf('header ');
    const first = { aToB: header, bToA: bytesOf('welcome ') };
    const passing = proxy(a, b, { backend: loop, first });
    header.fill(0);
    await client.end('words');
    await server.end('answer');
    expect((await readAll(server)).toString()).toBe('header words');
    expect((await readAll(client)).toString()).toBe('welcome answer');
    expect(await passing).toEqual({ aToB: 12, bToA: 14 });
    expect([a.closed, b.closed]).toEqual([true, true]);

    const [[c, other], [d, far]] = [await sockets(), await sockets()];
    emptyPool();
    const ending = later(proxy(c, d, { backend: loop }));
    later(other.write(pattern(200_000)));
    for (let left = 200_000; left > 0; ) left -= (await far.read())?.length ?? 0;
    // What is quiet holds no pipe.
    await until(() => sharedPipes().free > 0);
    c.close();
    await expect(ending).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(d.closed).toBe(true);
    const [near, third] = await pairOf(backend);
    await expect(proxy(near, c as never)).rejects.toThrow(/"b".*open OwnedFd/);
    await expect(proxy(near, third, { backend: {} as never })).rejects.toThrow(/backend/);
    await expect(proxy(near, third, { first: { aToB: 'x' as never } })).rejects.toThrow(
      /first.aToB/,
    );
  });

  withSeam('a proxy that gets no pipe ends, and says why', async () => {
    const [a, client] = await pairOf(backend);
    const [b, server] = await pairOf(backend);
    emptyPool();
    const passing = later(proxy(a, b));
    seam().fail(SYS_pipe2, 1, 1, EMFILE);
    later(client.write(pattern(200_000)));
    // What is little has gone without one.
    await expect(passing).rejects.toMatchObject({ code: 'EMFILE', bToA: 0 });
    await readAll(server).catch(() => undefined);
    await Promise.all([a.closed, b.closed]);
  });

  test('a backend that closes ends what passes between its sockets', async () => {
    const loop = openBackend({ backend });
    const [left, right] = [socketPair(), socketPair()];
    const passing = later(proxy(left[0], right[0], { backend: loop }));
    await turn();
    await loop.close();
    await expect(passing).rejects.toMatchObject({ code: 'ECANCELED' });
    expect([left[0].closed, right[0].closed]).toEqual([true, true]);
  });

  test('fanOut gives every target all bytes, as fast as the slowest takes them', async () => {
    const [source, sender] = await pairOf(backend);
    const pairs = [await pairOf(backend), await pairOf(backend), await pairOf(backend)];
    const bytes = pattern(6_000_000, 5);
    void pairs[0]?.[0].write('first ');
    const passing = fanOut(
      source,
      pairs.map(([near]) => near),
    );
    later(sender.write(bytes).then(() => sender.end()));
    const reading = pairs.map(([, far]) => readAll(far));
    const { bytes: passed, targets } = await passing;
    expect([passed, targets]).toEqual([6_000_000, Array(3).fill({ bytes: 6_000_000 })]);
    for (const [near] of pairs) await near.end(' last');
    const [one, two, three] = await Promise.all(reading);
    expect(digest((one as Buffer).subarray(6, -5))).toBe(digest(bytes));
    expect([one, two, three].map((each) => each?.length)).toEqual([
      6_000_011, 6_000_005, 6_000_005,
    ]);
    expect(digest((three as Buffer).subarray(0, -5))).toBe(digest((two as Buffer).subarray(0, -5)));
  });

  test('fanOut leaves out a target that fails, and ends by a signal', async () => {
    const [source, sender] = await pairOf(backend);
    const [good, listening] = await pairOf(backend);
    const [bad, leaving] = await pairOf(backend);
    leaving.reset();
    await until(() => bad.socket.closed || !bad.pending);
    const passing = fanOut(source, [bad, good]);
    later(sender.write(pattern(3_000_000)).then(() => sender.end()));
    const reading = readAll(listening);
    const { bytes, targets } = await passing;
    await good.end();
    expect([bytes, targets[1], (await reading).length]).toEqual([
      3_000_000,
      { bytes: 3_000_000 },
      3_000_000,
    ]);
    expect(targets[0]?.error).toBeInstanceOf(Error);

    const [other, otherSender] = await pairOf(backend);
    const [stuck, deaf] = await pairOf(backend);
    const controller = new AbortController();
    const ending = later(fanOut(other, [stuck], { signal: controller.signal }));
    later(otherSender.write(new Uint8Array(32 << 20)));
    await until(() => stuck.pending > 0);
    controller.abort();
    await expect(ending).rejects.toMatchObject({ code: 'ABORT_ERR' });
    await other.closed;
    deaf.close();
  });
});
