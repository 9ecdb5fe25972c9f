/** What is noted of a read while it is under way: its keys, how long they live, and its tokens. */
import { ERROR } from '../protocol/answer.js';
import { latin1 } from '../store/bytes.js';
import type { Flights } from './flights.js';
import type { Link, Waiter } from './link.js';
import type { Memory } from './memory.js';

const MISSING = -2;
const NULL = 0x5f;
const LIST = 0x2a;
const LONG_ERROR = 0x21;

export type ReadKind = 'get' | 'mget' | 'other';

export class ReadNote {
  private readonly kind: ReadKind;
  private readonly keys: readonly string[];
  /** Under which another answer than that of GET is kept. */
  private readonly name: string;
  private readonly flights: Flights;
  private readonly tokens: readonly number[];
  private readonly lifetimes: number[] = [];
  private readonly sentAt: number;

  constructor(
    kind: ReadKind,
    keys: readonly string[],
    name: string,
    flights: Flights,
    now: number,
  ) {
    this.kind = kind;
    this.keys = keys;
    this.name = name;
    this.flights = flights;
    this.tokens = keys.map((key) => flights.beginRead(key));
    this.sentAt = now;
  }

  /** In front of the read itself: when it is answered it is known how long the answer is good. */
  askLifetimes(link: Link, waiter: Waiter): void {
    for (const key of this.keys) {
      const request = Buffer.from(`*2\r\n$4\r\nPTTL\r\n$${key.length}\r\n${key}\r\n`, 'latin1');
      link.send(request, 0, request.length, waiter);
    }
  }

  get missing(): number {
    return this.keys.length - this.lifetimes.length;
  }

  addLifetime(milliseconds: number): void {
    this.lifetimes.push(milliseconds);
  }

  /** Nothing is kept. */
  release(): void {
    this.keys.forEach((key, index) => {
      this.flights.endRead(key, this.tokens[index] as number);
    });
  }

  /**
   * Keeps what may be kept. Where a missing key may come into being on another server than the one
   * that was asked, and tracks it, `missingToo` is false.
   */
  keep(memory: Memory, source: Buffer, start: number, end: number, missingToo: boolean): void {
    const type = source[start];
    const refused = type === ERROR || type === LONG_ERROR;
    let at = start;
    // The answer of MGET is a list with an answer of GET for each key.
    if (this.kind === 'mget' && type === LIST) at = lineEnd(source, start);
    this.keys.forEach((key, index) => {
      const valid = this.flights.endRead(key, this.tokens[index] as number);
      const lifetime = this.lifetimes[index] ?? Number.NaN;
      const expires = lifetime >= 0 ? this.sentAt + lifetime : 0;
      const alive = lifetime >= -1 || (lifetime === MISSING && missingToo);
      const keeps = valid && alive && !refused;
      if (this.kind === 'other') {
        if (keeps) memory.keepOther(key, this.name, latin1(source, at, end - at), expires);
      } else if (!refused) {
        const value = lineEnd(source, at);
        const length = source[at] === NULL ? -1 : Number(latin1(source, at + 1, value - at - 3));
        const after = length < 0 ? value : value + length + 2;
        if (keeps && this.kind === 'get' && memory.hasOthers(key)) {
          memory.keepOther(key, this.name, latin1(source, at, after - at), expires);
        } else if (keeps && !memory.hasOthers(key)) {
          memory.keep(key, source, value, length, this.kind === 'mget', expires);
        }
        at = after;
      }
    });
  }
}

function lineEnd(source: Buffer, start: number): number {
  return source.indexOf('\n', start) + 1;
}
