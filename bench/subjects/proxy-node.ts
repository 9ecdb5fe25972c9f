/** A TCP proxy as node:net's users write it. Argument: TARGET-PORT. Prints its port. */
import { type AddressInfo, connect, createServer } from 'node:net';

const target = Number(process.argv[2]);
const server = createServer({ noDelay: true }, (client) => {
  const other = connect({ port: target, host: '127.0.0.1', noDelay: true });
  client.on('error', () => other.destroy());
  other.on('error', () => client.destroy());
  client.pipe(other);
  other.pipe(client);
});

server.listen(0, '127.0.0.1', 1024, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
