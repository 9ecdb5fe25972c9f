/** Who asks: a connection of TCP or of TLS, as a session sees it. */
import type { File } from 'nearmetal/fs';
import type { Session } from './session.js';

export interface Peer {
  readonly address: string;
  /** Changes while the peer takes what it is sent. */
  readonly progress: number;
  /** The bytes are not changed later. False: wait for the session to be told that all has gone. */
  write(bytes: Uint8Array | string): boolean;
  /** Behind all that was written. Rejects when not all of it could be sent. */
  sendFile(file: File, offset: number, length: number): Promise<unknown>;
  pause(): void;
  resume(): void;
  /** Ends our side when all was sent. */
  end(): void;
  close(): void;
  /** As `close`; the peer is told that something went wrong. */
  reset(): void;
}

/** A server over one kind of connections. */
export interface Serving {
  sessions(): Iterable<Session>;
  /** Takes no more connections, and resolves when the last one has ended. */
  drain(): Promise<void>;
}
