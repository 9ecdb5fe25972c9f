/** One connection to an upstream server: requests go one behind the other, and so do answers. */
import { Connection } from 'nearmetal/net';
import { AnswerScan, PUSH } from '../protocol/answer.js';
import { Carry } from '../protocol/carry.js';
import type { Protocol } from '../protocol/reply.js';
import { INCOMPLETE, MALFORMED } from '../protocol/request.js';
import { decode, Problem, type Value } from '../protocol/value.js';
import { Outgoing } from './outgoing.js';
import { Queue } from './queue.js';
import { nameOf, type Target, type UpstreamSettings } from './target.js';

/** Who waits for an answer; it is told one or the other, once for each time it waits. */
export interface Waiter {
  /** Bytes that are lent until this returns. */
  answered(source: Buffer, start: number, end: number): void;
  failed(reason: string): void;
}

export interface LinkEvents {
  /** A message that is nobody's answer. */
  push(source: Buffer, start: number, end: number): void;
  /** All answers that came together have been told. */
  batchEnd(): void;
  /** There is room again after `full`. */
  room(): void;
  /** The last event. */
  lost(reason: string): void;
}

const CONNECT_MS = 1000;
/** Slower than so many bytes a second is too slow for an answer that has begun. */
const SLOWEST = 1024;

export class Link {
  readonly target: Target;
  readonly protocol: Protocol;
  /** Whatever comes is told as it comes: of who listens answers cannot be counted. */
  isTunnel = false;
  open = true;
  private readonly settings: UpstreamSettings;
  private readonly events: LinkEvents;
  private readonly waiters = new Queue<Waiter>();
  private readonly scan = new AnswerScan();
  private readonly carry = new Carry();
  private readonly outgoing = new Outgoing();
  private readonly aborter = new AbortController();
  /** Bytes of the answer that were too many to be kept. */
  private dropped = 0;
  private waitingSince = 0;

  constructor(target: Target, protocol: Protocol, settings: UpstreamSettings, events: LinkEvents) {
    this.target = target;
    this.protocol = protocol;
    this.settings = settings;
    this.events = events;
    void this.run();
  }

  private async run(): Promise<void> {
    let connection: Connection | undefined;
    try {
      const { signal } = this.aborter;
      connection = await Connection.open({ ...this.target, timeoutMs: CONNECT_MS, signal });
      this.outgoing.start(connection, () => this.events.room());
      for (;;) {
        const bytes = await connection.read();
        if (bytes === undefined) break;
        this.receive(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
        if (!this.open) break;
        this.events.batchEnd();
      }
      this.close('it has ended the connection');
    } catch (error) {
      this.close((error as Error).message);
    } finally {
      connection?.close();
    }
  }

  // --- asking ------------------------------------------------------------------------------------

  /** Enough waits to be sent. */
  get full(): boolean {
    return this.outgoing.full;
  }

  get idle(): boolean {
    return this.waiters.length === 0;
  }

  /** Sends bytes, which can be used again at once; `waiter` is told of one answer. */
  send(source: Uint8Array, start: number, length: number, waiter?: Waiter): void {
    if (waiter !== undefined) this.expect(waiter);
    this.outgoing.add(source, start, length);
  }

  private expect(waiter: Waiter): void {
    if (!this.open) {
      waiter.failed(`no connection to ${nameOf(this.target)}`);
      return;
    }
    if (this.waiters.length === 0) this.waitingSince = Date.now();
    this.waiters.push(waiter);
  }

  /** Rejects with what was answered instead, or with why the link was lost. */
  ask(words: readonly string[]): Promise<Value> {
    return new Promise((resolve, reject) => {
      const request = encoded(words);
      this.send(request, 0, request.length, {
        answered: (source, start) => {
          try {
            const value = decode(source, start);
            if (value instanceof Problem) reject(new Error(value.message));
            else resolve(value);
          } catch (error) {
            reject(error);
            this.close((error as Error).message);
          }
        },
        failed: (reason) => reject(new Error(reason)),
      });
    });
  }

  // --- answers -----------------------------------------------------------------------------------

  private receive(bytes: Buffer): void {
    const { carry } = this;
    if (this.isTunnel) {
      this.events.push(bytes, 0, bytes.length);
      return;
    }
    if (carry.length === 0 && this.dropped === 0) {
      const used = this.answers(bytes, 0, bytes.length);
      if (used < bytes.length) carry.append(bytes, used, bytes.length);
    } else {
      carry.append(bytes, 0, bytes.length);
      carry.consume(this.answers(carry.bytes, carry.start, carry.end));
    }
    if (carry.length > this.settings.answerBytes || this.dropped > 0) this.drop();
  }

  /** Tells of whole answers, and answers where the first one begins that is not whole. */
  private answers(source: Buffer, start: number, end: number): number {
    let from = start;
    while (from < end && this.open) {
      const next = this.scan.parse(source, from - this.dropped, end);
      if (next === MALFORMED) this.close('it does not speak the protocol');
      if (next <= INCOMPLETE) break;
      this.scan.reset();
      this.tell(source, from, next);
      from = next;
    }
    return from;
  }

  private tell(source: Buffer, start: number, end: number): void {
    if (this.dropped > 0) {
      const problem = Buffer.from('-ERR the answer is larger than --max-request\r\n');
      this.dropped = 0;
      this.answer(problem, 0, problem.length);
    } else if (source[start] === PUSH) this.events.push(source, start, end);
    else this.answer(source, start, end);
  }

  private answer(source: Buffer, start: number, end: number): void {
    const waiter = this.waiters.shift();
    if (waiter === undefined) this.close('it answers what nobody has asked');
    else {
      this.waitingSince = Date.now();
      waiter.answered(source, start, end);
    }
  }

  /** Of an answer that is too long only its end is looked for. */
  private drop(): void {
    const { carry } = this;
    const base = carry.start - this.dropped;
    const read = this.scan.readTo(base, carry.end);
    this.dropped = read - base;
    carry.consume(read);
  }

  // --- the end -----------------------------------------------------------------------------------

  /** Now and then: an upstream that does not answer is as good as gone. */
  check(now: number): void {
    const allowed = this.settings.timeoutMs + (this.carry.length / SLOWEST) * 1000;
    if (this.waiters.length > 0 && now - this.waitingSince > allowed) {
      this.close(`it has not answered for ${this.settings.timeoutMs} ms`);
    }
  }

  close(reason: string): void {
    if (!this.open) return;
    this.open = false;
    this.aborter.abort();
    const name = nameOf(this.target);
    const why = reason.startsWith(name) ? reason : `${name}: ${reason}`;
    // What was lost is known before anybody is told, and asks again.
    this.events.lost(why);
    for (let waiter = this.waiters.shift(); waiter !== undefined; waiter = this.waiters.shift()) {
      waiter.failed(why);
    }
    this.events.batchEnd();
  }
}

export function encoded(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${word.length}\r\n${word}\r\n`);
  return Buffer.from(`*${words.length}\r\n${parts.join('')}`, 'latin1');
}
