/** MULTI and EXEC: commands with no others between them, unless what was watched has changed. */
import type { Call } from '../server/call.js';
import { ALL_KEYS, define, NO_KEYS } from '../server/command.js';
import { refusal } from '../server/refusal.js';
import { execute } from '../server/run.js';
import type { Session } from '../server/session.js';

function multi(call: Call): void {
  const { session, reply } = call;
  if (session.queue !== undefined) throw refusal('ERR MULTI calls can not be nested');
  session.queue = [];
  session.queueRefused = false;
  reply.ok();
}

/** Ends the transaction, whatever becomes of its commands. */
export function endTransaction(call: Call, session: Session): void {
  call.db.budget.input -= session.queueBytes;
  session.queueBytes = 0;
  session.queue = undefined;
  call.server.watches.forget(session);
}

function exec(call: Call): void {
  const { session, reply, server, db, request } = call;
  const { queue, queueRefused } = session;
  if (queue === undefined) throw refusal('ERR EXEC without MULTI');
  // What has expired meanwhile has changed.
  for (const key of session.watched ?? []) db.peek(Buffer.from(key, 'latin1'), 0, key.length);
  const broken = session.watchBroken;
  endTransaction(call, session);
  if (queueRefused) {
    throw refusal('EXECABORT Transaction discarded because of previous errors.');
  }
  if (broken) {
    reply.nullArray();
    return;
  }
  reply.array(queue.length);
  for (const { command, request: queued } of queue) {
    call.request = queued;
    server.commandCount++;
    execute(call, command);
  }
  call.request = request;
}

function discard(call: Call): void {
  const { session, reply } = call;
  if (session.queue === undefined) throw refusal('ERR DISCARD without MULTI');
  endTransaction(call, session);
  reply.ok();
}

function watch(call: Call): void {
  const { session, server, reply } = call;
  if (session.queue !== undefined) throw refusal('ERR WATCH inside MULTI is not allowed');
  for (let index = 1; index < call.count; index++) {
    call.peek(index);
    server.watches.add(session, call.text(index));
  }
  reply.ok();
}

function unwatch(call: Call): void {
  call.server.watches.forget(call.session);
  call.reply.ok();
}

export const TRANSACTIONS = [
  define('multi', 1, 'immediate noscript fast', NO_KEYS, multi),
  define('exec', 1, 'immediate noscript', NO_KEYS, exec),
  define('discard', 1, 'immediate noscript fast', NO_KEYS, discard),
  define('watch', -2, 'immediate noscript fast', ALL_KEYS, watch),
  define('unwatch', 1, 'noscript fast', NO_KEYS, unwatch),
];
