/** Channels: SUBSCRIBE, PUBLISH and who listens. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS } from '../server/command.js';
import { matches } from '../server/glob.js';
import { refusal, SYNTAX } from '../server/refusal.js';

function confirm({ reply, session }: Call, what: string, name: string | undefined): void {
  reply.push(3);
  reply.text(what);
  reply.textOrNull(name);
  reply.integer(session.subscriptions);
}

function subscribe(isPattern: boolean): (call: Call) => void {
  const what = isPattern ? 'psubscribe' : 'subscribe';
  return (call) => {
    for (const name of call.texts(1)) {
      call.server.pubsub.subscribe(call.session, name, isPattern);
      confirm(call, what, name);
    }
  };
}

function unsubscribe(isPattern: boolean): (call: Call) => void {
  const what = isPattern ? 'punsubscribe' : 'unsubscribe';
  return (call) => {
    const { session, server } = call;
    const all = [...((isPattern ? session.patterns : session.channels) ?? [])];
    const names = call.count > 1 ? call.texts(1) : all;
    for (const name of names) {
      server.pubsub.unsubscribe(session, name, isPattern);
      confirm(call, what, name);
    }
    if (names.length === 0) confirm(call, what, undefined);
  };
}

function publish(call: Call): void {
  const { server, reply } = call;
  const [channel, text] = [call.text(1), call.text(2)];
  server.pubsub.tellOthers(channel, text);
  reply.integer(server.pubsub.publish(channel, text, reply));
}

function tell(call: Call): void {
  const { reply, server } = call;
  const { channels, patterns } = server.pubsub;
  const word = call.word(1);
  if (word === 'CHANNELS' && call.count <= 3) {
    const pattern = call.count === 3 ? call.text(2) : '*';
    reply.texts([...channels.keys()].filter((name) => matches(pattern, name)));
  } else if (word === 'NUMPAT' && call.count === 2) reply.integer(patterns.size);
  else if (word === 'NUMSUB') {
    reply.map(call.count - 2);
    for (const name of call.texts(2)) {
      reply.text(name);
      reply.integer(channels.get(name)?.size ?? 0);
    }
  } else throw refusal(SYNTAX);
}

export const PUBSUB = [
  define('subscribe', -2, 'pubsub noscript', NO_KEYS, subscribe(false)),
  define('psubscribe', -2, 'pubsub noscript', NO_KEYS, subscribe(true)),
  define('unsubscribe', -1, 'pubsub noscript', NO_KEYS, unsubscribe(false)),
  define('punsubscribe', -1, 'pubsub noscript', NO_KEYS, unsubscribe(true)),
  define('publish', 3, 'fast', NO_KEYS, publish),
  define('pubsub', -2, 'readonly', NO_KEYS, tell),
];
