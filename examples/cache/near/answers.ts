/** Answers to clients in the order of their requests, wherever they come from, and when. */
import { Reply } from '../protocol/reply.js';
import type { Server } from '../server/server.js';
import type { Session } from '../server/session.js';
import type { Exchange } from './exchange.js';
import { Line } from './line.js';

export class Answers {
  private readonly server: Server;
  private readonly reply = new Reply();
  private readonly held = new Set<Session>();
  private readonly going = new Set<Session>();
  private scheduled = false;

  constructor(server: Server) {
    this.server = server;
  }

  lineOf(session: Session): Line {
    session.line ??= new Line();
    return session.line;
  }

  // --- from elsewhere ----------------------------------------------------------------------------

  /** Bytes for a client, behind those that it was told before. */
  tell(session: Session, source: Uint8Array, start: number, end: number): void {
    const { reply } = this;
    if (reply.output !== session) {
      reply.flush();
      reply.output = session;
    }
    reply.raw(source, start, end - start);
    // Who asks for much and reads nothing is as slow a reader as a listener can be.
    const { connection } = session;
    if (connection.pending > this.server.settings.outputBytes) connection.reset();
  }

  flush(): void {
    this.reply.flush();
  }

  await(exchange: Exchange): void {
    this.lineOf(exchange.session).add(exchange);
    exchange.session.waiting++;
  }

  complete(exchange: Exchange, source: Uint8Array, start: number, end: number): void {
    const { session } = exchange;
    const line = this.lineOf(session);
    exchange.done = true;
    if (line.first !== exchange) {
      exchange.answer = Buffer.from(source.subarray(start, end));
      return;
    }
    this.tell(session, source, start, end);
    line.shift();
    this.completedOne(session);
    for (let next = line.first; next?.answer !== undefined; next = line.first) {
      this.tell(session, next.answer, 0, next.answer.length);
      line.shift();
      this.completedOne(session);
    }
  }

  completedOne(session: Session): void {
    session.waiting--;
    if (session.held && session.waiting <= this.lineOf(session).goesOnAt) this.goOnSoon(session);
    if (session.closing && session.waiting === 0) {
      this.flush();
      session.connection.end();
    }
  }

  // --- from here ---------------------------------------------------------------------------------

  /** What `answer` writes to the server's reply comes when all before it has come. */
  inOrder(session: Session, answer: () => void, placeholder: () => Exchange): void {
    if (session.waiting === 0) {
      answer();
      return;
    }
    const { reply } = this.server;
    const parts: Buffer[] = [];
    reply.flush();
    reply.output = { write: (bytes) => void parts.push(Buffer.from(bytes)) };
    answer();
    reply.flush();
    reply.output = session;
    const exchange = placeholder();
    this.await(exchange);
    const bytes = Buffer.concat(parts);
    this.complete(exchange, bytes, 0, bytes.length);
  }

  // --- waiting -----------------------------------------------------------------------------------

  /** Takes no more from a client until so few answers are awaited, or something has changed. */
  hold(session: Session, goesOnAt: number): void {
    this.lineOf(session).goesOnAt = goesOnAt;
    if (session.held) return;
    session.held = true;
    session.connection.pause();
    this.held.add(session);
  }

  goOnSoon(session: Session): void {
    if (!session.held) return;
    this.going.add(session);
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      const sessions = [...this.going];
      this.going.clear();
      for (const each of sessions) this.goOn(each);
    });
  }

  /** Those who wait for a change, and not for answers. */
  allGoOnSoon(): void {
    for (const session of this.held) {
      if (this.lineOf(session).goesOnAt < 0) this.goOnSoon(session);
    }
  }

  private goOn(session: Session): void {
    this.held.delete(session);
    session.held = false;
    if (!session.connection.open) return;
    session.connection.resume();
    this.server.goOn(session);
  }

  forget(session: Session): void {
    this.held.delete(session);
    this.going.delete(session);
  }
}
