/** An answer that was found whole, as values; texts are bytes. */
import { latin1 } from '../store/bytes.js';

/** An error that was answered. */
export class Problem {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type Value = string | number | null | Problem | readonly Value[];

/** What is known of other servers goes less deep. */
const DEPTH_MAX = 16;

/** A map is a list of names, a value behind each. Throws where it is not what a server says. */
export function decode(source: Buffer, start: number): Value {
  return new Reader(source, start).next(0);
}

class Reader {
  private readonly source: Buffer;
  private at: number;

  constructor(source: Buffer, at: number) {
    this.source = source;
    this.at = at;
  }

  next(depth: number): Value {
    const end = this.source.indexOf('\r\n', this.at);
    const type = String.fromCharCode(this.source[this.at] as number);
    const line = latin1(this.source, this.at + 1, end - this.at - 1);
    this.at = end + 2;
    if (type === '$' || type === '=' || type === '!') return this.bulk(Number(line), type);
    if (type === '-') return new Problem(line);
    if (type === ':') return Number(line);
    if (type === '_') return null;
    if ('*~>%|'.includes(type)) return this.list(type, Number(line), depth);
    return line;
  }

  private bulk(length: number, type: string): string | null | Problem {
    if (length < 0) return null;
    const text = latin1(this.source, this.at, length);
    this.at += length + 2;
    if (type === '!') return new Problem(text);
    return type === '=' ? text.slice(4) : text;
  }

  private list(type: string, count: number, depth: number): Value {
    if (count < 0) return null;
    if (depth >= DEPTH_MAX) throw new Error('an answer goes too deep');
    const values: Value[] = [];
    const length = type === '%' || type === '|' ? count * 2 : count;
    for (let index = 0; index < length; index++) values.push(this.next(depth + 1));
    return type === '|' ? this.next(depth) : values;
  }
}
