/** Who watches which keys (WATCH), and is told when one of them changes. */
import type { Keyspace } from '../store/keyspace.js';
import type { Session } from './session.js';

export class Watches {
  private readonly db: Keyspace;
  private readonly watchers = new Map<string, Set<Session>>();

  constructor(db: Keyspace) {
    this.db = db;
  }

  add(session: Session, key: string): void {
    session.watched ??= new Set();
    session.watched.add(key);
    const sessions = this.watchers.get(key);
    if (sessions === undefined) this.watchers.set(key, new Set([session]));
    else sessions.add(session);
    this.db.onChange = (changed) => this.tell(changed);
  }

  private tell(key: string): void {
    for (const session of this.watchers.get(key) ?? []) session.watchBroken = true;
  }

  forget(session: Session): void {
    for (const key of session.watched ?? []) {
      const sessions = this.watchers.get(key);
      sessions?.delete(session);
      if (sessions?.size === 0) this.watchers.delete(key);
    }
    session.watched = undefined;
    session.watchBroken = false;
    // Nobody has to make a text of each key that changes any more.
    if (this.watchers.size === 0) this.db.onChange = undefined;
  }
}
