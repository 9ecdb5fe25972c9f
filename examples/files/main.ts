/** A static file server on every CPU: HTTP/1.1 with ranges, ETags, precompressed files and TLS. */
import { launch } from 'nearmetal/workers';
import { optionsOf, USAGE } from './options.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  const { site, workers, host, port } = optionsOf(process.argv.slice(2));
  const group = await launch({
    entry: new URL('./worker.js', import.meta.url),
    data: site,
    listen: { host, port },
    ...(workers === undefined ? {} : { workers }),
  });
  group.on('crash', ({ index }, error) => console.error(`worker ${index}:`, error));
  const scheme = site.tls === undefined ? 'http' : 'https';
  const shown = host.includes(':') ? `[${host}]` : host;
  console.log(`serving ${site.root} on ${scheme}://${shown}:${group.port}/`);
  const finish = async (): Promise<void> => {
    const counts = (await group.stats()).map(({ reported }) => reported.requests ?? 0);
    await group.drain({ timeoutMs: 10_000 });
    console.log(`${counts.reduce((sum, count) => sum + count, 0)} requests`);
  };
  if (stop.signal.aborted) await finish();
  else stop.signal.addEventListener('abort', () => void finish());
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
