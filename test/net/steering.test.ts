/** Which socket of a shared port gets a connection: that of the CPU it came in on. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { allowedCpus, setAffinity } from 'nearmetal/cpu';
import type { OwnedFd } from 'nearmetal/fd';
import { addressOf, type InternetAddress, listen, steerByCpu, stopSteering } from 'nearmetal/net';
import { expect, onTestFinished, test } from 'vitest';
import { POLLIN } from '../../lib/abi.js';
import { pollNow } from '../../lib/fd/poll-now.js';
import { expectRefusal, openRing, RANGE, TYPE } from '../support/ring.js';

test('connections can be steered by the CPU they come in on', async () => {
  using first = listen({ reusePort: true });
  const { port } = addressOf(first) as InternetAddress;
  using second = listen({ reusePort: true, port });
  // Whatever the CPU: the first of one, and none is left to the other.
  steerByCpu(first, 1);
  const ring = openRing();
  const clients = Array.from({ length: 16 }, () => connect(port, '127.0.0.1'));
  for (let count = 0; count < 16; count++) (await ring.accept(first)).close();
  stopSteering(second);
  expect(() => stopSteering(first)).toThrow('ENOENT');
  for (const client of clients) client.destroy();
  expectRefusal(() => steerByCpu(first, 0), RANGE, 'socketCount');
  using alone = listen();
  expect(() => steerByCpu(alone, 2)).toThrow('EINVAL');
});

test('a table says which CPUs a socket serves; what several have is spread', async (context) => {
  const [one, two] = allowedCpus();
  if (one === undefined || two === undefined) return context.skip('one CPU has no other');
  const sockets = [listen({ reusePort: true })];
  const { port } = addressOf(sockets[0] as OwnedFd) as InternetAddress;
  while (sockets.length < 4) sockets.push(listen({ reusePort: true, port }));
  onTestFinished(() => {
    for (const socket of sockets) socket.close();
    setAffinity(allowedCpus());
  });
  /** Which sockets get the connections that come in on a CPU. */
  const chosen = async (cpu: number): Promise<number[]> => {
    setAffinity(cpu);
    const ring = openRing();
    const clients = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const client = connect(port, '127.0.0.1');
        await once(client, 'connect');
        return client;
      }),
    );
    const counts = await Promise.all(
      sockets.map(async (socket) => {
        let count = 0;
        while (pollNow(socket.fd, POLLIN)) {
          (await ring.accept(socket)).close();
          count++;
        }
        return count;
      }),
    );
    for (const client of clients) client.destroy();
    return counts;
  };
  const first = sockets[0] as OwnedFd;
  steerByCpu(first, [[], [two], [one, 4000], [4001]]);
  expect(await chosen(one)).toEqual([0, 0, 24, 0]);
  expect(await chosen(two)).toEqual([0, 24, 0, 0]);
  steerByCpu(first, [[], [one], [], [one]]);
  const [none, some, nothing, others] = await chosen(one);
  expect([none, nothing]).toEqual([0, 0]);
  expect(some).toBeGreaterThan(0);
  expect(others).toBeGreaterThan(0);
  // Nobody has it: as without a program, over all.
  steerByCpu(first, [[4000], [], [], []]);
  expect((await chosen(two)).reduce((sum, count) => sum + count)).toBe(24);
  // Many ranges, each with a choice that is longer than a conditional jump.
  const wide = Array.from({ length: 200 }, (_, socket) => (socket === 1 ? [one, 8] : [8, 10]));
  steerByCpu(first, wide);
  expect(await chosen(one)).toEqual([0, 24, 0, 0]);
  expectRefusal(() => steerByCpu(first, []), RANGE, 'sockets.length');
  expectRefusal(() => steerByCpu(first, [[-1]]), RANGE, 'sockets[0]');
  expectRefusal(() => steerByCpu(first, [1 as never]), TYPE, 'sockets[0]');
  expectRefusal(() => steerByCpu(first, 'x' as never), TYPE, 'sockets');
  const fine = Array.from({ length: 2000 }, (_, cpu) => [cpu]);
  expectRefusal(() => steerByCpu(first, fine), RANGE, 'sockets');
});
