/** The backends of a service in one worker, and which of them is next. */
import type { InternetAddress } from 'nearmetal/net';
import { shown } from './address.js';
import type { PlacedBackend, PlacedService } from './places.js';
import { type Policy, policyOf } from './policies.js';
import type { Row, Table } from './table.js';

export class Backend {
  config: PlacedBackend;
  readonly address: InternetAddress;
  /** In its pool. */
  index = 0;
  private timer: NodeJS.Timeout | undefined = undefined;

  constructor(config: PlacedBackend) {
    this.config = config;
    // Frozen addresses are encoded once.
    this.address = Object.freeze({ ...config.address });
  }

  get place(): number {
    return this.config.place;
  }

  /** It is in the configuration. */
  stays(config: PlacedBackend, index: number): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.config = config;
    this.index = index;
  }

  /** It is not any more. */
  leaves(drainTimeoutMs: number, end: (backend: Backend) => void): void {
    this.timer ??= setTimeout(() => end(this), drainTimeoutMs).unref();
  }
}

/** It does not begin with nothing: it would never be asked. */
const SLOWEST = 0.05;

export class Pool {
  /** Of the configuration: places among its backends are good for one. */
  version = 0;
  /** All that have something to do, also those that have left. */
  readonly all = new Map<number, Backend>();
  private backends: Backend[] = [];
  private weights: readonly number[] = [];
  private policy!: Policy;
  private service!: PlacedService;
  private readonly table: Table;
  private readonly row: Row;
  private readonly start: number;
  private readonly end: (backend: Backend) => void;

  /**
   * @param start which backend is the first, where they take turns
   * @param end ends what goes on with a backend
   */
  constructor(
    table: Table,
    row: Row,
    start: number,
    service: PlacedService,
    end: (backend: Backend) => void,
  ) {
    this.end = end;
    this.table = table;
    this.row = row;
    this.start = start;
    this.update(service);
  }

  update(service: PlacedService): void {
    this.version++;
    this.service = service;
    this.backends = service.backends.map((config, index) => {
      const backend = this.all.get(config.place) ?? new Backend(config);
      backend.stays(config, index);
      return backend;
    });
    for (const [place, backend] of this.all) {
      if (this.backends.includes(backend)) continue;
      if (this.row.activeOf(place) === 0) this.all.delete(place);
      else backend.leaves(service.drainTimeoutMs, this.end);
    }
    for (const backend of this.backends) this.all.set(backend.place, backend);
    this.weights = [];
    this.refresh();
  }

  /** Somebody is up or down, or further in its slow start. */
  refresh(): void {
    const { backends, table } = this;
    const now = Date.now();
    const weights = backends.map((backend) => this.weightOf(backend, now));
    if (weights.every((weight, index) => weight === this.weights[index])) return;
    this.weights = weights;
    const choice = {
      names: backends.map(({ config }) => shown(config.address)),
      weights,
      load: (index: number) => table.activeOf((backends[index] as Backend).place),
    };
    this.policy = policyOf(this.service.policy, choice, this.start);
  }

  private weightOf({ config }: Backend, now: number): number {
    if (!this.table.isUp(config.place)) return 0;
    const { slowStartMs } = this.service;
    const age = now - this.table.upSince(config.place);
    if (age >= slowStartMs) return config.weight;
    return config.weight * Math.max(age / slowStartMs, SLOWEST);
  }

  /**
   * The next one, which counts one connection more; undefined when there is none that can be used.
   *
   * @param tried indexes of those that are not to be used; those that are full come to it
   */
  take(key: number, tried: number[]): Backend | undefined {
    for (;;) {
      const index = this.policy.pick(key, tried);
      const backend = this.backends[index];
      if (backend === undefined) return undefined;
      this.row.enter(backend.place);
      const most = backend.config.maxConnections;
      if (this.table.activeOf(backend.place) <= most) return backend;
      this.row.leave(backend.place);
      tried.push(index);
    }
  }
}
