/** Datagrams: with their senders, and refused ones. */
import { type Backend, type DatagramEvents, encodeAddress, openSocket } from 'nearmetal/loop';
import { addressOf, type InternetAddress } from 'nearmetal/net';
import { describe, expect, test } from 'vitest';
import { ECONNREFUSED, SOCK_DGRAM } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { decodeAddress } from '../../lib/socket/address.js';
import { until } from '../support/ring.js';
import { BACKENDS, open, text } from './support.js';

describe.each(BACKENDS)('%s', (name) => {
  class Letters implements DatagramEvents {
    readonly all: [string, InternetAddress][] = [];
    readonly failures: number[] = [];
    received(bytes: Uint8Array, length: number, from: Uint8Array): void {
      const words = Buffer.from(bytes.subarray(0, length)).toString();
      this.all.push([words, decodeAddress(from) as InternetAddress]);
    }
    drained(): void {}
    failed(result: number): void {
      this.failures.push(result);
    }
  }

  function bound(backend: Backend) {
    const any = { host: '127.0.0.1', port: 0 };
    const socket = openSocket(any, SOCK_DGRAM);
    expect(native.bind(socket.fd, encodeAddress('address', any).bytes)).toBe(0);
    const letters = new Letters();
    const address = addressOf(socket) as InternetAddress;
    const encoded = encodeAddress('address', address).bytes;
    return { letters, address, encoded, datagrams: backend.datagrams(socket, letters) };
  }

  test('go both ways, each with its sender', async () => {
    const backend = open(name);
    const [left, right] = [bound(backend), bound(backend)];
    for (let index = 0; index < 100; index++) {
      expect(left.datagrams.send(text(`${index}`), right.encoded)).toBe(`${index}`.length);
    }
    expect(left.datagrams.send(new Uint8Array(0), right.encoded)).toBe(0);
    await until(() => right.letters.all.length === 101);
    const words = [...Array.from({ length: 100 }, (_, index) => `${index}`), ''];
    expect(right.letters.all).toEqual(words.map((word) => [word, left.address]));
    right.datagrams.send(text('back'), left.encoded);
    await until(() => left.letters.all.length === 1);
    expect(left.letters.all).toEqual([['back', right.address]]);
    left.datagrams.close();
    right.datagrams.close();
    await until(() => backend.active === 0);
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
});
