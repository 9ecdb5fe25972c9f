/**
 * A connection of a client's own to the upstream: for transactions and for commands that wait,
 * which would keep others waiting, and from the first SUBSCRIBE on for good.
 */
import type { Protocol } from '../protocol/reply.js';
import type { Session } from '../server/session.js';
import type { Answers } from './answers.js';
import { Link } from './link.js';
import { greeting, type Node } from './node.js';
import type { Rule } from './rules.js';
import type { UpstreamSettings } from './target.js';

const NEVER = -1;

export class Own {
  readonly node: Node;
  ready = false;
  /** All that the client asks goes this way. */
  active = false;
  listens = false;
  /** Why it was lost. */
  problem = '';
  private readonly answers: Answers;
  private readonly settings: UpstreamSettings;
  private readonly session: Session;
  private readonly link: Link;
  private readonly protocol: Protocol;
  private waiting = 0;
  private turn = 0;
  private inTransaction = false;
  private watches = false;

  constructor(answers: Answers, settings: UpstreamSettings, session: Session, node: Node) {
    this.answers = answers;
    this.settings = settings;
    this.session = session;
    this.node = node;
    this.protocol = session.protocol;
    this.link = new Link(node.target, session.protocol, settings, {
      push: (source, start, end) => answers.tell(session, source, start, end),
      batchEnd: () => answers.flush(),
      room: () => answers.goOnSoon(session),
      lost: (reason) => this.lost(reason),
    });
    node.guests.add(this.link);
    this.greet(session.protocol).then(
      () => {
        this.ready = true;
        answers.goOnSoon(session);
      },
      () => this.link.close('it does not say hello'),
    );
  }

  private async greet(protocol: Protocol): Promise<void> {
    await this.link.ask(greeting(protocol, this.settings.login));
  }

  get open(): boolean {
    return this.link.open;
  }

  get full(): boolean {
    return this.link.full;
  }

  /** The client speaks another protocol than it did. */
  get isStrange(): boolean {
    return this.protocol !== this.session.protocol;
  }

  send(rule: Rule, source: Uint8Array, start: number, length: number): void {
    const { name, way } = rule;
    this.active = true;
    if (way === 'listen') {
      // A request is answered by a message for each channel, and cannot be told from others.
      this.listens = true;
      this.link.isTunnel = true;
    }
    if (name === 'multi') this.inTransaction = true;
    else if (name === 'watch') this.watches = true;
    else if (name === 'exec' || name === 'discard') {
      this.inTransaction = false;
      this.watches = false;
    } else if (name === 'unwatch' && !this.inTransaction) this.watches = false;
    if (this.link.isTunnel) {
      this.link.send(source, start, length);
      return;
    }
    this.waiting++;
    this.session.waiting++;
    this.link.send(source, start, length, this);
  }

  answered(source: Buffer, start: number, end: number): void {
    this.waiting--;
    this.answers.tell(this.session, source, start, end);
    this.answers.completedOne(this.session);
    if (!this.isBusy) void this.comeBack();
  }

  private get isBusy(): boolean {
    return this.waiting > 0 || this.inTransaction || this.watches || this.listens;
  }

  failed(): void {
    this.waiting--;
    this.session.waiting--;
  }

  /**
   * What was written on this connection is known to be invalid before the client goes on: what it
   * reads next is at least as new.
   */
  private async comeBack(): Promise<void> {
    const turn = ++this.turn;
    this.answers.hold(this.session, NEVER);
    try {
      await this.node.settle();
    } catch {
      // It is gone, and all that it has told with it.
    }
    // It may have gone on meanwhile, for other reasons.
    if (turn !== this.turn || this.isBusy) return;
    this.active = false;
    this.answers.goOnSoon(this.session);
  }

  /** Half a transaction cannot go on elsewhere: the client is disconnected, and sees it. */
  private lost(reason: string): void {
    this.problem = reason;
    this.node.guests.delete(this.link);
    if (this.active) this.session.connection.reset();
    else this.answers.goOnSoon(this.session);
  }

  close(): void {
    this.active = false;
    this.link.close('the client has gone');
  }
}
