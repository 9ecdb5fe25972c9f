/** A cache that speaks Redis' protocol: strings, hashes, lists, sets, sorted sets, pub/sub. */
import type { OwnedFd } from 'nearmetal/fd';
import { addressOf, listen } from 'nearmetal/net';
import { launch } from 'nearmetal/workers';
import { optionsOf, USAGE } from './options.js';
import type { WorkerData } from './worker.js';

function portOf(listener: OwnedFd): number {
  const address = addressOf(listener);
  return 'port' in address ? address.port : 0;
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  const { settings, host, port, workers, upstream } = optionsOf(process.argv.slice(2));
  // The listening sockets are this thread's: what connects while a worker restarts waits in them.
  // In front of other servers any worker can answer anything: they share a port.
  const places = upstream === undefined ? workers : 1;
  const listeners = Array.from({ length: places }, (_, index) =>
    listen({ host, port: port === 0 ? 0 : port + index, noDelay: true }),
  );
  const ports = listeners.map(portOf);
  const group = await launch<WorkerData>({
    entry: new URL('./worker.js', import.meta.url),
    data: { settings, listeners: listeners.map(({ fd }) => fd), ports, upstream },
    workers,
    // What comes in a burst is not yet old: it need not be copied to be forgotten.
    thread: { resourceLimits: { maxYoungGenerationSizeMb: 64 } },
  });
  group.on('crash', ({ index }, error) => console.error(`worker ${index}:`, error));
  const size = (settings.maxBytes * workers) / 2 ** 20;
  console.log(`a cache of ${size} MiB on ${host}:${ports.join(',')}`);
  const finish = async (): Promise<void> => {
    const counts = (await group.stats()).map(({ reported }) => reported.commands ?? 0);
    await group.drain({ timeoutMs: 10_000 });
    for (const listener of listeners) listener.close();
    console.log(`${counts.reduce((sum, count) => sum + count, 0)} commands`);
  };
  if (stop.signal.aborted) await finish();
  else stop.signal.addEventListener('abort', () => void finish());
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
