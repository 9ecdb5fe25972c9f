/** A TCP proxy by `proxy`. Arguments: TARGET-PORT BACKEND. Prints its port. */
import { Connection, Listener } from 'nearmetal/net';
import { proxy } from 'nearmetal/zerocopy';

const [, , target, name] = process.argv;
const backend = name as 'io_uring' | 'epoll';
const listener = Listener.open({ backend, backlog: 1024 });

async function pass(client: Connection): Promise<void> {
  try {
    await proxy(
      client,
      await Connection.open({ host: '127.0.0.1', port: Number(target), backend }),
    );
  } catch {
    // The client of a turn that is over is gone.
    client.close();
  }
}

console.log(JSON.stringify({ port: listener.port }));
process.stdin.on('end', () => process.exit()).resume();
for await (const client of listener) void pass(client);
