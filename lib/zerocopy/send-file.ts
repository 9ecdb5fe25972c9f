/** `sendFile`: a file to a connection, whose bytes never come to JavaScript. */
import { ECANCELED } from '../abi.js';
import { abortError, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { File, open } from '../fs/file.js';
import type { FileDone, Pending } from '../loop/backend.js';
import { Connection } from '../net/connection.js';
import { ServedConnection } from '../net/served-connection.js';
import { Socket } from '../net/socket.js';
import type { PathLike } from '../path.js';
import { abortSignal, bytesView, integer, invalidType, onlyKeys } from '../validate.js';

const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

/** Connections of this library that files can be sent to. */
export type FileTarget = Connection | ServedConnection | Socket;

export interface SendFileOptions {
  /** Bytes from the start of the file. Default 0. */
  offset?: number;
  /** Bytes. Default: to the end that the file has now. */
  length?: number;
  /** Sent before the file, in one packet with its beginning. */
  headers?: Uint8Array | string;
  /** Sent after the file, when all of it was sent. */
  trailers?: Uint8Array | string;
  /** Ends it where it is, with an AbortError. The connection stays open. */
  signal?: AbortSignal;
}

/** Every error of `sendFile` says how much of the file the socket had taken. */
export interface SendFileError extends Error {
  code: string;
  bytesSent: number;
}

/**
 * Sends a file, or a part of one, in its place among what is written to the connection; resolves
 * with the bytes when the socket has taken all of them.
 *
 * What the page cache has, or had some 50 ms ago, goes by sendfile; for the rest a worker waits for
 * the disk, and not this thread. Errors have `bytesSent`. A file that became shorter meanwhile is
 * `ERR_NEARMETAL_SHORT`.
 *
 * @errno ENOENT there is no such file
 * @errno EPIPE the peer is gone; ECONNRESET likewise
 * @errno ECANCELED the connection was closed here
 * @errno EBADF the file was closed meanwhile
 * @kernel 2.6.33; 6.5 tells what is in the page cache: before, all of it goes through a pipe
 * @man sendfile(2), splice(2)
 */
export async function sendFile(
  target: FileTarget,
  file: File | PathLike,
  options: SendFileOptions = {},
): Promise<number> {
  const plan = planOf(target, options);
  if (plan.signal?.aborted) throw abortError(plan.signal);
  if (file instanceof File) return sendOpen(target, file, plan);
  await using opened = await open(file);
  return await sendOpen(target, opened, plan);
}

interface Plan {
  readonly offset: number;
  readonly length: number | undefined;
  readonly headers: Uint8Array | string | undefined;
  readonly trailers: Uint8Array | string | undefined;
  readonly signal: AbortSignal | undefined;
}

function planOf(target: unknown, options: SendFileOptions): Plan {
  const known = [Connection, ServedConnection, Socket];
  if (!known.some((each) => target instanceof each)) {
    throw invalidType('target', 'a connection of nearmetal/net', target);
  }
  onlyKeys('options', options, ['offset', 'length', 'headers', 'trailers', 'signal']);
  const { length } = options;
  return {
    offset: integer('offset', options.offset ?? 0, 0, OFFSET_MAX),
    length: length === undefined ? undefined : integer('length', length, 0, OFFSET_MAX),
    headers: bytesOrText('headers', options.headers),
    trailers: bytesOrText('trailers', options.trailers),
    signal: abortSignal('signal', options.signal),
  };
}

function bytesOrText(name: string, value: unknown): Uint8Array | string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  if (value instanceof Uint8Array) return bytesView(name, value) as Uint8Array;
  throw invalidType(name, 'a Uint8Array or a string', value);
}

async function sendOpen(target: FileTarget, file: File, plan: Plan): Promise<number> {
  if (file.closed) throw invalidType('file', 'an open File, or a path', file);
  const { offset, headers, trailers, signal } = plan;
  let { length } = plan;
  length ??= Math.max((await file.stat()).size - offset, 0);
  if (headers !== undefined) await write(target, headers, true);
  else if (target instanceof Socket) await write(target, '', true);
  const bytes = await sendPart(target, file.fd, offset, length, signal);
  if (trailers !== undefined) await write(target, trailers, false);
  return bytes;
}

/** Behind what was written; of what is to be sent together, nothing is waited for. */
async function write(target: FileTarget, data: Uint8Array | string, more: boolean): Promise<void> {
  if (target instanceof Socket) {
    await new Promise<void>((resolve, reject) => {
      target.write(data, (error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  if (target instanceof ServedConnection) {
    if (!target.open) throw failure(-ECANCELED, 0, 0);
    target.write(data);
    return;
  }
  const written = target.write(data);
  if (!more) await written;
  else written.catch(() => undefined);
}

/** Sends bytes of a file behind all that the connection has taken over. */
export function sendPart(
  target: FileTarget,
  file: OwnedFd,
  offset: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => pending?.cancel();
    const done: FileDone = (result, bytes) => {
      signal?.removeEventListener('abort', aborted);
      if (!(target instanceof Socket)) target.bytesSent += bytes;
      if (result === 0 && bytes === length) resolve(bytes);
      else if (signal?.aborted && result === -ECANCELED) {
        reject(Object.assign(abortError(signal), { bytesSent: bytes }));
      } else reject(failure(result, bytes, length));
    };
    const pending = begin(target, file, offset, length, done);
    if (pending === undefined) reject(failure(-ECANCELED, 0, length));
    else if (signal?.aborted) aborted();
    else signal?.addEventListener('abort', aborted, { once: true });
  });
}

function begin(
  target: FileTarget,
  file: OwnedFd,
  offset: number,
  length: number,
  done: FileDone,
): Pending | undefined {
  if (target instanceof Socket) return target.wire.sendFile(file, offset, length, done);
  if (target.socket.closed) return undefined;
  return target.stream.sendFile(file, offset, length, done);
}

function failure(result: number, bytesSent: number, length: number): SendFileError {
  if (result < 0) return Object.assign(systemError(result, 'sendfile'), { bytesSent });
  const error = new Error(`the file became shorter: ${bytesSent} of ${length} bytes were sent`);
  return Object.assign(error, { code: 'ERR_NEARMETAL_SHORT', bytesSent });
}
