/**
 * A file over HTTP on nearmetal/http, or with 'pipe' or 'read' by the ways of node:http. Arguments:
 * FILE HOW. Prints its port.
 */
import { createReadStream, readFile, stat } from 'node:fs';
import * as node from 'node:http';
import type { AddressInfo } from 'node:net';

const [path = '', how] = process.argv.slice(2);
const type = { 'content-type': 'application/octet-stream' };

/** As `createReadStream` is used everywhere. */
const pipe: node.RequestListener = (_request, response) => {
  stat(path, (error, stats) => {
    if (error) throw error;
    response.writeHead(200, { ...type, 'content-length': stats.size });
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response);
  });
};

const read: node.RequestListener = (_request, response) => {
  readFile(path, (error, bytes) => {
    if (error) throw error;
    response.writeHead(200, { ...type, 'content-length': bytes.length });
    response.end(bytes);
  });
};

// Only one of them, so that neither process holds what the other is.
async function listener(): Promise<node.Server> {
  if (how === 'pipe') return node.createServer(pipe);
  if (how === 'read') return node.createServer(read);
  const { createServer, sendFile } = await import('nearmetal/http');
  return createServer((request, response) => {
    // The client of a turn that is over is gone.
    sendFile(request, response, path).catch(() => {});
  });
}

const server = await listener();
server.listen(0, '127.0.0.1', 1024, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
