/** HTTP hello world on node:http or on nearmetal/http; the argument says which. Prints its port. */
import * as node from 'node:http';
import type { AddressInfo } from 'node:net';
import * as nearmetal from 'nearmetal/http';

const face = process.argv[2] === 'node' ? node : nearmetal;
const createServer = face.createServer as typeof node.createServer;
const body = 'hello, world\n';
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length });
  response.end(body);
});

server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
