/** A socket that listens already: of a worker group, of systemd, of a process before this one. */
import { setFlags } from '../fd/fcntl.js';
import type { OwnedFd } from '../fd/fd.js';
import { givenDescriptor } from '../fd/given.js';
import { addressOf } from '../socket/listen.js';
import { getSocketOption, setSocketOption } from '../socket/options.js';
import { invalidValue } from '../validate.js';

/** What has been chosen for a socket that is given. */
export const LISTEN_KEYS = ['host', 'port', 'path', 'backlog', 'reusePort', 'ipv6Only'] as const;

/** The `listener` of `options`, which is open and listens. */
export function givenListener(options: object): OwnedFd | undefined {
  const listener = givenDescriptor('listener', options, LISTEN_KEYS);
  if (listener === undefined || getSocketOption(listener, 'listening')) return listener;
  throw invalidValue('listener', 'must be a socket that listens', listener.fd);
}

/**
 * Readies it to be accepted from. Of those whom a connection wakes only one gets it: the others
 * must not wait for the next, as they would on a socket of systemd.
 */
export function acceptBesideOthers(listener: OwnedFd, noDelay: boolean): void {
  setFlags(listener, { nonblock: true });
  // Connections inherit it.
  if (!('path' in addressOf(listener))) setSocketOption(listener, 'noDelay', noDelay);
}
