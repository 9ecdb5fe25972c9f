/** A service of TCP in one worker: it accepts, within its limits, and passes on. */
import type { OwnedFd } from 'nearmetal/fd';
import type { Acceptor, Backend as Loop } from 'nearmetal/loop';
import { Bag } from './bag.js';
import { Passage } from './passage.js';
import type { PlacedService } from './places.js';
import { type Backend, Pool } from './pool.js';
import type { Service, Shared } from './shared.js';

export class TcpService implements Service {
  config: PlacedService;
  readonly shared: Shared;
  readonly loop: Loop;
  readonly pool: Pool;
  readonly passages = new Bag<Passage>();
  private readonly listener: OwnedFd;
  private readonly acceptor: Acceptor;
  private onEmpty: (() => void) | undefined = undefined;

  constructor(shared: Shared, loop: Loop, listener: OwnedFd, config: PlacedService) {
    this.shared = shared;
    this.loop = loop;
    this.config = config;
    this.pool = new Pool(shared.table, shared.row, shared.index, config, (backend) => {
      this.endAll(backend);
    });
    this.listener = listener;
    this.acceptor = loop.accept(listener, {
      connection: (socket) => this.accept(socket),
      // Without descriptors or memory: it is tried again a little later.
      failed: () => shared.row.count(config.place, 'refused'),
    });
  }

  private accept(socket: OwnedFd): void {
    const { table, row } = this.shared;
    const { place, maxConnections } = this.config;
    row.enter(place);
    const passage = new Passage(this, socket);
    this.passages.add(passage);
    if (table.activeOf(place) > maxConnections) passage.refuse();
    else passage.begin();
  }

  /** A connection has ended. */
  left(passage: Passage): void {
    this.passages.delete(passage);
    const { row } = this.shared;
    const { place } = this.config;
    row.leave(place);
    if (this.onEmpty !== undefined && row.activeOf(place) === 0) this.onEmpty();
  }

  update(config: PlacedService): void {
    this.config = config;
    this.pool.update(config);
  }

  refresh(): void {
    this.pool.refresh();
  }

  async drain(): Promise<void> {
    const { row } = this.shared;
    await new Promise<void>((resolve) => this.acceptor.finish(resolve));
    this.listener.close();
    const late = setTimeout(() => this.endAll(), this.config.drainTimeoutMs);
    await new Promise<void>((resolve) => {
      if (row.activeOf(this.config.place) === 0) resolve();
      else this.onEmpty = resolve;
    });
    clearTimeout(late);
  }

  /** Of one backend, or all. */
  private endAll(backend?: Backend): void {
    for (const passage of this.passages.all()) {
      if (backend === undefined || passage.backend === backend) passage.end();
    }
  }
}
