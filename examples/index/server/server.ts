/** The index for other programs: a line asks, lines answer. */
import { type Serving, serve } from 'nearmetal/net';
import type { OrderedIndex } from '../ordered-index.js';
import { Session } from './session.js';

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
}

export function listenFor(index: OrderedIndex, listening: Listening): Serving<Session> {
  return serve<Session>({
    ...listening,
    // Who has said all still wants the answers.
    allowHalfOpen: true,
    open(connection) {
      connection.state = new Session(index, connection);
    },
    data: (connection, received) =>
      connection.state?.receive(Buffer.from(received.copy()).toString('latin1')),
    drain: (connection) => connection.state?.run(),
    end: (connection) => connection.state?.end(),
    stopping: (connection) => connection.state?.end(),
  });
}
