/** Which worker has which keys: to a client, each of them is a node of a Redis Cluster. */
import { createHash } from 'node:crypto';
import type { Call } from './call.js';
import type { Command } from './command.js';
import type { Session } from './session.js';
import { SLOTS, slotOf } from './slots.js';

export interface ClusterNode {
  readonly id: string;
  readonly port: number;
  /** Slots, the last one with them. */
  readonly first: number;
  readonly last: number;
}

export class Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly own: ClusterNode;
  private readonly index: number;

  constructor(ports: readonly number[], index: number) {
    const count = ports.length;
    this.index = index;
    this.nodes = ports.map((port, each) => ({
      id: createHash('sha1').update(`node ${each} at ${port}`).digest('hex'),
      port,
      first: Math.ceil((each * SLOTS) / count),
      last: Math.ceil(((each + 1) * SLOTS) / count) - 1,
    }));
    this.own = this.nodes[index] as ClusterNode;
  }

  /** Where a client finds all nodes: at the address by which it has found this one. */
  hostFor(session: Session): string {
    const { localAddress } = session.connection;
    return 'host' in localAddress ? localAddress.host : '';
  }

  /** Why a command cannot be done here; undefined when it can. */
  refusal(call: Call, command: Command): string | undefined {
    let slot = -1;
    for (const index of keysOf(call, command)) {
      const { source } = call.request;
      const own = slotOf(source, call.request.start(index), call.request.lengthOf(index));
      if (slot >= 0 && own !== slot) {
        return "CROSSSLOT Keys in request don't hash to the same slot";
      }
      slot = own;
    }
    if (slot < 0) return undefined;
    const owner = Math.floor((slot * this.nodes.length) / SLOTS);
    if (owner === this.index) return undefined;
    const { port } = this.nodes[owner] as ClusterNode;
    return `MOVED ${slot} ${this.hostFor(call.session)}:${port}`;
  }
}

/** Which arguments are keys. */
export function keysOf(call: Call, command: Command): number[] {
  const { count, request } = call;
  const [first, last, step] = command.keys;
  const indexes: number[] = [];
  if (first > 0) {
    const end = last < 0 ? count + last : Math.min(last, count - 1);
    for (let index = first; index <= end; index += step) indexes.push(index);
  }
  if (command.counted > 0 && command.counted < count) {
    // What is no number, or too large, the command itself refuses.
    const keys = Number(request.text(command.counted));
    const end = Math.min(command.counted + keys, count - 1);
    for (let index = command.counted + 1; index <= end; index++) indexes.push(index);
  }
  return indexes;
}
