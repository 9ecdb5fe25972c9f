/** What Prometheus reads: text over HTTP, made of the shared table. */
import { createServer, type Server } from 'nearmetal/http';
import type { InternetAddress } from 'nearmetal/net';
import { shown } from './address.js';
import type { PlacedService } from './places.js';
import { COUNTERS, type Counter, type Table } from './table.js';

const HELP: Readonly<Record<Counter, [name: string, help: string]>> = {
  connections: ['connections_total', 'Connections and sessions passed on.'],
  bytesIn: ['bytes_in_total', 'Bytes from clients, of connections that have ended.'],
  bytesOut: ['bytes_out_total', 'Bytes to clients, of connections that have ended.'],
  failed: ['connect_failures_total', 'Backends that could not be connected to.'],
  refused: ['refused_total', 'Turned away: by a limit, or for want of a backend.'],
  broken: ['broken_total', 'Ended by an error, or by being idle for too long.'],
  malformed: ['malformed_total', 'PROXY headers that were none, or too late.'],
  dropped: ['datagrams_dropped_total', 'Datagrams without room or session.'],
};

interface Labelled {
  readonly place: number;
  readonly labels: string;
  readonly isBackend: boolean;
}

function labelled(services: readonly PlacedService[]): Labelled[] {
  return services.flatMap(({ name, place, backends }) => [
    { place, labels: `service="${name}"`, isBackend: false },
    ...backends.map(({ place: own, address }) => ({
      place: own,
      labels: `service="${name}",backend="${shown(address)}"`,
      isBackend: true,
    })),
  ]);
}

export function metricsText(services: readonly PlacedService[], table: Table): string {
  const all = labelled(services);
  const lines: string[] = [];
  const metric = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    of: readonly Labelled[],
    value: (place: number) => number,
  ): void => {
    lines.push(`# HELP balancer_${name} ${help}`, `# TYPE balancer_${name} ${type}`);
    for (const { place, labels } of of) lines.push(`balancer_${name}{${labels}} ${value(place)}`);
  };
  const backends = all.filter(({ isBackend }) => isBackend);
  metric('up', 'gauge', 'Whether a backend answers its checks.', backends, (place) =>
    Number(table.isUp(place)),
  );
  metric('active', 'gauge', 'Connections and sessions now.', all, (place) => table.activeOf(place));
  for (const counter of COUNTERS) {
    const [name, help] = HELP[counter];
    metric(name, 'counter', help, all, (place) => table.countOf(place, counter));
  }
  return `${lines.join('\n')}\n`;
}

/** Serves `text` at /metrics. */
export async function serveMetrics(at: InternetAddress, text: () => string): Promise<Server> {
  const server = createServer((request, response) => {
    const found = request.url === '/metrics' && request.method === 'GET';
    response.writeHead(found ? 200 : 404, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(found ? text() : 'there is /metrics\n');
  });
  server.headersTimeout = 5000;
  server.maxConnections = 100;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(at.port, at.host, resolve);
  });
  return server;
}
