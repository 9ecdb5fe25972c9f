/** Reads the PROXY header in front of a connection, and gives the socket back. */
import type { OwnedFd } from 'nearmetal/fd';
import type { Backend as Loop, Pending } from 'nearmetal/loop';
import { type Header, headerIn } from './proxy-header.js';

type Done = (header: Header | undefined, rest: Uint8Array) => void;

const NOTHING = new Uint8Array(0);

/** `done` once, with the header and what came behind it, or with none and the socket closed. */
export function readHeader(loop: Loop, socket: OwnedFd, timeoutMs: number, done: Done): Pending {
  let bytes: Uint8Array = NOTHING;
  let found: Header | undefined;
  const stream = loop.stream(socket, {
    received: (part, length) => {
      bytes = Buffer.concat([bytes, part.subarray(0, length)]);
      if (found === undefined) look();
    },
    ended: () => stream.reset(),
    drained: () => undefined,
    failed: () => undefined,
    closed: () => {
      clearTimeout(timer);
      done(undefined, NOTHING);
    },
  });
  const timer = setTimeout(() => stream.reset(), timeoutMs);

  const look = (): void => {
    const header = headerIn(bytes);
    if (header === 'more') return;
    if (header === 'none') {
      stream.reset();
      return;
    }
    found = header;
    clearTimeout(timer);
    stream.detach((held) => {
      if (held !== undefined) done(header, Buffer.concat([bytes.subarray(header.length), ...held]));
    });
  };
  return { cancel: () => stream.reset() };
}
