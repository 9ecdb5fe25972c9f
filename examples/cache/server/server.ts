/** One worker's cache: its keys, its sessions, and the loop from bytes to answers. */
import type { ServedConnection, ServeStats } from 'nearmetal/net';
import { COMMANDS } from '../commands/index.js';
import { Reply } from '../protocol/reply.js';
import { MALFORMED } from '../protocol/request.js';
import type { Policy } from '../store/access.js';
import { Evictor } from '../store/evictor.js';
import { expireSome } from '../store/expirer.js';
import { Keyspace } from '../store/keyspace.js';
import { Call } from './call.js';
import type { Cluster } from './cluster.js';
import type { Command } from './command.js';
import { CommandTable } from './command-table.js';
import { PubSub } from './pubsub.js';
import { run } from './run.js';
import { Session } from './session.js';
import { Watches } from './watches.js';

/** Answers a request; false: not now, it comes again when the session goes on. */
export type Dispatch = (call: Call) => boolean;

function answerHere(call: Call): boolean {
  run(call);
  return true;
}

/** What `main` decided. */
export interface Settings {
  readonly maxBytes: number;
  readonly policy: Policy;
  readonly hugepages: boolean;
  readonly requestBytes: number;
  readonly outputBytes: number;
  readonly requestTimeoutMs: number;
  readonly idleMs: number;
  readonly maxClients: number;
}

/** Slower than so many bytes a second is too slow for a request that has begun. */
const SLOWEST = 1024;
/** Of all that may be in memory, what may be requests that have come in part. */
const INPUT_SHARE = 4;

export class Server {
  readonly settings: Settings;
  readonly db: Keyspace;
  readonly evictor: Evictor;
  readonly reply = new Reply();
  readonly sessions = new Set<Session>();
  readonly pubsub = new PubSub();
  readonly watches: Watches;
  readonly commands = new CommandTable<Command>(COMMANDS);
  dispatch: Dispatch = answerHere;
  /** Answers, when those that come from elsewhere have come. */
  inOrder = (_session: Session, answer: () => void): void => answer();
  readonly limits: { readonly requestBytes: number; readonly keyBytes: number };
  readonly call: Call;
  /** Where there are several workers. */
  readonly cluster: Cluster | undefined;
  commandCount = 0;
  /** What has been received and sent. */
  traffic: () => ServeStats | undefined = () => undefined;
  connectionCount = 0;
  hits = 0;
  misses = 0;

  constructor(settings: Settings, cluster?: Cluster) {
    this.cluster = cluster;
    this.settings = settings;
    this.db = new Keyspace(settings.maxBytes, settings.policy, settings.hugepages);
    this.evictor = new Evictor(this.db, settings.policy);
    this.watches = new Watches(this.db);
    this.limits = {
      requestBytes: Math.min(settings.requestBytes, Math.floor(settings.maxBytes / INPUT_SHARE)),
      keyBytes: this.db.blocks.largest - 1024,
    };
    this.pubsub.outputBytes = settings.outputBytes;
    this.call = new Call(this);
  }

  open(connection: ServedConnection<Session>): void {
    const session = new Session(++this.connectionCount, connection, this.limits, Date.now());
    connection.state = session;
    this.sessions.add(session);
  }

  close(session: Session): void {
    this.sessions.delete(session);
    this.pubsub.leave(session);
    this.watches.forget(session);
    this.db.budget.input -= session.carry.bytes.length + session.queueBytes;
    session.queueBytes = 0;
  }

  /** Bytes that are lent until this returns. */
  receive(session: Session, received: Uint8Array): void {
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length);
    if (session.closing) return;
    this.db.tick();
    session.lastUse = this.db.now;
    if (session.blocked || session.held || session.carry.length > 0)
      this.receiveMore(session, bytes);
    else {
      const used = this.answer(session, bytes, 0, bytes.length);
      if (used < bytes.length && !session.closing) this.keep(session, bytes, used, bytes.length);
    }
  }

  private receiveMore(session: Session, bytes: Buffer): void {
    this.keep(session, bytes, 0, bytes.length);
    this.goOn(session);
  }

  /** Answers what was kept. */
  goOn(session: Session): void {
    if (session.blocked || session.held || session.closing) return;
    const { carry } = session;
    const before = carry.bytes.length;
    carry.consume(this.answer(session, carry.bytes, carry.start, carry.end));
    this.db.budget.input += carry.bytes.length - before;
    if (carry.length === 0) session.partialSince = 0;
  }

  private keep(session: Session, bytes: Buffer, from: number, to: number): void {
    const { budget } = this.db;
    const growth = session.carry.growth(to - from);
    if (budget.input + growth > budget.max / INPUT_SHARE) {
      this.refuse(session, 'requests that have come in part take too much memory');
      return;
    }
    budget.input += growth;
    if (session.partialSince === 0) {
      session.partialSince = this.db.now;
      session.partialBytes = 0;
    }
    session.partialBytes += to - from;
    session.carry.append(bytes, from, to);
  }

  /** Answers whole requests, and answers where the first one begins that is not whole. */
  private answer(session: Session, source: Buffer, start: number, end: number): number {
    const { reply, call } = this;
    const { request } = session;
    reply.protocol = session.protocol;
    reply.output = session;
    let from = start;
    while (from < end && !session.blocked && !session.held && !session.closing) {
      const next = request.parse(source, from, end);
      if (next <= 0) {
        if (next === MALFORMED) this.refuse(session, `Protocol error: ${request.problem}`);
        break;
      }
      if (request.count > 0) {
        call.session = session;
        call.request = request;
        if (!this.dispatch(call)) {
          request.reset();
          break;
        }
      }
      request.reset();
      from = next;
      session.partialSince = 0;
    }
    reply.flush();
    if (session.closing) this.end(session);
    return from;
  }

  private refuse(session: Session, problem: string): void {
    this.reply.output = session;
    this.inOrder(session, () => this.reply.error(`ERR ${problem}`));
    this.reply.flush();
    this.end(session);
  }

  /** Takes no more, and ends the connection when all is answered. */
  end(session: Session): void {
    session.closing = true;
    if (session.waiting === 0) session.connection.end();
  }

  /** The peer has read what it was sent. */
  drained(session: Session): void {
    if (!session.blocked) return;
    session.blocked = false;
    this.db.tick();
    if (session.carry.length > 0) this.goOn(session);
  }

  /** Some times a second. */
  sweep(): void {
    this.db.tick();
    expireSome(this.db);
    this.evictor.relieve();
  }

  /** Now and then: peers that dawdle. */
  closeSlow(): void {
    const { now } = this.db;
    const { idleMs, requestTimeoutMs } = this.settings;
    for (const session of this.sessions) {
      const { partialSince, partialBytes, connection } = session;
      const allowed = requestTimeoutMs + (partialBytes / SLOWEST) * 1000;
      const stopped = session.blocked || session.held;
      if (partialSince !== 0 && !stopped && now - partialSince > allowed) {
        connection.reset();
      } else if (session.closing && now - session.lastUse > requestTimeoutMs) connection.reset();
      else if (idleMs > 0 && now - session.lastUse > idleMs && !session.isPatient) {
        connection.close();
      }
    }
  }
}
