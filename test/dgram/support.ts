/** What the tests of datagrams share: sockets that are gone when the test is. */
import { join } from 'node:path';
import { type BindOptions, bind, type DatagramSocket } from 'nearmetal/dgram';
import { onTestFinished } from 'vitest';
import { folder } from '../support/ring.js';

export type Kind = 'IPv4' | 'IPv6' | 'Unix';
export const KINDS: readonly Kind[] = ['IPv4', 'IPv6', 'Unix'];

/** An address of its own. */
export function placeOf(kind: Kind): BindOptions {
  if (kind === 'Unix') return { path: join(folder(), 'socket') };
  return { host: kind === 'IPv6' ? '::1' : '127.0.0.1' };
}

/** A socket that is closed after the test. */
export function bound(options: BindOptions): DatagramSocket {
  const socket = bind(options);
  onTestFinished(() => socket.close());
  return socket;
}

export interface Noted {
  readonly texts: string[];
  readonly batches: number[];
  readonly errors: [code: string, lost: number][];
  drains: number;
  closes: number;
}

/** A socket whose handlers note what they are told. */
export function noting(options: BindOptions): { socket: DatagramSocket; noted: Noted } {
  const noted: Noted = { texts: [], batches: [], errors: [], drains: 0, closes: 0 };
  const socket = bound({
    messages(messages) {
      noted.batches.push(messages.length);
      for (const message of messages) noted.texts.push(message.text());
    },
    error: (error, lost) => void noted.errors.push([error.code, lost]),
    drain: () => void noted.drains++,
    close: () => void noted.closes++,
    ...options,
  });
  return { socket, noted };
}
