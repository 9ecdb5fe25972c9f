/** Answers from memory what can be, and passes everything else on to the upstream servers. */
import type { Call } from '../server/call.js';
import type { CommandTable } from '../server/command-table.js';
import { run } from '../server/run.js';
import type { Server } from '../server/server.js';
import type { Session } from '../server/session.js';
import { Answers } from './answers.js';
import { Exchange } from './exchange.js';
import { Flights } from './flights.js';
import { hit } from './hit.js';
import { nearText } from './info.js';
import { Memory } from './memory.js';
import { OwnWay } from './own-way.js';
import { downText, Passing } from './passing.js';
import { localRules, type Rule, rulesFrom, UNKNOWN } from './rules.js';
import type { UpstreamSettings } from './target.js';
import { type Absence, Upstream } from './upstream.js';

export class Near {
  readonly server: Server;
  readonly upstream: Upstream;
  readonly flights = new Flights();
  readonly memory: Memory;
  readonly answers: Answers;
  invalidated = 0;
  private rules: CommandTable<Rule> = localRules();
  readonly passing: Passing;
  private readonly ownWay: OwnWay;

  constructor(server: Server, settings: UpstreamSettings) {
    this.server = server;
    this.answers = new Answers(server);
    this.memory = new Memory(server.db, server.evictor, server.limits.keyBytes);
    this.passing = new Passing(this);
    this.ownWay = new OwnWay(this);
    server.dispatch = (call) => this.dispatch(call);
    server.inOrder = (session, answer) => this.inOrder(session, answer);
    this.upstream = new Upstream(settings, {
      commands: (commands) => {
        this.rules = rulesFrom(commands);
      },
      invalid: (keys) => this.invalid(keys),
      doubtful: () => this.invalid(undefined),
      batchEnd: () => this.answers.flush(),
      changed: () => this.changed(),
    });
  }

  private invalid(keys: readonly string[] | undefined): void {
    if (keys === undefined) {
      this.flights.voidAll();
      this.memory.dropAll();
      return;
    }
    for (const key of keys) {
      this.invalidated++;
      this.flights.voidKey(key);
      this.memory.drop(key);
    }
  }

  /** There is a server, or room, where there was none; or no longer. */
  private changed(): void {
    this.answers.allGoOnSoon();
    this.passing.changed();
  }

  // --- what is asked -----------------------------------------------------------------------------

  private dispatch(call: Call): boolean {
    const { request, session } = call;
    const { source } = request;
    const rule = this.rules.find(source, request.start(0), request.lengthOf(0)) ?? UNKNOWN;
    const own = session.line?.own;
    if (own?.active) return this.ownWay.pass(call, rule, own);
    if (rule.read !== undefined && hit(this, call, rule.read)) return this.counted();
    switch (rule.way) {
      case 'local':
        return this.answerHere(call);
      case 'refuse':
        return this.refuse(call, rule.why);
      case 'info':
        return this.info(call, rule);
      case 'forward':
        return this.passing.forward(call, rule);
      default:
        return this.ownWay.begin(call, rule);
    }
  }

  counted(): true {
    this.server.commandCount++;
    return true;
  }

  inOrder(session: Session, answer: () => void): void {
    this.answers.inOrder(session, answer, () => new Exchange(this.passing, session));
  }

  answerHere(call: Call): true {
    this.inOrder(call.session, () => run(call));
    return true;
  }

  refuse(call: Call, why: string): true {
    this.inOrder(call.session, () => call.reply.error(why));
    return this.counted();
  }

  /** What clients are told while there is no server to ask. */
  refuseFor(call: Call, { reason }: Absence): true {
    return this.refuse(call, downText(reason));
  }

  private info(call: Call, rule: Rule): boolean {
    if (call.count !== 2 || call.word(1) !== 'NEAR') return this.passing.forward(call, rule);
    this.inOrder(call.session, () => call.reply.text(nearText(this)));
    return this.counted();
  }

  /** The request comes again later. */
  wait(session: Session, goesOnAt: number): false {
    this.answers.hold(session, goesOnAt);
    return false;
  }

  // --- the end -----------------------------------------------------------------------------------

  left(session: Session): void {
    session.line?.own?.close();
    this.answers.forget(session);
  }
}
