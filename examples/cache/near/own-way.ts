/** Commands that need a connection of the client's own, and all that follows them on it. */
import type { Call } from '../server/call.js';
import type { Near } from './near.js';
import { Own } from './own.js';
import { downText, MOST, NEVER } from './passing.js';
import { rawOf } from './raw.js';
import { placeKey, type Rule } from './rules.js';
import { Absence } from './upstream.js';

const NOT_NOW = 'ERR not in a transaction, nor while listening';

export class OwnWay {
  private readonly near: Near;

  constructor(near: Near) {
    this.near = near;
  }

  begin(call: Call, rule: Rule): boolean {
    const { session } = call;
    if (session.waiting > 0) return this.near.wait(session, 0);
    const line = this.near.answers.lineOf(session);
    let { own } = line;
    // Whoever was lost before it was of any use would be lost again at once.
    const problem = own?.ready === false ? own.problem : '';
    if (own !== undefined && (!own.open || own.isStrange || this.isElsewhere(call, rule, own))) {
      own.close();
      own = undefined;
      line.own = undefined;
    }
    if (own === undefined) {
      if (problem !== '') return this.near.refuse(call, downText(problem));
      if (
        this.near.upstream.clustered &&
        rule.way === 'own' &&
        placeKey(rule, call.request) === 0
      ) {
        return this.near.refuse(
          call,
          `ERR ${rule.name.toUpperCase()} is not passed on to a cluster`,
        );
      }
      const node = this.near.upstream.nodeFor(this.near.passing.slotFor(call, rule));
      if (node === undefined) return this.near.wait(session, NEVER);
      if (node instanceof Absence) return this.near.refuseFor(call, node);
      own = new Own(this.near.answers, this.near.upstream.settings, session, node);
      line.own = own;
    }
    if (!own.ready) return this.near.wait(session, NEVER);
    return this.pass(call, rule, own);
  }

  private isElsewhere(call: Call, rule: Rule, own: Own): boolean {
    return (
      !own.node.open ||
      this.near.upstream.nodeFor(this.near.passing.slotFor(call, rule)) !== own.node
    );
  }

  pass(call: Call, rule: Rule, own: Own): boolean {
    const { session } = call;
    const isPing = rule.name === 'ping' || rule.name === 'echo';
    if ((rule.way === 'local' && !isPing) || rule.way === 'refuse') {
      if (session.waiting > 0) return this.near.wait(session, 0);
      if (rule.name === 'quit') return this.near.answerHere(call);
      if (rule.name !== 'reset') return this.near.refuse(call, rule.why || NOT_NOW);
      own.close();
      this.near.answers.lineOf(session).own = undefined;
      return this.near.answerHere(call);
    }
    if (own.full) return this.near.wait(session, NEVER);
    if (rule.way === 'listen' && session.waiting > 0) return this.near.wait(session, 0);
    if (session.waiting >= MOST) return this.near.wait(session, MOST / 2);
    const { source, start, length } = rawOf(call.request);
    own.send(rule, source, start, length);
    return this.near.counted();
  }
}
