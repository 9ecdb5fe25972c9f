/** The main thread: workers, checks, metrics and the view, and what a reload changes. */
import { availableParallelism } from 'node:os';
import type { Server } from 'nearmetal/http';
import type { InternetAddress } from 'nearmetal/net';
import { launch, type WorkerGroup } from 'nearmetal/workers';
import { shown } from './address.js';
import { Clients } from './clients.js';
import type { Config } from './config.js';
import { Health } from './health.js';
import { ConfigError } from './keys.js';
import { metricsText, serveMetrics } from './metrics.js';
import { type PlacedService, Places } from './places.js';
import type { News, Start } from './shared.js';
import { Table } from './table.js';
import { View } from './view.js';

/** Steps of a slow start. */
const STEP_MS = 100;
/** For threads to end when all of their connections have. */
const LATE_MS = 2000;

export class Balancer {
  private readonly table: Table;
  private readonly places: Places;
  private config: Config;
  private services: readonly PlacedService[];
  private group!: WorkerGroup;
  private health!: Health;
  private metrics: Server | undefined = undefined;
  private readonly view: View;
  private readonly stepper: NodeJS.Timeout;
  private version = 0;
  /** By version: how many workers have still to say that they have it. */
  private readonly unconfirmed = new Map<number, { left: number; done: () => void }>();

  private constructor(config: Config, workers: number) {
    this.config = config;
    this.table = new Table(Table.create(workers));
    this.places = new Places(this.table);
    this.services = this.places.of(config, 0);
    this.view = new View(this.table, process.stdout);
    this.stepper = setInterval(() => this.step(), STEP_MS).unref();
  }

  static async start(config: Config, view: boolean): Promise<Balancer> {
    const workers = config.workers ?? availableParallelism();
    const balancer = new Balancer(config, workers);
    await balancer.launch(workers);
    if (view) balancer.view.start(() => balancer.services);
    return balancer;
  }

  private async launch(workers: number): Promise<void> {
    const { table, services, config } = this;
    const tcp = services.filter(({ protocol }) => protocol === 'tcp');
    const data: Start = { table: table.memory, clients: Clients.create(workers), services };
    if (config.metrics !== undefined) {
      const text = (): string => metricsText(this.services, table);
      this.metrics = await serveMetrics(config.metrics, text);
    }
    try {
      this.group = await launch<Start>({
        entry: new URL('./worker.js', import.meta.url),
        workers,
        data,
        // Also a single one shares its ports: with who comes after it.
        listen: tcp.map(({ listen }) => ({ ...listen, backlog: 4096 })),
        ready: 'called',
      });
    } catch (error) {
      this.metrics?.close();
      throw error;
    }
    this.group.on('crash', ({ index }, error) => console.error(`worker ${index}:`, error));
    this.group.on('message', ({ worker }, told) => {
      const { version } = told as { version: number | undefined };
      // One that takes the place of another asks for what has been told since the launch.
      if (version === undefined) worker?.postMessage(this.news(this.services));
      else this.confirmed(version);
    });
    this.group.closed.catch((error: Error) => {
      console.error(error.message);
      process.exit(1);
    });
    this.health = this.check();
  }

  private news(services: News['services']): News {
    return { version: this.version, services };
  }

  private check(): Health {
    return new Health(this.table, this.services, (service, backend, up) => {
      console.log(`${service}: ${backend} is ${up ? 'up' : 'down'}`);
      this.group.broadcast(this.news(undefined));
    });
  }

  /** Backends in their slow start get a little more. */
  private step(): void {
    const now = Date.now();
    const slow = this.services.some(({ slowStartMs, backends }) =>
      backends.some(({ place }) => now - this.table.upSince(place) < slowStartMs + 2 * STEP_MS),
    );
    if (slow) this.group?.broadcast(this.news(undefined));
  }

  /** Where it listens. */
  lines(): string[] {
    let port = 0;
    const lines = this.services.map(({ name, protocol, listen, policy, backends }) => {
      const at = protocol === 'udp' ? listen : (this.group.addresses[port++] as InternetAddress);
      return `${name}: ${protocol} ${shown(at)}, ${policy}, ${backends.length} backends`;
    });
    const at = this.metrics?.address();
    if (typeof at === 'object' && at !== null) {
      lines.push(`metrics: http://${shown({ host: at.address, port: at.port })}/metrics`);
    }
    return lines;
  }

  // --- later -------------------------------------------------------------------------------------

  /** Rejects when the new configuration cannot be had by a reload; all goes on as before then. */
  async reload(read: () => Config): Promise<void> {
    const config = read();
    this.checkSame(config);
    this.config = config;
    this.services = this.places.of(config, Date.now());
    this.version++;
    this.health.close();
    this.health = this.check();
    const told = new Promise<void>((done) => {
      this.unconfirmed.set(this.version, { left: this.table.rows.length, done });
    });
    this.group.broadcast(this.news(this.services));
    await told;
    console.log('reloaded');
  }

  private confirmed(version: number): void {
    const waiting = this.unconfirmed.get(version);
    if (waiting === undefined || --waiting.left > 0) return;
    this.unconfirmed.delete(version);
    waiting.done();
  }

  private checkSame(config: Config): void {
    const fixed = ({ workers, metrics, services }: Config): Map<string, unknown> =>
      new Map<string, unknown>([
        ['config.workers', workers],
        ['config.metrics', metrics],
        ['config.services', services.map(({ name }) => name)],
        ...services.flatMap(({ name, protocol, listen }): [string, unknown][] => [
          [`services.${name}.protocol`, protocol],
          [`services.${name}.listen`, listen],
        ]),
      ]);
    const next = fixed(config);
    for (const [key, value] of fixed(this.config)) {
      if (JSON.stringify(next.get(key)) === JSON.stringify(value)) continue;
      throw new ConfigError(`${key} cannot be changed by a reload: start anew`);
    }
  }

  /** Finishes what there is; answers how many connections there were. */
  async stop(): Promise<number> {
    this.health.close();
    clearInterval(this.stepper);
    const drainMs = Math.max(...this.services.map(({ drainTimeoutMs }) => drainTimeoutMs));
    await this.group.drain({ timeoutMs: drainMs + LATE_MS });
    this.view.stop();
    this.metrics?.close();
    this.metrics?.closeAllConnections();
    const places = this.services.flatMap(({ backends }) => backends.map(({ place }) => place));
    return places.reduce((sum, place) => sum + this.table.countOf(place, 'connections'), 0);
  }
}
