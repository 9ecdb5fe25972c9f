/** The connection itself: PING, HELLO, SELECT, QUIT. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS } from '../server/command.js';
import { refusal } from '../server/refusal.js';
import { wrongCount } from '../server/run.js';
import { nameSession } from './client.js';
import { endTransaction } from './transactions.js';

/** Whose commands these are; clients that look at a version want one of theirs. */
export const VERSION = '7.0.0';

function ping(call: Call): void {
  const { reply, session } = call;
  if (call.count > 2) throw refusal(wrongCount('ping'));
  if (session.protocol === 2 && session.subscriptions > 0) {
    reply.array(2);
    reply.text('pong');
    reply.text(call.count === 2 ? call.text(1) : '');
  } else if (call.count === 2) reply.text(call.text(1));
  else reply.simple('PONG');
}

function hello(call: Call): void {
  const { reply, session } = call;
  let name: string | undefined;
  let { protocol } = session;
  if (call.count > 1) {
    const wanted = call.integer(1, 'ERR Protocol version is not an integer or out of range');
    if (wanted !== 2 && wanted !== 3) throw refusal('NOPROTO unsupported protocol version');
    protocol = wanted;
  }
  for (let index = 2; index < call.count; index++) {
    const word = call.word(index);
    if (word === 'SETNAME' && index + 1 < call.count) name = call.text(++index);
    else if (word === 'AUTH' && index + 2 < call.count) throw refusal(NO_PASSWORD);
    else throw refusal(`ERR Syntax error in HELLO option '${call.text(index).slice(0, 64)}'`);
  }
  if (name !== undefined) nameSession(session, name);
  session.protocol = protocol;
  reply.protocol = protocol;
  reply.map(7);
  const pairs = { server: 'redis', version: VERSION, proto: protocol, id: session.id };
  const mode = call.server.cluster === undefined ? 'standalone' : 'cluster';
  for (const [key, value] of Object.entries({ ...pairs, mode, role: 'master' })) {
    reply.text(key);
    if (typeof value === 'number') reply.integer(value);
    else reply.text(value);
  }
  reply.text('modules');
  reply.array(0);
}

const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. ' +
  'Are you sure your configuration is correct?';

function select(call: Call): void {
  if (call.integer(1) !== 0) throw refusal('ERR DB index is out of range');
  call.reply.ok();
}

function quit(call: Call): void {
  call.reply.ok();
  call.session.closing = true;
}

function reset(call: Call): void {
  const { session, server, reply } = call;
  endTransaction(call, session);
  server.pubsub.leave(session);
  session.protocol = 2;
  session.name = '';
  reply.protocol = 2;
  reply.simple('RESET');
}

function time(call: Call): void {
  const micros = BigInt(Date.now()) * 1000n;
  call.reply.texts([String(micros / 1_000_000n), String(micros % 1_000_000n)]);
}

export const CONNECTIONS = [
  define('ping', -1, 'pubsub fast', NO_KEYS, ping),
  define('echo', 2, 'fast', NO_KEYS, (call) => call.reply.text(call.text(1))),
  define('hello', -1, 'noscript fast', NO_KEYS, hello),
  define('select', 2, 'fast', NO_KEYS, select),
  define('quit', -1, 'immediate pubsub fast', NO_KEYS, quit),
  define('reset', 1, 'immediate pubsub fast', NO_KEYS, reset),
  define('auth', -2, 'fast', NO_KEYS, () => {
    throw refusal(NO_PASSWORD);
  }),
  define('time', 1, 'fast', NO_KEYS, time),
];
