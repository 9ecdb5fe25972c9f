/** What goes through a channel: bytes as they are, other values serialized, descriptors moved. */
import { deserialize, serialize } from 'node:v8';
import { OwnedFd } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import { isJson } from './channel-json.js';
import type { Transit } from './channel-transit.js';
import { SharedError } from './errors.js';
import { SharedMemory } from './memory.js';

/** What a message is made of: the lowest two bits of its tag. */
const BYTES = 0;
const VALUE = 1;
/** A value, and where in it what was moved belongs. */
const MOVED = 2;
/** A value as text. */
const JSON_TEXT = 3;

/** What can be sent and is then the receiver's: the sender's object is closed. */
export type Movable = OwnedFd | Mapping | SharedMemory;

interface Moved {
  /** Of the value's properties; undefined when it is the value itself. */
  readonly key: string | number | undefined;
  readonly what: 'fd' | 'mapping' | 'memory';
}

/** A value that is ready to be sent. */
export interface Encoded {
  readonly kind: number;
  readonly message: Uint8Array | string;
  readonly moves: readonly Moved[];
  /** The descriptors of `moves`: the user's own, or this thread's once they have been detached. */
  fds: readonly OwnedFd[];
  /** Closes what the descriptors belonged to, without them. */
  readonly detach: () => void;
  readonly plain: unknown;
}

const NOTHING: readonly never[] = [];
const nothing = (): void => undefined;

function simple(kind: number, message: Uint8Array | string): Encoded {
  return { kind, message, moves: NOTHING, fds: NOTHING, detach: nothing, plain: undefined };
}

function whatIs(value: unknown): Moved['what'] | undefined {
  if (value instanceof OwnedFd) return 'fd';
  if (value instanceof Mapping) return 'mapping';
  return value instanceof SharedMemory ? 'memory' : undefined;
}

/** The descriptor that stands for it, from another process's point of view its memory. */
function descriptorOf(value: Movable): OwnedFd {
  const fd = value instanceof OwnedFd ? value : value.fd;
  if (fd !== undefined && !fd.closed) return fd;
  throw new TypeError('what has no descriptor, or a closed one, cannot be sent');
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null;
}

/** Makes a message of `value`; the movables are found where serializing it has failed of them. */
export function encode(value: unknown): Encoded {
  if (value instanceof Uint8Array) return simple(BYTES, value);
  if (isJson(value)) return simple(JSON_TEXT, JSON.stringify(value));
  try {
    return simple(VALUE, serialize(value));
  } catch (error) {
    return encodeMoved(value, error);
  }
}

function encodeMoved(value: unknown, error: unknown): Encoded {
  const moves: Moved[] = [];
  const movables: Movable[] = [];
  let plain: unknown;
  const add = (key: Moved['key'], part: unknown): boolean => {
    const what = whatIs(part);
    if (what === undefined) return false;
    if (movables.includes(part as Movable)) throw new TypeError('it can be moved only once');
    moves.push({ key, what });
    movables.push(part as Movable);
    return true;
  };
  if (!add(undefined, value)) {
    if (!isPlain(value)) throw error;
    const copy: Record<string, unknown> = Array.isArray(value)
      ? ([...value] as never)
      : { ...value };
    for (const [key, part] of Object.entries(copy)) if (add(key, part)) copy[key] = undefined;
    if (moves.length === 0) throw error;
    plain = copy;
  }
  const fds = movables.map(descriptorOf);
  if (new Set(fds).size < fds.length) throw new TypeError('it can be moved only once');
  if (fds.some(({ inFlight }) => inFlight > 0)) {
    throw new TypeError('operations are in flight on a descriptor that is to be moved');
  }
  const detach = (): void => {
    for (const movable of movables) {
      if (movable instanceof SharedMemory) movable.close();
      else if (movable instanceof Mapping) movable.dispose();
    }
  };
  // With as many slots as there will be: the length is checked before anything is moved.
  const message = serialize([plain, moves, moves.map(() => 255)]);
  return { kind: MOVED, message, moves, fds, detach, plain };
}

/** Gives the descriptors to `slots`, and answers the bytes to send. */
export function move(encoded: Encoded, transit: Transit, slots: readonly number[]): Uint8Array {
  const bytes = serialize([encoded.plain, encoded.moves, slots]);
  for (const [index, slot] of slots.entries()) {
    transit.put(slot, (encoded.fds[index] as OwnedFd).release());
  }
  encoded.detach();
  return bytes;
}

/** Takes what is to be moved out of the user's hands, to be sent later. */
export function detached(encoded: Encoded): Encoded {
  if (encoded.kind === BYTES) return { ...encoded, message: Buffer.from(encoded.message) };
  const fds = encoded.fds.map((fd) => OwnedFd.adopt(fd.release()));
  encoded.detach();
  return { ...encoded, fds, detach: nothing };
}

/** A value that has come, and what of it is to be closed if nobody takes it. */
export interface Decoded {
  readonly value: unknown;
  readonly moved: readonly Disposable[];
}

/** @param bytes this thread's own: the value may have views of them */
export function decode(kind: number, bytes: Buffer, transit: Transit): Decoded {
  if (kind === BYTES) return { value: bytes, moved: NOTHING };
  if (kind === JSON_TEXT) return { value: readText(bytes), moved: NOTHING };
  if (kind === VALUE) return { value: read(bytes), moved: NOTHING };
  const [plain, moves, slots] = read(bytes) as [unknown, readonly Moved[], readonly number[]];
  const moved: Disposable[] = [];
  let value = plain;
  const fds = slots.map((slot) => OwnedFd.adopt(transit.take(slot)));
  try {
    for (const [index, { key, what }] of moves.entries()) {
      const part = arrived(what, fds[index] as OwnedFd);
      moved.push(part);
      if (key === undefined) value = part;
      else (value as Record<string, unknown>)[key] = part;
    }
  } catch (error) {
    for (const part of [...moved, ...fds]) part[Symbol.dispose]();
    throw error;
  }
  return { value, moved };
}

function arrived(what: Moved['what'], fd: OwnedFd): Movable {
  if (what === 'fd') return fd;
  return what === 'memory' ? SharedMemory.adopt(fd) : Mapping.adopt(fd);
}

function read(bytes: Buffer): unknown {
  try {
    return deserialize(bytes);
  } catch (cause) {
    throw corrupt(cause);
  }
}

function readText(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw corrupt(cause);
  }
}

function corrupt(cause: unknown): SharedError {
  const error = new SharedError('CORRUPT', 'a message is no serialized value');
  error.cause = cause;
  return error;
}

export function discard(moved: readonly Disposable[]): void {
  for (const part of moved) part[Symbol.dispose]();
}

/** What a responder threw, as what can be sent: an Error, and its code. */
export function failureOf(thrown: unknown): unknown {
  const { code } = (thrown ?? {}) as { code?: unknown };
  const named = typeof code === 'string' ? code : undefined;
  const failure = [thrown instanceof Error ? thrown : new Error(String(thrown)), named];
  try {
    serialize(failure);
    return failure;
  } catch {
    return [new Error((thrown as Error).message), named];
  }
}

export function errorOf(failure: unknown): Error {
  const [error, code] = failure as [Error, string | undefined];
  return code === undefined ? error : Object.assign(error, { code });
}
