/** One request that was passed on: its place among those of its client, and what it touches. */
import { ERROR } from '../protocol/answer.js';
import { integerOf } from '../protocol/numbers.js';
import type { Session } from '../server/session.js';
import { latin1 } from '../store/bytes.js';
import type { Link, Waiter } from './link.js';
import type { Passing } from './passing.js';
import type { ReadNote } from './read-note.js';
import { redirectOf } from './slot-map.js';
import type { Target } from './target.js';

const REDIRECTS_MAX = 5;

export class Exchange implements Waiter {
  readonly session: Session;
  /** The one behind it, of the same client. */
  next: Exchange | undefined = undefined;
  /** What was answered, while an earlier one is not. */
  answer: Buffer | undefined = undefined;
  done = false;
  /** What it reads, if that may be kept. */
  read: ReadNote | undefined = undefined;
  /** Keys that it writes; or it writes all. */
  writes: readonly string[] = [];
  writesAll = false;
  /** Of a cluster: to be sent again to another server. */
  request: Buffer | undefined = undefined;
  private readonly passing: Passing;
  private asked: Target | undefined = undefined;
  private redirects = 0;
  /** Answers to what was sent in front of it. */
  private before = 0;

  constructor(passing: Passing, session: Session) {
    this.passing = passing;
    this.session = session;
  }

  sendOn(link: Link, source: Uint8Array, start: number, length: number): void {
    this.asked = link.target;
    this.read?.askLifetimes(link, this);
    link.send(source, start, length, this);
  }

  /** Once more, to where it was redirected. */
  sendAgain(link: Link, asks: boolean): void {
    this.asked = link.target;
    if (asks) {
      this.before = 1;
      link.send(ASKING, 0, ASKING.length, this);
    }
    const request = this.request as Buffer;
    link.send(request, 0, request.length, this);
  }

  answered(source: Buffer, start: number, end: number): void {
    if (this.before > 0) this.before--;
    else if (this.read !== undefined && this.read.missing > 0) {
      const line = source.indexOf('\r', start);
      this.read.addLifetime(integerOf(source, start + 1, line - start - 1));
    } else if (!this.isRedirected(source, start, end)) {
      this.release(source, start, end);
      this.passing.complete(this, source, start, end);
    }
  }

  private isRedirected(source: Buffer, start: number, end: number): boolean {
    if (this.request === undefined || source[start] !== ERROR) return false;
    if (this.redirects >= REDIRECTS_MAX) return false;
    const redirect = redirectOf(latin1(source, start, end - start), this.asked as Target);
    if (redirect === undefined) return false;
    this.redirects++;
    // What the first server has said about the key's lifetime is nothing that the second one says.
    this.read?.release();
    this.read = undefined;
    this.passing.redirect(this, redirect);
    return true;
  }

  failed(reason: string): void {
    if (this.done) return;
    this.done = true;
    this.release();
    this.passing.fail(this, reason);
  }

  /** Nothing is under way any more; what was read is kept, if it may be. */
  private release(source?: Buffer, start = 0, end = 0): void {
    const { flights } = this.passing;
    if (this.read !== undefined) this.passing.keep(this.read, source, start, end);
    for (const key of this.writes) flights.endWrite(key);
    if (this.writesAll) flights.endWriteOfAll();
  }
}

const ASKING = Buffer.from('*1\r\n$6\r\nASKING\r\n');
