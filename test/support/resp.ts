/** A client of Redis' protocol that shows answers as they are on the wire, and writes any bytes. */
import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

/** An error that was answered. */
export class Refused {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

export type Answer = string | number | boolean | null | Refused | Answer[];

/** Answers as they come, in whatever pieces; texts are bytes. */
class Answers {
  private text = '';
  private at = 0;

  add(part: string): Answer[] {
    this.text = this.text.slice(this.at) + part;
    this.at = 0;
    const found: Answer[] = [];
    for (;;) {
      const from = this.at;
      const answer = this.next();
      if (answer === undefined) {
        this.at = from;
        return found;
      }
      found.push(answer);
    }
  }

  private next(): Answer | undefined {
    const end = this.text.indexOf('\r\n', this.at);
    if (end < 0) return undefined;
    const type = this.text[this.at];
    const line = this.text.slice(this.at + 1, end);
    this.at = end + 2;
    if (type === '+' || type === ',') return line;
    if (type === '-') return new Refused(line);
    if (type === ':') return Number.isSafeInteger(Number(line)) ? Number(line) : line;
    if (type === '_') return null;
    if (type === '#') return line === 't';
    if (type === '$') return this.bulk(Number(line));
    if (type === undefined || !'*%~>'.includes(type)) throw new Error(`no answer: ${type}${line}`);
    if (line === '-1') return null;
    const count = Number(line) * (type === '%' ? 2 : 1);
    const list: Answer[] = [];
    for (let index = 0; index < count; index++) {
      const answer = this.next();
      if (answer === undefined) return undefined;
      list.push(answer);
    }
    return list;
  }

  private bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    const end = this.at + length;
    if (end + 2 > this.text.length) return undefined;
    const bytes = this.text.slice(this.at, end);
    this.at = end + 2;
    return bytes;
  }
}

export function encoded(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

export class RespClient implements Disposable {
  readonly socket: Socket;
  /** Answers nobody has waited for: what was pushed, too. */
  readonly unread: Answer[] = [];
  ended = false;
  private readonly answers = new Answers();
  private wake: () => void = () => undefined;

  constructor(options: NetConnectOpts) {
    this.socket = connect(options);
    this.socket.setEncoding('latin1').setNoDelay(true);
    this.socket.on('data', (part: string) => {
      this.unread.push(...this.answers.add(part));
      this.wake();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  static async open(options: NetConnectOpts): Promise<RespClient> {
    const client = new RespClient(options);
    await once(client.socket, 'connect');
    return client;
  }

  write(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** The next `count` answers; fewer when the server ends the connection. */
  async read(count: number): Promise<Answer[]> {
    while (this.unread.length < count && !this.ended) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.unread.splice(0, count);
  }

  async ask(...words: string[]): Promise<Answer | undefined> {
    this.write(encoded(words));
    return (await this.read(1))[0];
  }

  /** All at once. */
  askAll(commands: readonly (readonly string[])[]): Promise<Answer[]> {
    this.write(commands.map(encoded).join(''));
    return this.read(commands.length);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
