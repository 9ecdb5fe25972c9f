/** Datagrams without handlers: loops, waiting, aborts, what happens while nobody takes them. */
import { bind, connect, type Message } from 'nearmetal/dgram';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { later, turn, until } from '../support/ring.js';
import { bound } from './support.js';

onEachBackend((backend) => {
  test('a loop gives messages that are the receiver’s own, until it is left', async () => {
    const right = bind({ backend });
    const left = bound({ backend });
    for (let index = 0; index < 5; index++) left.send(`${index}`, right.address);
    const messages: Message[] = [];
    for await (const message of right) {
      messages.push(message);
      message.reply(`${message.text()}!`);
      if (messages.length === 5) break;
    }
    expect(messages.map((message) => message.text())).toEqual(['0', '1', '2', '3', '4']);
    expect(messages.every(({ from }) => from?.port === left.port)).toBe(true);
    // Leaving the loop closes the socket, which lets its answers go first.
    expect(() => right.send('x', left.address)).toThrow('closed');
    for (let index = 0; index < 5; index++) {
      expect((await left.receive())?.text()).toBe(`${index}!`);
    }
  });

  test('closing ends what waits, and the loop', async () => {
    const socket = bind({ backend });
    const waiting = [socket.receive(), socket.receive()];
    const loop = (async () => {
      for await (const message of socket) throw new Error(message.text());
      return 'ended';
    })();
    await turn();
    await socket.close();
    expect(await Promise.all(waiting)).toEqual([undefined, undefined]);
    expect(await loop).toBe('ended');
    expect(await socket.receive()).toBeUndefined();
    await socket.close();
  });

  test('a signal ends one wait, and costs no message', async () => {
    const right = bound({ backend });
    const left = bound({ backend });
    const controller = new AbortController();
    const waiting = later(right.receive({ signal: controller.signal }));
    const other = right.receive();
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    left.send('for the other', right.address);
    expect((await other)?.text()).toBe('for the other');
    await expect(right.receive({ signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test('a signal of the socket: before, with a message on its way, and after', async () => {
    const reason = new Error('no more');
    expect(() => bind({ backend, signal: AbortSignal.abort(reason) })).toThrow(reason);
    const controller = new AbortController();
    const right = bind({ backend, signal: controller.signal });
    const left = bound({ backend });
    const waiting = right.receive();
    left.send('on its way', right.address);
    controller.abort();
    const got = await waiting;
    expect([undefined, 'on its way']).toContain(got?.text());
    await until(() => right.socket.closed);
    const late = new AbortController();
    const closed = bind({ backend, signal: late.signal });
    await closed.close();
    late.abort();
  });

  test('using closes', async () => {
    const right = bound({ backend });
    const { socket } = await (async () => {
      await using left = connect({ backend, ...right.address });
      left.send('x');
      return left;
    })();
    expect(socket.closed).toBe(true);
    expect((await right.receive())?.text()).toBe('x');
    const second = (() => {
      using left = bind({ backend });
      return left.socket;
    })();
    expect(second.closed).toBe(true);
  });

  test('messages that nobody takes wait here up to a number, and then in the socket', async () => {
    const right = bound({ backend, queue: 10 });
    const left = bound({ backend });
    for (let index = 0; index < 200; index++) {
      left.send(`${index}`, right.address);
      if (index % 5 === 0) await turn();
    }
    // What was on its way when it was full may have come on top.
    expect(right.stats.received).toBeLessThan(150);
    for (let index = 0; index < 200; index++) {
      expect((await right.receive())?.text()).toBe(`${index}`);
    }
    expect(right.stats).toMatchObject({ received: 200 });
  });

  test('flushed resolves when all has gone, and rejects when something has not', async () => {
    const right = bound({ backend });
    const left = bound({ backend });
    await left.flushed();
    for (let index = 0; index < 10; index++) left.send('x', right.address);
    await left.flushed();
    expect(left.stats).toMatchObject({ sent: 10, pending: 0 });
    left.send(new Uint8Array(65_520), right.address);
    left.send('after', right.address);
    const failure = await left.flushed().catch((error) => error);
    expect(failure).toMatchObject({ code: 'EMSGSIZE', syscall: 'sendmmsg' });
    expect(failure.hint).toContain('65507');
    expect(left.stats).toMatchObject({ sent: 11, pending: 0, lost: 1 });
    await left.flushed();
  });

  test('with a handler there is nothing to wait for', async () => {
    const socket = bound({ backend, messages: () => undefined });
    await expect(socket.receive()).rejects.toThrow('handler');
  });

  test('sockets that are closed in flight leave nothing', async () => {
    for (let round = 0; round < 50; round++) {
      const right = bind({ backend });
      const left = connect({ backend, ...right.address });
      onTestFinished(() => left.close());
      for (let index = 0; index < 20; index++) left.send('x');
      const waiting = right.receive();
      if (round % 3 === 0) await turn();
      if (round % 2 === 0) right.socket.close();
      await Promise.all([right.close(), left.close(), waiting]);
      expect([right.socket.closed, left.socket.closed]).toEqual([true, true]);
    }
  });
});
