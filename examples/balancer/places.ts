/** Where each service and backend is in the shared table; a place is kept until it is empty. */
import { shown } from './address.js';
import { type BackendConfig, type Config, PLACES, type ServiceConfig } from './config.js';
import type { Table } from './table.js';

export interface PlacedBackend extends BackendConfig {
  readonly place: number;
}

export interface PlacedService extends ServiceConfig {
  readonly place: number;
  readonly backends: readonly PlacedBackend[];
}

export class Places {
  private readonly table: Table;
  private readonly byName = new Map<string, number>();
  private readonly free = Array.from({ length: PLACES }, (_, index) => PLACES - 1 - index);

  constructor(table: Table) {
    this.table = table;
  }

  /** @param since when backends that are new came up; 0: there is nothing to be slow about */
  of(config: Config, since: number): PlacedService[] {
    const names = new Set<string>();
    const place = (name: string): number => {
      names.add(name);
      return this.byName.get(name) ?? this.take(name, since);
    };
    const services = config.services.map((service) => ({
      ...service,
      place: place(service.name),
      backends: service.backends.map((backend) => ({
        ...backend,
        place: place(`${service.name} ${shown(backend.address)}`),
      })),
    }));
    for (const [name, at] of this.byName) {
      if (names.has(name) || this.table.activeOf(at) > 0) continue;
      this.byName.delete(name);
      this.free.unshift(at);
    }
    return services;
  }

  private take(name: string, since: number): number {
    const place = this.free.pop();
    if (place === undefined) throw new Error('connections to too many former backends are open');
    this.table.clear(place);
    this.table.setUp(place, true, since);
    this.byName.set(name, place);
    return place;
  }
}
