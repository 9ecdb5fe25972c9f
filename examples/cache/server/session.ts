/** What belongs to one connection. */
import type { ServedConnection } from 'nearmetal/net';
import type { Line } from '../near/line.js';
import { Carry } from '../protocol/carry.js';
import type { Protocol } from '../protocol/reply.js';
import { type Limits, Request } from '../protocol/request.js';
import type { Command } from './command.js';

/** A command that waits for EXEC. */
export interface Queued {
  readonly command: Command;
  readonly request: Request;
}

export class Session {
  readonly id: number;
  readonly connection: ServedConnection<Session>;
  readonly request: Request;
  readonly carry = new Carry();
  readonly since: number;
  protocol: Protocol = 2;
  name = '';
  library = '';
  libraryVersion = '';
  lastCommand = '';
  lastUse: number;
  noEvict = false;
  /** Since when a part of a request is here; 0: there is none. */
  partialSince = 0;
  /** Bytes of it so far. */
  partialBytes = 0;
  /** It takes no more for now: the peer reads too slowly. */
  blocked = false;
  /** It takes no more for now: answers must come from elsewhere first. */
  held = false;
  /** Answers that come from elsewhere. */
  waiting = 0;
  /** These, and how they are had, where there is an upstream. */
  line: Line | undefined = undefined;
  /** The answer is the last one. */
  closing = false;
  /** Between MULTI and EXEC. */
  queue: Queued[] | undefined = undefined;
  queueBytes = 0;
  /** One of the queued commands was none. */
  queueRefused = false;
  /** Keys of WATCH, and whether one of them has changed. */
  watched: Set<string> | undefined = undefined;
  watchBroken = false;
  channels: Set<string> | undefined = undefined;
  patterns: Set<string> | undefined = undefined;

  constructor(id: number, connection: ServedConnection<Session>, limits: Limits, now: number) {
    this.id = id;
    this.connection = connection;
    this.request = new Request(limits);
    this.since = now;
    this.lastUse = now;
  }

  /** It need say nothing: it listens, or waits for an answer. */
  get isPatient(): boolean {
    return this.subscriptions > 0 || this.waiting > 0 || this.line?.own?.listens === true;
  }

  get subscriptions(): number {
    return (this.channels?.size ?? 0) + (this.patterns?.size ?? 0);
  }

  write(bytes: Uint8Array): void {
    if (!this.connection.write(bytes) && this.connection.open) this.blocked = true;
  }
}
