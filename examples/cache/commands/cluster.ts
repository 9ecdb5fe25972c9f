/** CLUSTER: what a client of Redis Cluster asks, to find the worker that has a key. */
import type { Call } from '../server/call.js';
import type { Cluster, ClusterNode } from '../server/cluster.js';
import { define, NO_KEYS } from '../server/command.js';
import { refusal } from '../server/refusal.js';
import { SLOTS, slotOf } from '../server/slots.js';

function replySlots(call: Call, cluster: Cluster): void {
  const { reply, session } = call;
  const host = cluster.hostFor(session);
  reply.array(cluster.nodes.length);
  for (const { id, port, first, last } of cluster.nodes) {
    reply.array(3);
    reply.integer(first);
    reply.integer(last);
    reply.array(4);
    reply.text(host);
    reply.integer(port);
    reply.text(id);
    reply.array(0);
  }
}

function replyShards(call: Call, cluster: Cluster): void {
  const { reply, session } = call;
  const host = cluster.hostFor(session);
  reply.array(cluster.nodes.length);
  for (const { id, port, first, last } of cluster.nodes) {
    reply.map(2);
    reply.text('slots');
    reply.array(2);
    reply.integer(first);
    reply.integer(last);
    reply.text('nodes');
    reply.array(1);
    const words = { id, ip: host, endpoint: host, role: 'master', health: 'online' };
    reply.map(7);
    for (const pair of Object.entries(words)) for (const text of pair) reply.text(text);
    for (const [name, value] of [['port', port] as const, ['replication-offset', 0] as const]) {
      reply.text(name);
      reply.integer(value);
    }
  }
}

function lineOf(node: ClusterNode, own: ClusterNode, host: string): string {
  const flags = node === own ? 'myself,master' : 'master';
  const { id, port, first, last } = node;
  return `${id} ${host}:${port}@0 ${flags} - 0 0 1 connected ${first}-${last}\n`;
}

function info({ nodes }: Cluster): string {
  const pairs = {
    cluster_enabled: 1,
    cluster_state: 'ok',
    cluster_slots_assigned: SLOTS,
    cluster_slots_ok: SLOTS,
    cluster_known_nodes: nodes.length,
    cluster_size: nodes.length,
  };
  return Object.entries(pairs)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');
}

function cluster(call: Call): void {
  const { reply, request, server, session } = call;
  const { cluster: all } = server;
  const word = call.word(1);
  if (word === 'KEYSLOT' && call.count === 3) {
    reply.integer(slotOf(request.source, request.start(2), request.lengthOf(2)));
    return;
  }
  if (all === undefined) throw refusal('ERR This instance has cluster support disabled');
  if (word === 'SLOTS') replySlots(call, all);
  else if (word === 'SHARDS') replyShards(call, all);
  else if (word === 'MYID') reply.text(all.own.id);
  else if (word === 'INFO') reply.text(info(all));
  else if (word === 'NODES') {
    const host = all.hostFor(session);
    reply.text(all.nodes.map((node) => lineOf(node, all.own, host)).join(''));
  } else {
    throw refusal(`ERR unknown subcommand '${call.text(1).slice(0, 128)}'. Try CLUSTER HELP.`);
  }
}

const ok = (call: Call): void => call.reply.ok();

export const CLUSTER = [
  define('cluster', -2, 'fast', NO_KEYS, cluster),
  // There are no copies to be read.
  define('readonly', 1, 'fast', NO_KEYS, ok),
  define('readwrite', 1, 'fast', NO_KEYS, ok),
];
