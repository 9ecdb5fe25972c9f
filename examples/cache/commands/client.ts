/** CLIENT: who is connected, and what they call themselves. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS } from '../server/command.js';
import { refusal, SYNTAX } from '../server/refusal.js';
import type { Session } from '../server/session.js';

export function nameSession(session: Session, name: string): void {
  if (!/^[!-~]*$/.test(name)) {
    throw refusal('ERR Client names cannot contain spaces, newlines or special characters.');
  }
  session.name = name;
}

function addressOf(session: Session, local: boolean): string {
  try {
    const { connection } = session;
    const address = local ? connection.localAddress : connection.remoteAddress;
    return 'port' in address ? `${address.host}:${address.port}` : '';
  } catch {
    // The peer is gone, and will be told of soon.
    return '';
  }
}

function lineOf(session: Session, now: number): string {
  const { connection, protocol, queue, lastCommand } = session;
  const pairs = {
    id: session.id,
    ['addr']: addressOf(session, false),
    laddr: addressOf(session, true),
    fd: connection.open ? connection.socket.fd : -1,
    name: session.name,
    age: Math.floor((now - session.since) / 1000),
    idle: Math.floor((now - session.lastUse) / 1000),
    flags: session.subscriptions > 0 ? 'P' : queue === undefined ? 'N' : 'x',
    db: 0,
    sub: session.channels?.size ?? 0,
    psub: session.patterns?.size ?? 0,
    multi: queue?.length ?? -1,
    qbuf: session.carry.length,
    omem: connection.pending,
    cmd: lastCommand === '' ? 'NULL' : lastCommand,
    user: 'default',
    'lib-name': session.library,
    'lib-ver': session.libraryVersion,
    resp: protocol,
  };
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
}

function list(call: Call): void {
  let sessions = [...call.server.sessions];
  if (call.count > 2) {
    if (call.word(2) === 'ID') {
      const ids = call.texts(3).map(Number);
      sessions = sessions.filter(({ id }) => ids.includes(id));
    } else if (call.word(2) === 'TYPE' && call.count === 4) {
      const pubsub = call.word(3) === 'PUBSUB';
      sessions = sessions.filter((session) => session.subscriptions > 0 === pubsub);
    } else throw refusal(SYNTAX);
  }
  call.reply.text(sessions.map((session) => `${lineOf(session, call.db.now)}\n`).join(''));
}

function kill(call: Call): void {
  const { server, reply, session: own } = call;
  const [one, two] = [call.text(2), call.count === 4 ? call.text(3) : ''];
  const byAddress = call.count === 3 ? one : one.toUpperCase() === 'ADDR' ? two : undefined;
  const byId = one.toUpperCase() === 'ID' ? Number(two) : undefined;
  if (byAddress === undefined && byId === undefined) throw refusal(SYNTAX);
  const found = [...server.sessions].filter(
    (each) => each.id === byId || addressOf(each, false) === byAddress,
  );
  for (const session of found) {
    // Whoever kills itself is told that it has.
    if (session === own) session.closing = true;
    else session.connection.close();
  }
  if (call.count === 4) reply.integer(found.length);
  else if (found.length === 0) throw refusal('ERR No such client');
  else reply.ok();
}

function setInfo(call: Call): void {
  const { session } = call;
  const what = call.word(2);
  const value = call.text(3);
  if (!/^[!-~]*$/.test(value)) {
    throw refusal(`ERR ${call.text(2)} cannot contain spaces, newlines or special characters.`);
  }
  if (what === 'LIB-NAME') session.library = value;
  else if (what === 'LIB-VER') session.libraryVersion = value;
  else throw refusal(`ERR Unrecognized option '${call.text(2)}'`);
  call.reply.ok();
}

function onOff(call: Call): boolean {
  const word = call.word(2);
  if (word !== 'ON' && word !== 'OFF') throw refusal(SYNTAX);
  return word === 'ON';
}

interface Part {
  /** Arguments from and to. */
  readonly count: readonly [number, number];
  readonly run: (call: Call) => void;
}

const PARTS: Readonly<Record<string, Part>> = {
  ID: { count: [2, 2], run: ({ reply, session }) => reply.integer(session.id) },
  GETNAME: {
    count: [2, 2],
    run: ({ reply, session }) => reply.textOrNull(session.name === '' ? undefined : session.name),
  },
  SETNAME: {
    count: [3, 3],
    run: (call) => {
      nameSession(call.session, call.text(2));
      call.reply.ok();
    },
  },
  INFO: { count: [2, 2], run: (call) => call.reply.text(`${lineOf(call.session, call.db.now)}\n`) },
  LIST: { count: [2, Number.POSITIVE_INFINITY], run: list },
  KILL: { count: [3, 4], run: kill },
  SETINFO: { count: [4, 4], run: setInfo },
  'NO-EVICT': {
    count: [3, 3],
    run: (call) => {
      call.session.noEvict = onOff(call);
      call.reply.ok();
    },
  },
};

function client(call: Call): void {
  const word = call.word(1);
  const part = Object.hasOwn(PARTS, word) ? PARTS[word] : undefined;
  if (part === undefined) {
    throw refusal(`ERR unknown subcommand '${call.text(1).slice(0, 128)}'. Try CLIENT HELP.`);
  }
  const [least, most] = part.count;
  if (call.count < least || call.count > most) {
    throw refusal(`ERR wrong number of arguments for 'client|${word.toLowerCase()}' command`);
  }
  part.run(call);
}

export const CLIENT = [define('client', -2, 'noscript', NO_KEYS, client)];
