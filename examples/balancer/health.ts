/** Active checks: a backend that answers a connection is up, one that does not is down. */
import { Connection } from 'nearmetal/net';
import { shown } from './address.js';
import type { HealthConfig } from './config.js';
import type { PlacedBackend, PlacedService } from './places.js';
import type { Table } from './table.js';

/** Whether it is up, by the checks so far: so many in a row that say otherwise change it. */
export class Verdict {
  private against = 0;
  private readonly limits: { readonly rise: number; readonly fall: number };
  up: boolean;

  constructor(limits: { readonly rise: number; readonly fall: number }, up: boolean) {
    this.limits = limits;
    this.up = up;
  }

  /** True when this changes it. */
  take(good: boolean): boolean {
    if (good === this.up) {
      this.against = 0;
      return false;
    }
    if (++this.against < (this.up ? this.limits.fall : this.limits.rise)) return false;
    this.against = 0;
    this.up = good;
    return true;
  }
}

type Changed = (service: string, backend: string, up: boolean) => void;

/** The checks of one configuration. */
export class Health {
  private readonly table: Table;
  private readonly changed: Changed;
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly controller = new AbortController();

  constructor(table: Table, services: readonly PlacedService[], changed: Changed) {
    this.table = table;
    this.changed = changed;
    for (const service of services) {
      const { health, backends } = service;
      for (const [index, backend] of backends.entries()) {
        if (health === undefined) table.setUp(backend.place, true, table.upSince(backend.place));
        // Not all at once.
        else this.watch(service, backend, health, (health.intervalMs * index) / backends.length);
      }
    }
  }

  private watch(
    service: PlacedService,
    backend: PlacedBackend,
    health: HealthConfig,
    firstMs: number,
  ): void {
    const { table } = this;
    const { place, address } = backend;
    const verdict = new Verdict(health, table.isUp(place));
    const look = async (): Promise<void> => {
      const good = await this.answers(address.host, health.port ?? address.port, health.timeoutMs);
      if (this.controller.signal.aborted) return;
      if (verdict.take(good)) {
        table.setUp(place, good, Date.now());
        this.changed(service.name, shown(address), good);
      }
      this.later(health.intervalMs, look);
    };
    this.later(firstMs, look);
  }

  private later(ms: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      call();
    }, ms);
    this.timers.add(timer.unref());
  }

  private async answers(host: string, port: number, timeoutMs: number): Promise<boolean> {
    try {
      const { signal } = this.controller;
      const connection = await Connection.open({ host, port, timeoutMs, signal });
      // A reset leaves nothing behind on either side.
      connection.reset();
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    this.controller.abort();
    for (const timer of this.timers) clearTimeout(timer);
  }
}
