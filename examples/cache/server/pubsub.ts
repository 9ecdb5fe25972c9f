/** Channels, patterns, and those who listen to them. */
import { Reply } from '../protocol/reply.js';
import { matches } from './glob.js';
import type { Session } from './session.js';

type Listeners = Map<string, Set<Session>>;

export class PubSub {
  readonly channels: Listeners = new Map();
  readonly patterns: Listeners = new Map();
  /** Bytes that may wait for one listener; who has more is too slow. */
  outputBytes = Number.POSITIVE_INFINITY;
  /** Messages that another worker had no room for. */
  missed = 0;
  /** Tells the other workers, whose listeners count with them. */
  tellOthers: (channel: string, text: string) => void = () => undefined;
  private readonly message = new Reply();

  /** False: it is one of its own already. */
  subscribe(session: Session, name: string, isPattern: boolean): void {
    if (isPattern) session.patterns ??= new Set();
    else session.channels ??= new Set();
    (isPattern ? session.patterns : session.channels)?.add(name);
    const listeners = isPattern ? this.patterns : this.channels;
    const sessions = listeners.get(name);
    if (sessions === undefined) listeners.set(name, new Set([session]));
    else sessions.add(session);
  }

  unsubscribe(session: Session, name: string, isPattern: boolean): void {
    (isPattern ? session.patterns : session.channels)?.delete(name);
    const listeners = isPattern ? this.patterns : this.channels;
    const sessions = listeners.get(name);
    sessions?.delete(session);
    if (sessions?.size === 0) listeners.delete(name);
  }

  leave(session: Session): void {
    for (const name of session.channels ?? []) this.unsubscribe(session, name, false);
    for (const name of session.patterns ?? []) this.unsubscribe(session, name, true);
  }

  /** Answers how many were told. `own` is the answer of who publishes, if that is one of ours. */
  publish(channel: string, text: string, own?: Reply): number {
    let told = 0;
    for (const session of this.channels.get(channel) ?? []) {
      told++;
      this.tell(session, ['message', channel, text], own);
    }
    for (const [pattern, sessions] of this.patterns) {
      if (!matches(pattern, channel)) continue;
      for (const session of sessions) {
        told++;
        this.tell(session, ['pmessage', pattern, channel, text], own);
      }
    }
    return told;
  }

  private tell(session: Session, words: readonly string[], own: Reply | undefined): void {
    const { connection } = session;
    const reply = own?.output === session ? own : this.message;
    if (reply === this.message) {
      if (connection.pending > this.outputBytes) {
        connection.reset();
        return;
      }
      reply.output = session;
      reply.protocol = session.protocol;
    }
    reply.push(words.length);
    for (const word of words) reply.text(word);
    if (reply === this.message) reply.flush();
  }
}
