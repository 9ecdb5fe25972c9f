/** One connection: lines come, and each is answered in its turn, however they are cut in pieces. */
import type { ServedConnection } from 'nearmetal/net';
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../memory/records.js';
import type { OrderedIndex } from '../ordered-index.js';
import { answer } from './commands.js';

/** A put with the longest key and value, all of whose bytes are written as %41. */
const LINE_MAX = 3 * (KEY_BYTES_MAX + VALUE_BYTES_MAX) + 16;
/** Answers that wait for the disk, and bytes for the peer, from which on no more is done for it. */
const WAITING_MAX = 4096;
const PENDING_MAX = 1 << 18;

interface Reply {
  text: string | undefined;
}

export class Session {
  private readonly index: OrderedIndex;
  private readonly connection: ServedConnection<Session>;
  /** What has come and is not done yet. */
  private input = '';
  private readonly replies: Reply[] = [];
  private paused = false;
  private ended = false;
  /** Since when there is a line without its end; 0: there is none. */
  private begunAt = 0;
  /** It was told why nothing more is taken of it. */
  private dismissed = false;

  constructor(index: OrderedIndex, connection: ServedConnection<Session>) {
    this.index = index;
    this.connection = connection;
  }

  receive(text: string): void {
    if (this.dismissed) return;
    this.input += text;
    this.run();
  }

  /** The peer has nothing more to say. */
  end(): void {
    this.ended = true;
    this.run();
  }

  /** Does what has come, as long as the answers are taken. */
  run(): void {
    const { connection } = this;
    let at = 0;
    connection.cork();
    while (connection.open && !this.isBusy()) {
      const end = this.input.indexOf('\n', at);
      if (end < 0) break;
      const line = this.input.slice(at, this.input[end - 1] === '\r' ? end - 1 : end);
      at = end + 1;
      this.reply(line.length > LINE_MAX ? tooLong : answer(this.index, line));
    }
    this.input = this.input.slice(at);
    if (this.input === '' || this.isBusy()) this.begunAt = 0;
    else if (at > 0 || this.begunAt === 0) this.begunAt = performance.now();
    connection.uncork();
    if (!connection.open) return;
    const busy = this.isBusy();
    if (busy !== this.paused) {
      this.paused = busy;
      if (busy) connection.pause();
      else connection.resume();
    }
    if (busy) return;
    // A line without an end would take memory for ever.
    if (this.input.length > LINE_MAX) this.dismiss(tooLong);
    else if (this.ended && this.replies.length === 0) connection.end();
  }

  /** Now and then: a peer whose line does not come to its end is let go. */
  check(now: number, lineMs: number): void {
    if (this.begunAt === 0 || now - this.begunAt <= lineMs) return;
    if (this.dismissed) this.connection.close();
    else this.dismiss(tooSlow);
  }

  private dismiss(why: string): void {
    this.dismissed = true;
    this.input = '';
    this.begunAt = performance.now();
    this.connection.end(why);
  }

  private isBusy(): boolean {
    return this.replies.length >= WAITING_MAX || this.connection.pending > PENDING_MAX;
  }

  private reply(answered: string | Promise<string>): void {
    if (typeof answered === 'string' && this.replies.length === 0) {
      this.connection.write(answered);
      return;
    }
    const reply: Reply = { text: undefined };
    this.replies.push(reply);
    if (typeof answered === 'string') reply.text = answered;
    else {
      void answered.then((text) => {
        reply.text = text;
        this.flush();
      });
    }
  }

  private flush(): void {
    const { replies, connection } = this;
    let text = '';
    let done = 0;
    for (; done < replies.length; done++) {
      const next = replies[done]?.text;
      if (next === undefined) break;
      text += next;
    }
    if (done === 0) return;
    replies.splice(0, done);
    if (!connection.open) return;
    connection.write(text);
    if (this.paused || this.ended) this.run();
  }
}

const tooLong = `error a line has at most ${LINE_MAX} letters\n`;
const tooSlow = 'error the line took too long\n';
