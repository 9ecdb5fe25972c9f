/** Removes what has expired though nobody asks for it: a few that expire are drawn at a time. */
import type { Keyspace } from './keyspace.js';

const SAMPLES = 20;
/** While more than one in ten of those drawn has expired, there are many. */
const MANY = 2;
const ROUNDS = 200;

export function expireSome(db: Keyspace): void {
  for (let round = 0; round < ROUNDS; round++) {
    let found = 0;
    for (let count = 0; count < SAMPLES && db.expiring.length > 0; count++) {
      const place = db.expiring.draw();
      if (db.expiryOf(place) > db.now) continue;
      db.expire(place);
      found++;
    }
    if (found <= MANY) return;
  }
}
