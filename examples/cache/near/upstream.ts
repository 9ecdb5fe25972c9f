/** The servers behind us: which of them has a key, and how they are found again. */
import type { Value } from '../protocol/value.js';
import { Node, type NodeEvents } from './node.js';
import { SlotMap } from './slot-map.js';
import { nameOf, type Target, type UpstreamSettings } from './target.js';

export interface UpstreamEvents {
  commands(commands: Value): void;
  invalid(keys: readonly string[] | undefined): void;
  /** What has been told by servers is not valid any more, or cannot be known to be. */
  doubtful(): void;
  batchEnd(): void;
  /** Who waited for a server, or for room, should try again. */
  changed(): void;
}

/** Why there is no server to ask now. */
export class Absence {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

interface Failure {
  readonly until: number;
  readonly count: number;
  readonly reason: string;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

export class Upstream {
  readonly settings: UpstreamSettings;
  private readonly events: UpstreamEvents;
  private readonly nodes = new Map<string, Node>();
  private readonly failures = new Map<string, Failure>();
  private seed = 0;
  private map: SlotMap | undefined;
  private asking = false;
  private open = true;

  constructor(settings: UpstreamSettings, events: UpstreamEvents) {
    this.settings = settings;
    this.events = events;
    this.nodeAt(this.seedTarget);
  }

  get clustered(): boolean {
    return this.map !== undefined;
  }

  get readyNodes(): Node[] {
    return [...this.nodes.values()].filter(({ ready }) => ready);
  }

  private get seedTarget(): Target {
    const { seeds } = this.settings;
    return seeds[this.seed % seeds.length] as Target;
  }

  // --- whom to ask -------------------------------------------------------------------------------

  /** The server of a slot (-1: any); undefined: not yet. */
  nodeFor(slot: number): Node | Absence | undefined {
    const { map } = this;
    if (map === undefined) return this.nodeAt(this.seedTarget);
    const target = slot < 0 ? map.any() : map.ownerOf(slot);
    if (target === undefined) return new Absence(`no server has slot ${Math.max(slot, 0)}`);
    return this.nodeAt(target);
  }

  nodeAt(target: Target): Node | Absence | undefined {
    const name = nameOf(target);
    const found = this.nodes.get(name);
    if (found !== undefined) return found.ready ? found : undefined;
    const failure = this.failures.get(name);
    if (!this.open || (failure !== undefined && failure.until > Date.now())) {
      return new Absence(failure?.reason ?? 'it is to finish');
    }
    const node = new Node(target, this.settings, this.nodeEvents());
    this.nodes.set(name, node);
    // Only who comes first waits for it: a server that was gone may well stay away.
    return failure === undefined ? undefined : new Absence(failure.reason);
  }

  private nodeEvents(): NodeEvents {
    const { events } = this;
    return {
      ready: (node, commands) => this.isReady(node, commands),
      lost: (node, reason, wasReady) => this.isLost(node, reason, wasReady),
      invalid: (keys) => events.invalid(keys),
      batchEnd: () => events.batchEnd(),
      room: () => events.changed(),
    };
  }

  private isReady(node: Node, commands: Value): void {
    this.events.commands(commands);
    if (node.clustered && this.map === undefined) {
      // Whoever waits goes on waiting until it is known who has what.
      node.ready = false;
      void this.learn(node);
      return;
    }
    this.failures.delete(node.name);
    this.events.changed();
  }

  private isLost(node: Node, reason: string, wasReady: boolean): void {
    this.nodes.delete(node.name);
    const count = (this.failures.get(node.name)?.count ?? 0) + 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
    this.failures.set(node.name, { until: Date.now() + pause, count, reason });
    if (node.target === this.seedTarget) this.seed++;
    if (wasReady) this.events.doubtful();
    this.events.changed();
  }

  // --- a cluster ---------------------------------------------------------------------------------

  /** Asks one server who has what. */
  private async learn(node: Node): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const map = new SlotMap(await node.tracker.ask(['CLUSTER', 'SLOTS']), node.target);
      this.isKnown(map);
      if (node.open) node.ready = true;
      this.failures.delete(node.name);
    } catch (error) {
      node.close((error as Error).message);
    } finally {
      this.asking = false;
    }
    this.events.changed();
  }

  private isKnown(map: SlotMap): void {
    if (map.text === this.map?.text) return;
    // A slot that has moved is another server's to track, who has never been asked for its keys.
    this.map = map;
    this.events.doubtful();
    for (const [name, node] of this.nodes) {
      if (!map.targets.has(name)) node.close('it is no master of the cluster any more');
    }
  }

  /** A server says that another one has this slot. */
  moved(slot: number, target: Target): void {
    this.map?.move(slot, target);
    this.events.doubtful();
    this.refresh();
  }

  private refresh(): void {
    const ready = this.readyNodes;
    const node = ready[Math.floor(Math.random() * ready.length)];
    if (node !== undefined) void this.learn(node);
  }

  // --- time --------------------------------------------------------------------------------------

  /** Once a second. */
  check(): void {
    const now = Date.now();
    for (const node of [...this.nodes.values()]) node.check(now);
    if (this.map !== undefined) {
      this.refresh();
      for (const target of this.map.targets.values()) this.nodeAt(target);
    }
    // Of a cluster none of whose servers can be reached the seeds may know others.
    if (this.map === undefined || this.readyNodes.length === 0) this.nodeAt(this.seedTarget);
  }

  close(): void {
    this.open = false;
    for (const node of [...this.nodes.values()]) node.close('the cache is to finish');
  }
}
