/** Connecting: names are looked up, and their addresses tried one after the other. */
import { type LookupAddress, lookup as lookupName } from 'node:dns';
import {
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
} from 'node:net';
import { ECANCELED, ETIMEDOUT } from '../abi.js';
import { SystemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Backend, Pending } from '../loop/backend.js';
import { openSocket } from '../loop/open.js';
import type { SocketAddress } from '../socket/address.js';
import { bindSocket } from '../socket/listen.js';
import { invalidType } from '../validate.js';
import type { ConnectOptions } from './node-arguments.js';
import {
  failedConnect,
  invalidAddress,
  invalidFamily,
  missingArguments,
  portOf,
} from './node-errors.js';

/** Node's own, the shortest time that an attempt gets. */
const SHORTEST_ATTEMPT_MS = 10;

/** What a dialer tells. */
interface DialEvents {
  lookup(
    error: Error | null,
    address: string | undefined,
    family: number | undefined,
    host: string,
  ): void;
  attempt(address: string, port: number, family: number): void;
  attemptFailed(address: string, port: number, family: number, error: Error): void;
  attemptTimedOut(address: string, port: number, family: number): void;
  connected(socket: OwnedFd): void;
  failed(error: Error): void;
}

interface Target {
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

/** Throws what node:net throws for wrong options. */
export function checkConnect(options: ConnectOptions): void {
  const { path, port, localAddress, localPort, lookup } = options;
  if (path !== undefined && path !== null) {
    if (typeof path !== 'string') throw invalidType('options.path', 'of type string', path);
    return;
  }
  if (port === undefined) throw missingArguments('options', 'port', 'path');
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType('options.port', 'one of type number or string', port);
  }
  portOf(port, 'Port');
  if (localAddress && isIP(localAddress) === 0) throw invalidAddress(localAddress);
  if (localPort !== undefined && typeof localPort !== 'number') {
    throw invalidType('options.localPort', 'of type number', localPort);
  }
  if (lookup !== undefined && lookup !== null && typeof lookup !== 'function') {
    throw invalidType('options.lookup', 'of type function', lookup);
  }
}

