/** What the tests of rings share: rings, files and sockets that are gone when the test is. */
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pipe } from 'nearmetal/fd';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import { asFd, type BorrowedFd, type OwnedFd, Ring, type RingOptions } from 'nearmetal/ring';
import { expect, onTestFinished } from 'vitest';
import { openSocket } from './socket.js';

/** A ring that is closed after the test. */
export function openRing(options: RingOptions = {}): Ring {
  const ring = Ring.open({ entries: 64, ...options });
  onTestFinished(() => ring.close());
  return ring;
}

/** A folder that is removed after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'nearmetal-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The path of a file with these contents. */
export function fileOf(contents: string | Uint8Array): string {
  const path = join(folder(), 'file');
  writeFileSync(path, contents);
  return path;
}

/** A descriptor of plain Node, closed after the test. */
export function openPlain(path: string, flags = constants.O_RDWR | constants.O_CREAT): BorrowedFd {
  const fd = openSync(path, flags, 0o600);
  onTestFinished(() => closeSync(fd));
  return asFd(fd);
}

/** A descriptor of a file with these contents. */
export function openWith(contents: string | Uint8Array): BorrowedFd {
  return openPlain(fileOf(contents));
}

/** A pipe whose two ends are one descriptor. */
export function pipe(): BorrowedFd {
  using ends = Pipe.open();
  const path = `/proc/self/fd/${ends.readEnd.fd}`;
  return openPlain(path, constants.O_RDWR | constants.O_NONBLOCK);
}

/** `count` bytes, no two blocks of which are the same. */
export function pattern(count: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  let state = seed;
  for (let index = 0; index < count; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
export const bytesOf = (words: string): Uint8Array => new Uint8Array(Buffer.from(words));

/** Both ends of a new TCP connection over loopback. */
export async function connection(ring: Ring): Promise<{ client: OwnedFd; server: OwnedFd }> {
  const listener = listen();
  const address = addressOf(listener) as InternetAddress;
  const client = openSocket('inet');
  const [server] = await Promise.all([ring.accept(listener), ring.connect(client, address)]);
  listener.close();
  onTestFinished(() => {
    client.close();
    server.close();
  });
  return { client, server };
}

/** A wrong argument is an error of JavaScript, thrown at once, that names what is wrong. */
export function expectRefusal(call: () => unknown, code: string, words: string): void {
  let thrown: unknown;
  try {
    const result = call();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code, message: expect.stringContaining(words) });
  expect(thrown).toBeInstanceOf(code === 'ERR_OUT_OF_RANGE' ? RangeError : TypeError);
}

export const TYPE = 'ERR_INVALID_ARG_TYPE';
export const VALUE = 'ERR_INVALID_ARG_VALUE';
export const RANGE = 'ERR_OUT_OF_RANGE';

/** One turn of the event loop, and a little more. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Waits until `done` answers true; the test's own time limit says when that is too long. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await turn();
}

/** A promise that is looked at later: without this its rejection would count as unhandled. */
export function later<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => undefined);
  return promise;
}
