/** Requests that are passed on by the connections that all share, and what comes of them. */
import type { Call } from '../server/call.js';
import { slotOf } from '../server/slots.js';
import { Exchange } from './exchange.js';
import type { Flights } from './flights.js';
import { noteOf } from './hit.js';
import type { Link } from './link.js';
import { STATE } from './local.js';
import type { Near } from './near.js';
import { rawOf } from './raw.js';
import type { ReadNote } from './read-note.js';
import { keysOf, placeKey, type Rule } from './rules.js';
import type { Redirect } from './slot-map.js';
import { Absence } from './upstream.js';

/** Requests of one client that may be under way. */
export const MOST = 256;
/** Until something has changed. */
export const NEVER = -1;
const OF_ALL = 'ERR it is about all keys of a cluster: ask each of its servers';

interface Stranded {
  readonly exchange: Exchange;
  readonly redirect: Redirect;
}

export class Passing {
  private readonly near: Near;
  /** They wait for a server to be there. */
  private stranded: Stranded[] = [];

  constructor(near: Near) {
    this.near = near;
  }

  get flights(): Flights {
    return this.near.flights;
  }

  /** There is a server where there was none, or no longer. */
  changed(): void {
    const { stranded } = this;
    this.stranded = [];
    for (const { exchange, redirect } of stranded) this.sendAgain(exchange, redirect);
  }

  slotFor(call: Call, rule: Rule): number {
    if (!this.near.upstream.clustered) return -1;
    const { request } = call;
    const index = placeKey(rule, request);
    return index === 0 ? -1 : slotOf(request.source, request.start(index), request.lengthOf(index));
  }

  forward(call: Call, rule: Rule): boolean {
    const { session } = call;
    const { upstream } = this.near;
    if (session.waiting >= MOST) return this.near.wait(session, MOST / 2);
    const node = upstream.nodeFor(this.slotFor(call, rule));
    if (node === undefined) return this.near.wait(session, NEVER);
    if (node instanceof Absence) return this.near.refuseFor(call, node);
    if (rule.ofAll && upstream.clustered) return this.near.refuse(call, OF_ALL);
    if (rule.name === 'script' && call.word(1) === 'DEBUG') return this.near.refuse(call, STATE);
    const link = node.link(session.protocol);
    if (link.full) return this.near.wait(session, NEVER);
    this.pass(call, rule, link);
    return this.near.counted();
  }

  private pass(call: Call, rule: Rule, link: Link): void {
    const { session, request } = call;
    const exchange = new Exchange(this, session);
    if (rule.read !== undefined) exchange.read = noteOf(this.near, call, rule.read);
    else if (rule.writes) this.beginWrites(exchange, call, rule);
    const { source, start, length } = rawOf(request);
    if (this.near.upstream.clustered)
      exchange.request = Buffer.from(source.subarray(start, start + length));
    this.near.answers.await(exchange);
    exchange.sendOn(link, source, start, length);
  }

  /** From now on until it is answered nothing that it may change is kept. */
  private beginWrites(exchange: Exchange, call: Call, rule: Rule): void {
    if (rule.ofAll) {
      exchange.writesAll = true;
      this.near.flights.beginWriteOfAll();
      this.near.memory.dropAll();
      return;
    }
    const { request, server } = call;
    const writes: string[] = [];
    for (const index of keysOf(rule, request)) {
      // A longer one was never kept.
      if (request.lengthOf(index) > server.limits.keyBytes) continue;
      const key = request.text(index);
      writes.push(key);
      this.near.flights.beginWrite(key);
      this.near.memory.drop(key);
    }
    exchange.writes = writes;
  }

  // --- what is answered --------------------------------------------------------------------------

  keep(read: ReadNote, source: Buffer | undefined, start: number, end: number): void {
    if (source === undefined) read.release();
    else read.keep(this.near.memory, source, start, end, !this.near.upstream.clustered);
  }

  complete(exchange: Exchange, source: Uint8Array, start: number, end: number): void {
    this.near.answers.complete(exchange, source, start, end);
  }

  fail(exchange: Exchange, reason: string): void {
    const bytes = Buffer.from(`-${downText(reason)}\r\n`, 'latin1');
    this.near.answers.complete(exchange, bytes, 0, bytes.length);
  }

  redirect(exchange: Exchange, redirect: Redirect): void {
    // What the client asks next must not overtake it.
    this.near.answers.hold(exchange.session, 0);
    if (!redirect.asks) this.near.upstream.moved(redirect.slot, redirect.target);
    this.sendAgain(exchange, redirect);
  }

  private sendAgain(exchange: Exchange, redirect: Redirect): void {
    const node = this.near.upstream.nodeAt(redirect.target);
    if (node === undefined) this.stranded.push({ exchange, redirect });
    else if (node instanceof Absence) exchange.failed(node.reason);
    else exchange.sendAgain(node.link(exchange.session.protocol), redirect.asks);
  }
}

export function downText(reason: string): string {
  return `UPSTREAMDOWN ${reason.replace(/[\r\n]/g, ' ').slice(0, 512)}`;
}
