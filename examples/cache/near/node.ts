/**
 * One upstream server: a connection for clients of each protocol, so that answers are passed on as
 * they are, and one on which what they have read is told to be invalid (CLIENT TRACKING). They live
 * and die together: what one of them has read nobody else tracks.
 *
 * Nothing else is asked on the third one. Redis would put what is told between the parts of an
 * answer there, if that answer is the one to the command that makes it invalid.
 */
import type { Protocol } from '../protocol/reply.js';
import { decode, type Value } from '../protocol/value.js';
import { Link } from './link.js';
import type { Login, Target, UpstreamSettings } from './target.js';
import { nameOf } from './target.js';

export interface NodeEvents {
  ready(node: Node, commands: Value): void;
  /** Nothing that it has told is valid any more, if it has ever been ready. */
  lost(node: Node, reason: string, wasReady: boolean): void;
  /** Undefined: all keys. */
  invalid(keys: readonly string[] | undefined): void;
  batchEnd(): void;
  room(): void;
}

export class Node {
  readonly target: Target;
  readonly name: string;
  ready = false;
  open = true;
  /** As it says of itself. */
  clustered = false;
  /** Connections of clients' own, which do not outlive it. */
  readonly guests = new Set<Link>();
  /** Also of use for questions about the server. */
  readonly tracker: Link;
  private readonly links: readonly Link[];
  private readonly login: Login | undefined;
  private readonly events: NodeEvents;

  constructor(target: Target, settings: UpstreamSettings, events: NodeEvents) {
    this.target = target;
    this.name = nameOf(target);
    this.login = settings.login;
    this.events = events;
    const of = (protocol: Protocol): Link =>
      new Link(target, protocol, settings, {
        push: (source, start) => this.pushed(source, start),
        batchEnd: () => events.batchEnd(),
        room: () => events.room(),
        lost: (reason) => this.close(reason),
      });
    this.tracker = of(3);
    this.links = [of(2), of(3), this.tracker];
    this.greet().catch((error) => this.close((error as Error).message));
  }

  private async greet(): Promise<void> {
    const { tracker, links, login } = this;
    const hello = await tracker.ask(greeting(3, login));
    const about = hello as readonly Value[];
    this.clustered = about[about.indexOf('mode') + 1] === 'cluster';
    const id = String(about[about.indexOf('id') + 1]);
    for (const link of links) {
      if (link === tracker) continue;
      await link.ask(greeting(link.protocol, login));
      await link.ask(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', id]);
    }
    const commands = await tracker.ask(['COMMAND']);
    if (!this.open) return;
    this.ready = true;
    this.events.ready(this, commands);
  }

  /** The connection that speaks as a client does. */
  link(protocol: Protocol): Link {
    return this.links[protocol - 2] as Link;
  }

  get full(): boolean {
    return this.links.some((link) => link.full);
  }

  /** Resolves when all is known that was invalid before. */
  async settle(): Promise<void> {
    await this.tracker.ask(['PING']);
  }

  private pushed(source: Buffer, start: number): void {
    const message = decode(source, start);
    if (!Array.isArray(message) || message[0] !== 'invalidate') return;
    const keys: unknown = message[1];
    this.events.invalid(Array.isArray(keys) ? keys.map(String) : undefined);
  }

  /** Some times a second: a server that is gone without a word is found out by asking. */
  check(now: number): void {
    for (const link of this.links) {
      link.check(now);
      if (this.ready && link.idle) link.ask(['PING']).catch(() => undefined);
    }
  }

  close(reason: string): void {
    if (!this.open) return;
    const wasReady = this.ready;
    this.open = false;
    this.ready = false;
    this.events.lost(this, reason, wasReady);
    for (const link of [...this.links, ...this.guests]) link.close(reason);
  }
}

export function greeting(protocol: Protocol, login: Login | undefined): string[] {
  const hello = ['HELLO', String(protocol)];
  return login === undefined ? hello : [...hello, 'AUTH', login.user ?? 'default', login.password];
}
