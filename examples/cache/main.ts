/** A cache that speaks Redis' protocol: strings, hashes, lists, sets, sorted sets, pub/sub. */
import { addressOf, listen } from 'nearmetal/net';
import { launch } from 'nearmetal/workers';
import { optionsOf, USAGE } from './options.js';
import type { WorkerData } from './worker.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  const { settings, host, port } = optionsOf(process.argv.slice(2));
  // The listening socket is this thread's: what connects while a worker restarts waits in it.
  const listener = listen({ host, port, noDelay: true });
  const group = await launch<WorkerData>({
    entry: new URL('./worker.js', import.meta.url),
    data: { settings, listeners: [listener.fd] },
    workers: 1,
    // What comes in a burst is not yet old: it need not be copied to be forgotten.
    thread: { resourceLimits: { maxYoungGenerationSizeMb: 64 } },
  });
  group.on('crash', ({ index }, error) => console.error(`worker ${index}:`, error));
  const address = addressOf(listener);
  const at = 'port' in address ? address.port : port;
  console.log(`a cache of ${settings.maxBytes / 2 ** 20} MiB on ${host}:${at}`);
  const finish = async (): Promise<void> => {
    const counts = (await group.stats()).map(({ reported }) => reported.commands ?? 0);
    await group.drain({ timeoutMs: 10_000 });
    listener.close();
    console.log(`${counts.reduce((sum, count) => sum + count, 0)} commands`);
  };
  if (stop.signal.aborted) await finish();
  else stop.signal.addEventListener('abort', () => void finish());
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
