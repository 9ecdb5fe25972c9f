/** What each worker does: serves its keys on its port until it is to finish. */
import { asFd, dup } from 'nearmetal/fd';
import { serve } from 'nearmetal/net';
import { workerContext } from 'nearmetal/workers';
import { Near } from './near/near.js';
import type { UpstreamSettings } from './near/target.js';
import { Cluster } from './server/cluster.js';
import { shareNews } from './server/news.js';
import { Server, type Settings } from './server/server.js';
import type { Session } from './server/session.js';

const SWEEP_MS = 100;
const SLOW_MS = 1000;

export interface WorkerData {
  readonly settings: Settings;
  /** Where each worker listens, by its number: descriptors and ports. */
  readonly listeners: readonly number[];
  readonly ports: readonly number[];
  /** What this is a cache of, if it is not by itself. */
  readonly upstream: UpstreamSettings | undefined;
}

const context = workerContext<WorkerData>();
const { settings, listeners, ports, upstream } = context.data;
const cluster = ports.length > 1 ? new Cluster(ports, context.index) : undefined;
const server = new Server(settings, cluster);
const near = upstream === undefined ? undefined : new Near(server, upstream);

const serving = serve<Session>({
  listener: dup(asFd(listeners[context.index % listeners.length] as number)),
  keepAlive: { idleMs: 300_000 },
  maxConnections: settings.maxClients,
  open: (connection) => server.open(connection),
  data: (connection, received) => server.receive(connection.state as Session, received.bytes),
  drain: (connection) => server.drained(connection.state as Session),
  // Whoever has asked is answered, also when it says that it asks no more.
  allowHalfOpen: true,
  end: (connection) => server.end(connection.state as Session),
  stopping: (connection) => server.end(connection.state as Session),
  close: (connection) => {
    near?.left(connection.state as Session);
    server.close(connection.state as Session);
  },
});
server.traffic = () => serving.stats;

const sweep = setInterval(() => server.sweep(), SWEEP_MS);
const slow = setInterval(() => {
  server.closeSlow();
  near?.upstream.check();
}, SLOW_MS);

if (near === undefined) shareNews(context, server.pubsub);

context.report(() => ({ commands: server.commandCount, keys: server.db.size }));
context.onDrain(async () => {
  clearInterval(sweep);
  clearInterval(slow);
  await serving.drain({ timeoutMs: 1000 });
  near?.upstream.close();
});
