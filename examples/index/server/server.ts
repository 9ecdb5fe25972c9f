/** The index for other programs: a line asks, lines answer. */
import { type Serving, serve } from 'nearmetal/net';
import type { OrderedIndex } from '../ordered-index.js';
import { Session } from './session.js';

export interface Listening {
  readonly host: string;
  readonly port: number;
  readonly idleTimeoutMs: number;
  readonly maxConnections: number;
  /** For a line that has begun to come to its end. */
  readonly lineMs: number;
}

const CHECK_MS = 1000;

export function listenFor(index: OrderedIndex, options: Listening): Serving<Session> {
  const { lineMs, ...listening } = options;
  const serving = serve<Session>({
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
  const check = (): void => {
    const now = performance.now();
    for (const { state } of serving.connections) state?.check(now, lineMs);
  };
  setInterval(check, Math.min(lineMs, CHECK_MS)).unref();
  return serving;
}
