/** A service of UDP in one worker: datagrams by batches, and a session for each client. */
import { bind, type DatagramSocket, type Message, type Messages, type Peer } from 'nearmetal/dgram';
import { shown, unmapped } from './address.js';
import { NO_LIMIT } from './config.js';
import { hashOf } from './hash.js';
import type { PlacedService } from './places.js';
import { type Backend, Pool } from './pool.js';
import { Session } from './session.js';
import type { Service, Shared } from './shared.js';

/** Looks for idle sessions in the time that makes one idle. */
const LOOKS = 4;
/** At the end of the worker, for answers that are on their way. */
const GRACE_MS = 500;

export class UdpService implements Service {
  config: PlacedService;
  readonly shared: Shared;
  readonly pool: Pool;
  private readonly front: DatagramSocket;
  private readonly sessions = new Map<string, Session>();
  /** The same, by what the library knows clients by for as long as it remembers them. */
  private byPeer = new WeakMap<Peer, Session>();
  private full = false;
  private draining = false;
  private timer: NodeJS.Timeout;

  constructor(shared: Shared, config: PlacedService) {
    this.shared = shared;
    this.config = config;
    this.pool = new Pool(shared.table, shared.row, shared.index, config, (backend) => {
      this.endAll(backend);
    });
    this.front = bind({
      ...config.listen,
      // Each worker has its share of the port.
      reusePort: true,
      messages: (messages) => this.take(messages),
      drain: () => {
        this.full = false;
      },
      // Of datagrams that were sent: whose they were is not known.
      error: (_error, lost) => this.drop(lost),
    });
    this.timer = this.sweepEvery(config.idleTimeoutMs / LOOKS);
  }

  private sweepEvery(ms: number): NodeJS.Timeout {
    return setInterval(() => this.sweep(), Math.max(ms, 5));
  }

  private drop(count = 1): void {
    this.shared.row.count(this.config.place, 'dropped', count);
  }

  // --- from clients ------------------------------------------------------------------------------

  private take(messages: Messages): void {
    for (const message of messages) {
      const { from } = message;
      const session = from === undefined ? undefined : this.sessionOf(from);
      if (session === undefined) this.drop();
      else session.forward(message);
    }
  }

  private sessionOf(from: Peer): Session | undefined {
    const known = this.byPeer.get(from);
    if (known?.open) return known;
    const client = unmapped({ host: from.host, port: from.port });
    const name = shown(client);
    const found = this.sessions.get(name) ?? this.begin(from, client.host, name);
    if (found !== undefined) this.byPeer.set(from, found);
    return found;
  }

  private begin(from: Peer, host: string, name: string): Session | undefined {
    const { table, row, clients } = this.shared;
    const { place, maxConnections, maxPerClient, policy } = this.config;
    if (this.draining) return undefined;
    row.enter(place);
    const counted = maxPerClient < NO_LIMIT;
    const room = table.activeOf(place) <= maxConnections;
    if (room && (!counted || clients.enter(host, place, maxPerClient))) {
      const leave = (): void => {
        if (counted) clients.leave(host, place);
        row.leave(place);
      };
      const backend = this.pool.take(policy === 'maglev' ? hashOf(host) : 0, []);
      if (backend !== undefined) return this.open(from, name, backend, leave);
      leave();
    } else row.leave(place);
    row.count(place, 'refused');
    return undefined;
  }

  private open(from: Peer, name: string, backend: Backend, leave: () => void): Session {
    const session = new Session(this, from, backend, () => {
      this.sessions.delete(name);
      leave();
    });
    this.sessions.set(name, session);
    return session;
  }

  // --- to clients --------------------------------------------------------------------------------

  /** What a backend answers; while there is no room it is dropped, as any network would. */
  answer(message: Message, client: Peer): boolean {
    if (this.full) {
      this.drop();
      return false;
    }
    if (!this.front.send(message, client)) this.full = true;
    return true;
  }

  // --- their end ---------------------------------------------------------------------------------

  private sweep(): void {
    const before = Date.now() - (this.draining ? GRACE_MS : this.config.idleTimeoutMs);
    for (const session of this.sessions.values()) if (session.usedAt < before) session.end();
  }

  /** Of one backend, or all. */
  private endAll(backend?: Backend): void {
    for (const session of this.sessions.values()) {
      if (backend === undefined || session.backend === backend) session.end();
    }
  }

  update(config: PlacedService): void {
    this.config = config;
    this.pool.update(config);
    clearInterval(this.timer);
    this.timer = this.sweepEvery(config.idleTimeoutMs / LOOKS);
  }

  refresh(): void {
    this.pool.refresh();
  }

  async drain(): Promise<void> {
    this.draining = true;
    const end = Date.now() + this.config.drainTimeoutMs;
    while (this.sessions.size > 0 && Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, GRACE_MS / LOOKS));
      this.sweep();
    }
    clearInterval(this.timer);
    this.endAll();
    await this.front.close();
  }
}
