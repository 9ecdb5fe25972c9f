/** What the services of one worker share. */
import type { Clients } from './clients.js';
import type { PlacedService } from './places.js';
import type { Row, Table } from './table.js';

export interface Shared {
  readonly index: number;
  readonly table: Table;
  readonly row: Row;
  readonly clients: Clients;
}

/** A service in a worker. */
export interface Service {
  update(service: PlacedService): void;
  refresh(): void;
  /** Takes nothing new, and resolves when what there is has ended, or the time for it. */
  drain(): Promise<void>;
}

/** What a worker is launched with. */
export interface Start {
  readonly table: SharedArrayBuffer;
  readonly clients: SharedArrayBuffer;
  readonly services: readonly PlacedService[];
}

/** To a worker: the configuration, when it is another; else backends have changed. */
export interface News {
  readonly version: number;
  readonly services: readonly PlacedService[] | undefined;
}
