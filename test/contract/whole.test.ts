/** The backend as a whole: which it is, and its end. */
import { closeSync, openSync } from 'node:fs';
import { type BackendName, openBackend, openSocket } from 'nearmetal/loop';
import { asFd } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { ECANCELED, SOCK_DGRAM } from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { fileOf, pattern, turn } from '../support/ring.js';
import { listening, open, pair } from './support.js';

onEachBackend((name) => {
  test('says which it is, and why', () => {
    const backend = open(name);
    expect([backend.name, backend.why]).toEqual([name, 'asked for']);
    expect(() => openBackend({ backend: 'kqueue' as BackendName })).toThrow("'io_uring', 'epoll'");
    expect(() => openBackend({ highwater: 1 } as object)).toThrow('Did you mean "highWater"');
  });

  test('closing ends all that is open, and leaves nothing', async () => {
    if (name === 'epoll') needs('node:fs');
    const before = process.getActiveResourcesInfo().length;
    const backend = openBackend({ backend: name });
    const { listener, address } = listening({ backlog: 0 });
    const sides = await pair(backend);
    sides.client.stream.send(pattern(1_000_000));
    const told: number[] = [];
    const tell = (result: number): void => void told.push(result);
    backend.accept(listener, { connection: (socket) => socket.close(), failed: tell });
    backend.timer(60_000, tell);
    const hanging = openSocket(address);
    const file = asFd(openSync(fileOf('x'), 'r'));
    onTestFinished(() => closeSync(file.fd));
    backend.read(file, new Uint8Array(1), 0, tell);
    const udp = openSocket({ host: '127.0.0.1', port: 0 }, SOCK_DGRAM);
    backend.datagrams(udp, {
      received: () => undefined,
      drained: () => undefined,
      failed: () => undefined,
      closed: () => undefined,
    });
    const closing = backend.close();
    expect(backend.close()).toBe(closing);
    await closing;
    expect(backend.active).toBe(0);
    expect([sides.client.told.closes, sides.server.told.closes]).toEqual([1, 1]);
    expect(told.sort()).toEqual([-ECANCELED, 1].sort());
    expect(udp.closed).toBe(true);
    expect(listener.closed).toBe(false);
    expect(() => backend.timer(1, tell)).toThrow('closed');
    hanging.close();
    await turn();
    expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before + 1);
  });
});
