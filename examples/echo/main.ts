/** A TCP echo server on the ring: every byte that a connection sends comes back to it. */
import { parseArgs } from 'node:util';
import { addressOf, listen, type OwnedFd, Ring } from 'nearmetal';

const USAGE = 'usage: npm run example -- echo [--port PORT] [--host ADDRESS]';

function options(): { host: string; port: number } {
  const { values } = parseArgs({
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '7000' },
    },
  });
  return { host: values.host, port: Number(values.port) };
}

await using ring = Ring.open({ entries: 1024 });
/** One pool for all connections: memory goes to those that have something to say. */
using buffers = ring.provideBuffers({ count: 256, size: 16 * 1024 });
let connections = 0;
let open = 0;
let bytes = 0;

async function echo(socket: OwnedFd): Promise<void> {
  using connection = socket;
  connections++;
  open++;
  try {
    // One submission receives until the peer ends; each lease goes back when its bytes are sent, so
    // that a peer that does not read is not read from either.
    for await (using lease of ring.recvMultishot(connection, { buffers })) {
      await ring.sendAll(connection, lease.bytes);
      bytes += lease.bytes.length;
    }
    open--;
  } catch {
    // The peer has gone (ECONNRESET, EPIPE), or we are stopping (ECANCELED).
    if (!stop.signal.aborted) open--;
  }
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());

try {
  using listener = listen({ ...options(), backlog: 1024, noDelay: true });
  const address = addressOf(listener);
  console.log(`listening on ${'port' in address ? `${address.host}:${address.port}` : ''}`);
  for await (const socket of ring.acceptMultishot(listener, { signal: stop.signal })) {
    void echo(socket);
  }
} catch (error) {
  if (stop.signal.aborted) {
    await ring.close();
    console.log(`${connections} connections, ${open} of them open, ${bytes} bytes echoed`);
  } else {
    console.error(`${error}\n${USAGE}`);
    process.exitCode = 2;
  }
}
