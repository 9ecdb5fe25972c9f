/** A TCP echo server on every CPU: one worker each, with its own share of the port. */
import { parseArgs } from 'node:util';
import { launch } from 'nearmetal/workers';

const USAGE = 'usage: npm run example -- cores [--port PORT] [--host ADDRESS] [--workers COUNT]';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '7000' },
      workers: { type: 'string' },
    },
  });
  const group = await launch({
    entry: new URL('./worker.js', import.meta.url),
    listen: { host: values.host, port: Number(values.port) },
    steerByCpu: true,
    ...(values.workers === undefined ? {} : { workers: Number(values.workers) }),
  });
  group.on('crash', ({ index }, error) => console.error(`worker ${index}:`, error));
  // New threads for all, and no connection is lost: how a new version of worker.js is taken up.
  process.on('SIGHUP', async () => {
    await group.reload();
    console.log('reloaded');
  });
  console.log(`${group.workers.length} workers on ${values.host}:${group.port}`);
  stop.signal.addEventListener('abort', async () => {
    for (const { index, reported } of await group.stats()) {
      const { accepted = 0, bytesSent = 0 } = reported;
      console.log(`worker ${index}: ${accepted} connections, ${bytesSent} bytes echoed`);
    }
    await group.drain({ timeoutMs: 1000 });
  });
} catch (error) {
  console.error(`${error}\n${USAGE}`);
  process.exitCode = 2;
}
