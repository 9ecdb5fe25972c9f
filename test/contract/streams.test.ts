/** Streams: order, backpressure, pauses. */
import { openSync } from 'node:fs';
import { OwnedFd } from 'nearmetal/fd';
import { expect, onTestFinished, test } from 'vitest';
import { ECANCELED } from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { fileOf, pattern, turn, until } from '../support/ring.js';
import { open, pair, sockets, Told, text } from './support.js';

onEachBackend((name) => {
  test('what is sent in one turn arrives together, in order', async () => {
    const { client, server } = await pair(open(name));
    let wanted = '';
    for (let index = 0; index < 100; index++) {
      wanted += `${index} `;
      expect(client.stream.send(text(`${index} `))).toBe(true);
    }
    await until(() => server.told.length === wanted.length);
    expect(`${server.told.bytes}`).toBe(wanted);
    expect(server.told.chunks).toHaveLength(1);
  });

  test('a file that is cancelled takes nothing along of what was sent around it', async () => {
    const { client, server } = await pair(open(name));
    const file = OwnedFd.adopt(openSync(fileOf('a file'), 'r'));
    onTestFinished(() => file.close());
    const [before, after] = [pattern(20_000_000), text(' and on')];
    server.stream.pause();
    client.stream.send(before);
    const ends: number[][] = [];
    const sending = client.stream.sendFile(file, 0, 6, (...end) => void ends.push(end));
    sending.cancel();
    client.stream.send(after);
    client.stream.end();
    await turn();
    server.stream.resume();
    await until(() => server.told.ends === 1);
    expect(server.told.bytes.equals(Buffer.concat([before, after]))).toBe(true);
    expect(ends).toEqual([[-ECANCELED, 0]]);
  });

  test('what is corked waits for uncork, or for the end', async () => {
    const { client, server } = await pair(open(name));
    client.stream.cork();
    client.stream.send(text('a'));
    await turn();
    client.stream.send(pattern(5000));
    await turn();
    expect([server.told.length, client.stream.pending]).toEqual([0, 5001]);
    client.stream.uncork();
    await until(() => server.told.length === 5001);
    client.stream.cork();
    client.stream.send(text('b'));
    client.stream.end();
    await until(() => server.told.ends === 1);
    expect(server.told.length).toBe(5002);
  });

  test('paused from the start, nothing is received before resume', async () => {
    const backend = open(name);
    const told = new Told();
    const { client, server } = await sockets(backend);
    const stream = backend.stream(server, told, { paused: true, highWater: 1 });
    const sender = backend.stream(client, new Told());
    sender.send(text('waits'));
    await turn();
    expect(told.length).toBe(0);
    stream.resume();
    await until(() => told.length === 5);
    // Its own mark, not the backend's.
    expect(stream.send(text('y'))).toBe(false);
  });

  test('memory for what waited is given back when it has been sent', async () => {
    needs('proc');
    const backend = open(name);
    const { client, server } = await pair(backend);
    const total = (process.env.NEARMETAL_SLOW ? 100 : 150) * 1024 * 1024;
    const chunk = new Uint8Array(1024 * 1024).fill(1);
    server.told.received = (_bytes, length) => {
      got += length;
    };
    let got = 0;
    server.stream.pause();
    const before = process.memoryUsage.rss();
    for (let sent = 0; sent < total; sent += chunk.length) client.stream.send(chunk);
    const waiting = process.memoryUsage.rss() - before;
    // Less than all of it, where the kernel takes idle pages away meanwhile.
    expect(waiting).toBeGreaterThan(total / 4);
    server.stream.resume();
    await until(() => got === total && client.stream.pending === 0);
    expect(process.memoryUsage.rss() - before).toBeLessThan(total / 4);
    // And had again.
    for (let sent = 0; sent < total; sent += chunk.length) client.stream.send(chunk);
    await until(() => got === 2 * total);
  });

  test('those who do not read keep no buffers from those who do', async () => {
    needs('files:200');
    const backend = open(name);
    const idle = await Promise.all(Array.from({ length: 40 }, () => pair(backend)));
    for (const { client, server } of idle) {
      server.stream.pause();
      client.stream.send(pattern(600_000));
    }
    const { client, server } = await pair(backend);
    client.stream.send(pattern(3_000_000));
    await until(() => server.told.length === 3_000_000);
    for (const { server: reader } of idle) reader.stream.resume();
    await until(() => idle.every(({ server: reader }) => reader.told.length === 600_000));
    expect(idle.every(({ server: { told } }) => told.bytes.equals(pattern(600_000)))).toBe(true);
  });

  test('bytes can be used again at once, and parts can be sent', async () => {
    const { client, server } = await pair(open(name));
    const bytes = text('0123456789');
    client.stream.send(bytes, 2, 5);
    client.stream.send(bytes, 8);
    const large = Buffer.from(pattern(300_000));
    const wanted = Buffer.concat([text('2345689'), large]);
    bytes.fill(0);
    client.stream.send(large);
    large.fill(0);
    await until(() => server.told.length === wanted.length);
    expect(server.told.bytes.equals(wanted)).toBe(true);
  });

  test('a slow peer: sending waits, and all arrives', async () => {
    const { client, server } = await pair(open(name));
    server.stream.pause();
    const sent: Uint8Array[] = [];
    // Until the kernel takes no more.
    while (client.stream.pending === 0) {
      sent.push(pattern(100_000, sent.length + 1));
      client.stream.send(sent.at(-1) as Uint8Array);
      await turn();
      await turn();
    }
    const { drains } = client.told;
    for (let index = 0; index < 50; index++) {
      sent.push(pattern(100_000, index + 1000));
      expect(client.stream.send(sent.at(-1) as Uint8Array)).toBe(false);
    }
    await turn();
    expect(client.stream.pending).toBeGreaterThan(1_000_000);
    expect(client.told.drains).toBe(drains);
    server.stream.resume();
    const wanted = Buffer.concat(sent);
    await until(() => server.told.length === wanted.length);
    expect(server.told.bytes.equals(wanted)).toBe(true);
    await until(() => client.told.drains === drains + 1);
    expect(client.stream.pending).toBe(0);
  });

  test('paused: nothing is told until it is resumed, and then all, with the end', async () => {
    const { client, server } = await pair(open(name));
    server.told.onReceived = () => server.stream.pause();
    client.stream.send(text('first'));
    await until(() => server.told.length === 5);
    for (const words of ['second', 'third', 'fourth']) {
      client.stream.send(text(words));
      await turn();
    }
    client.stream.end();
    await turn();
    expect(`${server.told.bytes}`).toBe('first');
    expect(server.told.ends).toBe(0);
    server.told.onReceived = undefined;
    server.stream.resume();
    await until(() => server.told.ends === 1);
    expect(`${server.told.bytes}`).toBe('firstsecondthirdfourth');
    server.stream.pause();
    server.stream.resume();
    await turn();
    expect(server.told.ends).toBe(1);
  });

  test('many streams that pause and resume at random get every byte', async () => {
    needs('files:100');
    const backend = open(name);
    const pairs = await Promise.all(Array.from({ length: 20 }, () => pair(backend)));
    const bytes = pattern(200_000);
    let state = 7;
    const chance = (): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 16) % 4;
    };
    for (const { client, server } of pairs) {
      server.told.onReceived = () => {
        if (chance() !== 0) return;
        server.stream.pause();
        if (chance() === 0) server.stream.resume();
        else setTimeout(() => server.stream.resume(), chance());
      };
      for (let from = 0; from < bytes.length; from += 20_000) {
        client.stream.send(bytes, from, 20_000);
      }
      client.stream.end();
    }
    await until(() => pairs.every(({ server }) => server.told.ends === 1));
    for (const { server } of pairs) expect(server.told.bytes.equals(bytes)).toBe(true);
  });

  test('ticks and microtasks run between two callbacks, unless batched', async () => {
    needs('node');
    for (const batched of [false, true]) {
      const backend = open(name, { batched });
      const pairs = await Promise.all([pair(backend), pair(backend), pair(backend)]);
      const order: string[] = [];
      for (const [index, { server }] of pairs.entries()) {
        server.told.onReceived = () => {
          order.push(`callback ${index}`);
          queueMicrotask(() => order.push('microtask'));
        };
      }
      for (const { client } of pairs) client.stream.send(text('x'));
      await until(() => order.length === 6);
      const kinds = order.map((entry) => entry.split(' ')[0]).join(' ');
      if (!batched) expect(kinds).toBe('callback microtask callback microtask callback microtask');
      for (const { client, server } of pairs) {
        client.stream.close();
        server.stream.close();
      }
    }
  });
});
