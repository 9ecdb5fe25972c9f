/** What the server says of itself: INFO, CONFIG, COMMAND, MEMORY. */
import type { Call } from '../server/call.js';
import { define, NO_KEYS } from '../server/command.js';
import { matches } from '../server/glob.js';
import { refusal, SYNTAX } from '../server/refusal.js';
import { VERSION } from './connections.js';

type Section = Readonly<Record<string, string | number>>;

function sectionsOf({ server, db }: Call): Record<string, Section> {
  const { settings, evictor, sessions, traffic } = server;
  const { budget, blocks } = db;
  const stats = traffic();
  const expires = db.expiring.length;
  return {
    Server: {
      redis_version: VERSION,
      redis_mode: server.cluster === undefined ? 'standalone' : 'cluster',
      process_id: process.pid,
      uptime_in_seconds: Math.floor((db.now - db.startedAt) / 1000),
    },
    Clients: { connected_clients: sessions.size, maxclients: settings.maxClients },
    Memory: {
      used_memory: budget.used,
      used_memory_rss: process.memoryUsage.rss(),
      used_memory_blocks: blocks.inUse,
      used_memory_pages: budget.pages,
      used_memory_heap: budget.heap,
      used_memory_input: budget.input,
      maxmemory: settings.maxBytes,
      maxmemory_policy: settings.policy,
      page_backing: blocks.mapping.backing,
    },
    Persistence: { loading: 0 },
    Stats: {
      total_connections_received: server.connectionCount,
      total_commands_processed: server.commandCount,
      total_net_input_bytes: stats?.bytesReceived ?? 0,
      total_net_output_bytes: stats?.bytesSent ?? 0,
      rejected_connections: stats?.refused ?? 0,
      expired_keys: db.expired,
      evicted_keys: evictor.evicted,
      keyspace_hits: server.hits,
      keyspace_misses: server.misses,
      pubsub_channels: server.pubsub.channels.size,
      pubsub_patterns: server.pubsub.patterns.size,
      pubsub_missed: server.pubsub.missed,
    },
    Cluster: { cluster_enabled: server.cluster === undefined ? 0 : 1 },
    Replication: { role: 'master', connected_slaves: 0 },
    Keyspace: db.size === 0 ? {} : { db0: `keys=${db.size},expires=${expires},avg_ttl=0` },
  };
}

function info(call: Call): void {
  const wanted = call.texts(1).map((text) => text.toLowerCase());
  const every =
    wanted.length === 0 || wanted.some((each) => /^(all|default|everything)$/.test(each));
  const parts = Object.entries(sectionsOf(call))
    .filter(([name]) => every || wanted.includes(name.toLowerCase()))
    .map(([name, section]) => {
      const lines = Object.entries(section).map(([key, value]) => `${key}:${value}\r\n`);
      return `# ${name}\r\n${lines.join('')}`;
    });
  call.reply.text(parts.join('\r\n'));
}

function config(call: Call): void {
  const { reply, server } = call;
  const { settings } = server;
  const word = call.word(1);
  if (word === 'RESETSTAT') {
    server.hits = 0;
    server.misses = 0;
    reply.ok();
    return;
  }
  if (word !== 'GET' || call.count < 3) {
    throw refusal('ERR only CONFIG GET and CONFIG RESETSTAT are there: options are of the start');
  }
  const values = {
    maxmemory: String(settings.maxBytes),
    'maxmemory-policy': settings.policy,
    maxclients: String(settings.maxClients),
    timeout: String(Math.floor(settings.idleMs / 1000)),
    'proto-max-bulk-len': String(server.limits.requestBytes),
    databases: '1',
    save: '',
    appendonly: 'no',
  };
  const patterns = call.texts(2).map((text) => text.toLowerCase());
  const found = Object.entries(values).filter(([name]) =>
    patterns.some((pattern) => matches(pattern, name)),
  );
  reply.map(found.length);
  for (const pair of found) for (const text of pair) reply.text(text);
}

function replyCommands(call: Call, names: readonly string[]): void {
  const { reply, server } = call;
  reply.array(names.length);
  for (const name of names) {
    const command = server.commands.named(name.toLowerCase());
    if (command === undefined) {
      reply.nullArray();
      continue;
    }
    reply.array(6);
    reply.text(command.name);
    reply.integer(command.arity);
    reply.set(command.flags.length);
    for (const flag of command.flags) reply.simple(flag);
    for (const key of command.keys) reply.integer(key);
  }
}

function command(call: Call): void {
  const { reply, server } = call;
  const names = server.commands.all.map(({ name }) => name);
  const word = call.count > 1 ? call.word(1) : 'INFO';
  if (word === 'COUNT') reply.integer(names.length);
  else if (word === 'LIST') reply.texts(names);
  else if (word === 'INFO') replyCommands(call, call.count > 2 ? call.texts(2) : names);
  else if (word === 'DOCS') reply.map(0);
  else throw refusal(`ERR unknown subcommand '${call.text(1).slice(0, 128)}'. Try COMMAND HELP.`);
}

function memory(call: Call): void {
  const { db, reply } = call;
  if (call.word(1) !== 'USAGE' || call.count < 3) throw refusal(SYNTAX);
  const place = call.peek(2);
  if (place === 0) reply.null();
  else reply.integer(db.bytesOf(place));
}

export const INFO = [
  define('info', -1, 'fast', NO_KEYS, info),
  define('config', -2, 'admin noscript', NO_KEYS, config),
  define('command', -1, 'fast', NO_KEYS, command),
  define('memory', -2, 'readonly', [2, 2, 1], memory),
];
