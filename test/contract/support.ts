/** What the tests of the contract share: connections that note what they are told. */
import { closeSync, openSync } from 'node:fs';
import {
  type Backend,
  type BackendName,
  type BackendOptions,
  openBackend,
  openSocket,
  type Stream,
  type StreamEvents,
} from 'nearmetal/loop';
import { addressOf, type InternetAddress, type ListenOptions, listen } from 'nearmetal/net';
import type { OwnedFd } from 'nearmetal/ring';
import { expect, onTestFinished } from 'vitest';
import { until } from '../support/ring.js';

/** Everything that a connection told. */
export class Told implements StreamEvents {
  readonly chunks: Buffer[] = [];
  readonly failures: number[] = [];
  ends = 0;
  drains = 0;
  finishes = 0;
  closes = 0;
  onReceived: (() => void) | undefined;

  received(bytes: Uint8Array, length: number): void {
    this.chunks.push(Buffer.from(bytes.subarray(0, length)));
    this.onReceived?.();
  }
  ended(): void {
    this.ends++;
  }
  drained(): void {
    this.drains++;
  }
  finished(): void {
    this.finishes++;
  }
  failed(result: number): void {
    this.failures.push(result);
  }
  closed(): void {
    this.closes++;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
  get length(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  /** How it ended. */
  get end(): object {
    return { ends: this.ends, failures: this.failures, closes: this.closes };
  }
}

export interface Side {
  readonly stream: Stream;
  readonly told: Told;
}

export function open(name: BackendName, options: BackendOptions = {}): Backend {
  const backend = openBackend({ backend: name, ...options });
  onTestFinished(() => backend.close());
  return backend;
}

export function listening(options: ListenOptions = {}): {
  listener: OwnedFd;
  address: InternetAddress;
} {
  const listener = listen(options);
  onTestFinished(() => listener.close());
  return { listener, address: addressOf(listener) as InternetAddress };
}

export const connected = (
  backend: Backend,
  socket: OwnedFd,
  address: InternetAddress,
): Promise<number> => new Promise((resolve) => backend.connect(socket, address, resolve));

/** The sockets of a new connection. */
export async function sockets(backend: Backend): Promise<{ client: OwnedFd; server: OwnedFd }> {
  const { listener, address } = listening({ noDelay: true });
  let accepted: OwnedFd | undefined;
  const acceptor = backend.accept(listener, {
    connection: (socket) => {
      accepted = socket;
    },
    failed: (result) => expect(result).toBe(0),
  });
  const socket = openSocket(address);
  expect(await connected(backend, socket, address)).toBe(0);
  await until(() => accepted !== undefined);
  acceptor.close();
  return { client: socket, server: accepted as unknown as OwnedFd };
}

/** Both sides of a new connection. */
export async function pair(backend: Backend): Promise<{ client: Side; server: Side }> {
  const { client, server } = await sockets(backend);
  const side = (of: OwnedFd): Side => {
    const told = new Told();
    return { stream: backend.stream(of, told), told };
  };
  return { client: side(client), server: side(server) };
}

export const text = (words: string): Buffer => Buffer.from(words);
export const isOpen = (fd: number): boolean => {
  try {
    closeSync(openSync(`/proc/self/fd/${fd}`, 'r'));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
};