/** One connection on its way. */
export class Dial {
  readonly attempted: string[] = [];
  readonly #backend: Backend;
  readonly #options: ConnectOptions;
  readonly #events: DialEvents;
  #socket: OwnedFd | undefined;
  #pending: Pending | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(backend: Backend, options: ConnectOptions, events: DialEvents) {
    this.#backend = backend;
    this.#options = options;
    this.#events = events;
  }

  start(): void {
    const { path, host: name } = this.#options;
    if (path) {
      const failed = (result: number): void => this.#fail(failedConnect(result, { address: path }));
      this.#attempt({ path }, failed);
      return;
    }
    const host = name || 'localhost';
    const target = this.#target();
    const family = isIP(host);
    if (family === 0) this.#lookUp(host, target);
    else this.#later(() => this.#single(host, family, target));
  }

  /** Nothing is told any more. */
  cancel(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#pending?.cancel();
    this.#socket?.close();
  }

  #target(): Target {
    const { port, localAddress, localPort } = this.#options;
    return { port: portOf(port, 'Port'), localAddress, localPort };
  }

  #later(call: () => void): void {
    process.nextTick(() => {
      if (!this.#over) call();
    });
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#events.failed(error);
  }

  // --- names -------------------------------------------------------------------------------------

  #lookUp(host: string, target: Target): void {
    const { family = 0, localAddress } = this.#options;
    const all =
      (this.#options.autoSelectFamily ?? getDefaultAutoSelectFamily()) &&
      family !== 4 &&
      family !== 6 &&
      !localAddress;
    // As Node's default: addresses of families that this machine has.
    const hints = this.#options.hints ?? 0;
    const lookup = (this.#options.lookup ?? lookupName) as (
      host: string,
      options: object,
      callback: (error: Error | null, found: string | LookupAddress[], family?: number) => void,
    ) => void;
    const options = all ? { family, hints, all: true } : { family, hints };
    lookup(host, options, (error, found, foundFamily) => {
      if (this.#over) return;
      if (error) {
        this.#events.lookup(error, undefined, undefined, host);
        this.#later(() => this.#fail(error));
      } else if (Array.isArray(found)) this.#found(host, found, target);
      else this.#foundOne(host, found, foundFamily ?? isIP(found), target);
    });
  }

  #foundOne(host: string, address: string, family: number, target: Target): void {
    this.#events.lookup(null, address, family, host);
    if (this.#over) return;
    const wrong = wrongAddress(address, family, host, target.port);
    if (wrong !== undefined) this.#later(() => this.#fail(wrong));
    else this.#single(address, family, target);
  }

  #found(host: string, found: readonly LookupAddress[], target: Target): void {
    for (const { address, family } of found) this.#events.lookup(null, address, family, host);
    if (this.#over) return;
    const usable = found.filter(
      ({ address, family }) => isIP(address) !== 0 && isIP(address) === family,
    );
    const [first] = usable;
    if (first === undefined) {
      const { address = '', family = 0 } = found[0] ?? {};
      const wrong = wrongAddress(address, family, host, target.port) ?? invalidAddress(address);
      this.#later(() => this.#fail(wrong));
    } else if (usable.length === 1) this.#single(first.address, first.family, target);
    else this.#several(byTurns(usable), target, 0, []);
  }

  // --- attempts ----------------------------------------------------------------------------------

  #single(address: string, family: number, target: Target): void {
    const { port } = target;
    this.#note(address, port, family);
    this.#attempt({ host: address, port }, (result, local) => {
      const error = failedConnect(result, { address, port }, local);
      this.#events.attemptFailed(address, port, family, error);
      this.#fail(error);
    });
  }

  #several(
    addresses: readonly LookupAddress[],
    target: Target,
    index: number,
    errors: Error[],
  ): void {
    const next = addresses[index];
    if (next === undefined) {
      const [first] = errors;
      const error = Object.assign(new AggregateError(errors), {
        code: (first as NodeJS.ErrnoException).code,
      });
      this.#fail(error);
      return;
    }
    const { address, family } = next;
    const { port } = target;
    const goOn = (error: Error): void => {
      clearTimeout(this.#timer);
      errors.push(error);
      this.#several(addresses, target, index + 1, errors);
    };
    this.#note(address, port, family);
    if (this.#over) return;
    let given = false;
    this.#attempt({ host: address, port }, (result, local) => {
      if (given) return;
      const error = failedConnect(result, { address, port }, local);
      this.#events.attemptFailed(address, port, family, error);
      if (!this.#over) goOn(error);
    });
    if (index === addresses.length - 1) return;
    this.#timer = setTimeout(() => {
      given = true;
      this.#pending?.cancel();
      this.#socket?.close();
      this.#events.attemptTimedOut(address, port, family);
      if (!this.#over) goOn(failedConnect(-ETIMEDOUT, { address, port }));
    }, this.#attemptMs());
  }

  #attemptMs(): number {
    const { autoSelectFamilyAttemptTimeout: asked } = this.#options;
    return Math.max(asked ?? getDefaultAutoSelectFamilyAttemptTimeout(), SHORTEST_ATTEMPT_MS);
  }

  #note(address: string, port: number, family: number): void {
    this.attempted.push(`${address}:${port}`);
    this.#events.attempt(address, port, family);
  }

  #attempt(address: SocketAddress, failed: (result: number, local?: string) => void): void {
    if (this.#over) return;
    const local = 'path' in address ? undefined : this.#localOf(address.host);
    let socket: OwnedFd;
    try {
      socket = openSocket(address);
    } catch (error) {
      this.#later(() => this.#refuse(error, failed));
      return;
    }
    this.#socket = socket;
    try {
      if (local !== undefined) bindSocket(socket, local);
      this.#pending = this.#backend.connect(socket, address, (result) => {
        if (this.#over || this.#socket !== socket) {
          socket.close();
        } else if (result === 0) {
          this.#over = true;
          clearTimeout(this.#timer);
          this.#events.connected(socket);
        } else {
          socket.close();
          if (result !== -ECANCELED) failed(result, local && `${local.host}:${local.port}`);
        }
      });
    } catch (error) {
      socket.close();
      this.#later(() => this.#refuse(error, failed));
    }
  }

  /** A failed call is a failed attempt; anything else, such as a path too long, the end. */
  #refuse(error: unknown, failed: (result: number) => void): void {
    if (SystemError.is(error) && error.syscall !== 'bind') failed(error.errno);
    else this.#fail(error as Error);
  }

  #localOf(host: string): { host: string; port: number } | undefined {
    const { localAddress, localPort } = this.#options;
    if (!localAddress && !localPort) return undefined;
    const any = host.includes(':') ? '::' : '0.0.0.0';
    return { host: localAddress || any, port: localPort ?? 0 };
  }
}

function wrongAddress(
  address: string,
  family: number,
  host: string,
  port: number,
): Error | undefined {
  if (isIP(address) === 0) return invalidAddress(address);
  return family === 4 || family === 6 ? undefined : invalidFamily(family, host, port);
}

/** One of each family by turns, beginning with the family that the resolver put first. */
function byTurns(addresses: readonly LookupAddress[]): LookupAddress[] {
  const firstFamily = addresses[0]?.family;
  const first = addresses.filter(({ family }) => family === firstFamily);
  const second = addresses.filter(({ family }) => family !== firstFamily);
  const result: LookupAddress[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    const pair = [first[index], second[index]];
    for (const each of pair) if (each !== undefined) result.push(each);
  }
  return result;
}
