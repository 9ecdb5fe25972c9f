/** What each worker does: its share of every service, as the configuration has it now. */
import { parentPort } from 'node:worker_threads';
import { openBackend } from 'nearmetal/loop';
import { workerContext } from 'nearmetal/workers';
import { Clients } from './clients.js';
import type { PlacedService } from './places.js';
import type { News, Service, Start } from './shared.js';
import { Table } from './table.js';
import { TcpService } from './tcp.js';
import { UdpService } from './udp.js';

const context = workerContext<Start>();
const { index, generation, data } = context;
const table = new Table(data.table);
const clients = new Clients(data.clients, index);
const row = table.rows[index];
if (row === undefined) throw new RangeError(`no row for worker ${index}`);
// A thread that was here before has taken its connections along.
row.forget();
clients.forget();

const shared = { index, table, row, clients };
const loop = openBackend({ batched: true });
const services = new Map<string, Service>();

function open(list: readonly PlacedService[]): void {
  let port = 0;
  for (const service of list) {
    const opened =
      service.protocol === 'udp'
        ? new UdpService(shared, service)
        : new TcpService(shared, loop, context.listener(port++), service);
    services.set(service.name, opened);
  }
  context.ready();
}

parentPort?.on('message', ({ version, services: list }: News) => {
  if (list === undefined) for (const service of services.values()) service.refresh();
  else if (services.size === 0) open(list);
  else for (const service of list) services.get(service.name)?.update(service);
  if (list !== undefined) parentPort?.postMessage({ version });
});

// One that takes a place later asks: its data are as old as the group.
if (generation === 0) open(data.services);
else parentPort?.postMessage({ version: undefined });
context.onDrain(async () => {
  await Promise.all([...services.values()].map((service) => service.drain()));
});
