/** Datagrams: with their senders, and refused ones. */
import {
  type Backend,
  type DatagramBatch,
  type DatagramEvents,
  type DatagramOptions,
  encodeAddress,
  openSocket,
} from 'nearmetal/loop';
import { addressOf, type InternetAddress } from 'nearmetal/net';
import { expect, test } from 'vitest';
import { ECONNREFUSED, EMSGSIZE, SOCK_DGRAM } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { decodeAddress } from '../../lib/socket/address.js';
import { onEachBackend } from '../support/backends.js';
import { turn, until } from '../support/ring.js';
import { uncaughtErrors } from '../support/thrown.js';
import { open, text } from './support.js';

onEachBackend((name) => {
  class Letters implements DatagramEvents {
    readonly all: [string, InternetAddress][] = [];
    readonly failures: number[] = [];
    readonly batches: number[] = [];
    readonly lost: number[] = [];
    drains = 0;
    closes = 0;
    received(batch: DatagramBatch): void {
      this.batches.push(batch.count);
      for (let index = 0; index < batch.count; index++) {
        const words = Buffer.from(batch.bytesOf(index)).toString();
        this.all.push([words, decodeAddress(batch.nameOf(index)) as InternetAddress]);
      }
    }
    drained(): void {
      this.drains++;
    }
    failed(result: number, lost: number): void {
      this.failures.push(result);
      this.lost.push(lost);
    }
    closed(): void {
      this.closes++;
    }
  }

  function bound(backend: Backend, options: DatagramOptions = {}) {
    const any = { host: '127.0.0.1', port: 0 };
    const socket = openSocket(any, SOCK_DGRAM);
    expect(native.bind(socket.fd, encodeAddress('address', any).bytes)).toBe(0);
    const letters = new Letters();
    const address = addressOf(socket) as InternetAddress;
    const encoded = encodeAddress('address', address).bytes;
    return { letters, address, encoded, datagrams: backend.datagrams(socket, letters, options) };
  }

  test('go both ways, each with its sender', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    for (let index = 0; index < 100; index++) {
      expect(left.datagrams.send(text(`${index}`), right.encoded)).toBe(true);
    }
    expect(left.datagrams.send(new Uint8Array(0), right.encoded)).toBe(true);
    await until(() => right.letters.all.length === 101);
    const words = [...Array.from({ length: 100 }, (_, index) => `${index}`), ''];
    expect(right.letters.all).toEqual(words.map((word) => [word, left.address]));
    right.datagrams.send(text('back'), left.encoded);
    await until(() => left.letters.all.length === 1);
    expect(left.letters.all).toEqual([['back', right.address]]);
    left.datagrams.close();
    right.datagrams.close();
    await until(() => backend.active === 0);
    expect([left.letters.closes, right.letters.closes]).toEqual([1, 1]);
    expect(left.datagrams.sent).toBe(101);
    // Many together, and not one by one.
    expect(right.letters.batches.length).toBeLessThan(20);
  });

  test('a refusal is told, and it goes on', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    const gone = bound(backend);
    gone.datagrams.close();
    await until(() => backend.active === 2);
    expect(native.connect(left.datagrams.socket.fd, gone.encoded)).toBe(0);
    left.datagrams.send(text('anybody there'));
    await until(() => left.letters.failures.length === 1);
    expect(left.letters.failures).toEqual([-ECONNREFUSED]);
    expect(native.connect(left.datagrams.socket.fd, right.encoded)).toBe(0);
    right.datagrams.send(text('here'), left.encoded);
    await until(() => left.letters.all.length === 1);
  });

  test('a burst larger than one look is read to its end', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    for (let index = 0; index < 150; index++) left.datagrams.send(text('x'), right.encoded);
    await until(() => right.letters.all.length === 150);
  });

  test('while it is paused they wait in the socket', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend, { paused: true })];
    left.datagrams.send(text('one'), right.encoded);
    await turn();
    expect(right.letters.all).toEqual([]);
    right.datagrams.resume();
    await until(() => right.letters.all.length === 1);
    right.datagrams.pause();
    await turn();
    left.datagrams.send(text('two'), right.encoded);
    await turn();
    expect(right.letters.all.length).toBe(1);
    right.datagrams.resume();
    await until(() => right.letters.all.length === 2);
  });

  test('a longer one than there is room for is cut off, and tells its length', async () => {
    const backend = open(name);
    const lengths: number[][] = [];
    const [left, right] = [bound(backend), bound(backend, { maxBytes: 10 })];
    right.letters.received = (batch) => {
      for (let index = 0; index < batch.count; index++) {
        lengths.push([batch.lengthOf(index), batch.fullLengthOf(index)]);
      }
    };
    for (const length of [0, 1, 10, 11, 65_507]) {
      left.datagrams.send(new Uint8Array(length), right.encoded);
    }
    await until(() => lengths.length === 5);
    expect(lengths).toEqual([
      [0, 0],
      [1, 1],
      [10, 10],
      [10, 11],
      [10, 65_507],
    ]);
  });

  test('one that is refused costs no other, and is told', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    left.datagrams.send(text('before'), right.encoded);
    left.datagrams.send(new Uint8Array(65_508), right.encoded);
    left.datagrams.send(text('after'), right.encoded);
    await until(() => right.letters.all.length === 2);
    expect(right.letters.all.map(([words]) => words)).toEqual(['before', 'after']);
    expect([left.letters.failures, left.letters.lost]).toEqual([[-EMSGSIZE], [1]]);
  });

  test('a handler that throws costs no datagram', async () => {
    const backend = open(name);
    const errors = uncaughtErrors();
    const [left, right] = [bound(backend), bound(backend)];
    const { received } = right.letters;
    right.letters.received = (batch) => {
      received.call(right.letters, batch);
      throw new Error('on purpose');
    };
    for (let index = 0; index < 150; index++) left.datagrams.send(text('x'), right.encoded);
    await until(() => right.letters.all.length === 150);
    await until(() => errors.length === right.letters.batches.length);
  });

  test('what was sent before it is closed goes out', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    left.datagrams.send(text('last words'), right.encoded);
    left.datagrams.close();
    expect(() => left.datagrams.send(text('x'), right.encoded)).toThrow('closed');
    await until(() => right.letters.all.length === 1 && left.letters.closes === 1);
    expect(left.letters.failures).toEqual([]);
  });

  test('a socket that somebody else closes ends', async () => {
    const backend = open(name);
    const left = bound(backend);
    left.datagrams.socket.close();
    await until(() => left.letters.closes === 1 && backend.active === 0);
  });
});
