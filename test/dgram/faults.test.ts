/** System calls that fail: nothing is lost that is not told. */
import { connect } from 'nearmetal/dgram';
import { expect, onTestFinished, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { passes } from '../support/process.js';
import { turn, until } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';
import { noting } from './support.js';

onEachBackend((backend) => {
  async function pair() {
    const { socket: right, noted: heard } = noting({ backend });
    const { socket: left, noted: told } = noting({ backend });
    await turn();
    return { right, left, heard, told };
  }

  withSeam('no room and interruptions: sent later, in order, and counted', async () => {
    const { right, left, heard, told } = await pair();
    const faults = seam();
    faults.fail(abi.SYS_sendmmsg, 1, 1, abi.ENOBUFS);
    for (let index = 0; index < 10; index++) left.send(`${index}`, right.address);
    await until(() => heard.texts.length === 10);
    faults.fail(abi.SYS_sendmmsg, 1, 3, abi.ENOBUFS);
    for (let index = 10; index < 200; index++) left.send(`${index}`, right.address);
    await until(() => heard.texts.length === 200);
    faults.fail(abi.SYS_sendmmsg, 1, 1, abi.EAGAIN);
    for (let index = 200; index < 300; index++) left.send(`${index}`, right.address);
    await until(() => heard.texts.length === 300);
    faults.fail(abi.SYS_sendmmsg, 1, 2, abi.EINTR);
    left.send('300', right.address);
    await until(() => heard.texts.length === 301);
    expect(heard.texts).toEqual(Array.from({ length: 301 }, (_, index) => `${index}`));
    expect(left.stats).toMatchObject({ sent: 301, lost: 0, errors: 0, pending: 0 });
    expect(left.stats.stalls).toBeGreaterThanOrEqual(5);
    expect(told.errors).toEqual([]);
  });

  withSeam('an error that may be about an earlier one is told, and costs nothing', async () => {
    const { right, left, heard, told } = await pair();
    seam().fail(abi.SYS_sendmmsg, 1, 1, abi.EHOSTUNREACH);
    left.send('x', right.address);
    await until(() => heard.texts.length === 1);
    expect(told.errors).toEqual([['EHOSTUNREACH', 0]]);
  });

  withSeam('one that comes twice costs one datagram, and is told once', async () => {
    const { right, left, heard, told } = await pair();
    seam().fail(abi.SYS_sendmmsg, 1, 2, abi.EPERM);
    for (let index = 0; index < 100; index++) left.send(`${index}`, right.address);
    await until(() => heard.texts.length === 99);
    expect(told.errors).toEqual([['EPERM', 1]]);
    expect(left.stats).toMatchObject({ sent: 99, lost: 1 });
  });

  withSeam('a handler that closes when it is told ends there', async () => {
    let told = 0;
    const { socket: right } = noting({ backend });
    const { socket: left } = noting({
      backend,
      error: (_error, _lost, socket) => {
        told++;
        void socket.close();
      },
    });
    seam().fail(abi.SYS_sendmmsg, 1, 2, abi.EPERM);
    for (let index = 0; index < 10; index++) left.send(`${index}`, right.address);
    await left.close();
    expect(left.socket.closed).toBe(true);
    expect(told).toBeLessThanOrEqual(2);
  });

  withSeam('receiving that fails is told, and goes on', async () => {
    const { socket: right, noted } = noting({ backend });
    const left = connect({ backend, host: '127.0.0.1', port: right.port as number });
    onTestFinished(() => left.close());
    await turn();
    if (backend === 'epoll') {
      seam().fail(abi.SYS_recvmmsg, 1, 1, abi.ENOMEM);
      left.send('x');
      await until(() => noted.texts.length === 1);
      expect(noted.errors).toEqual([['ENOMEM', 0]]);
    }
    seam().chaos(7, { errno: 300, partial: 300, delay: 200, reorder: 200 });
    for (let index = 0; index < 500; index++) {
      left.send('y');
      if (index % 50 === 0) await turn();
    }
    const before = noted.texts.length;
    await until(() => noted.texts.length >= before && noted.texts.length >= 500);
  });

  test('nothing that is unreferenced keeps a process, workers leave nothing', async () => {
    await passes('dgram', ['alive', backend]);
    await passes('dgram', ['workers', backend]);
    await passes('dgram', ['exit', backend]);
  });

  test('multicast, in a network of its own', async () => {
    await passes('dgram', ['multicast', backend], { under: ['unshare', '-n'] });
  });
});
