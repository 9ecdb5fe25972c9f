/**
 * A file over HTTP by `sendFile` on `serve`: the twin of `reference/sendfile.c`. Arguments: FILE
 * BACKEND. Prints its port.
 */
import { open } from 'nearmetal/fs';
import { type ServedConnection, serve } from 'nearmetal/net';
import { sendFile } from 'nearmetal/zerocopy';

const HEADER = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n';
const [path = '', backend] = process.argv.slice(2);

async function answer(connection: ServedConnection<string>): Promise<void> {
  await using file = await open(path);
  const { size } = await file.stat();
  const headers = `${HEADER}Content-Length: ${size}\r\n\r\n`;
  await sendFile(connection, file, { length: size, headers });
}

const { port } = serve<string>({
  backend: backend as 'io_uring' | 'epoll',
  backlog: 1024,
  data(connection, received) {
    connection.state = (connection.state ?? '') + received.text();
    if (!connection.state.endsWith('\r\n\r\n')) return;
    connection.state = '';
    // The client of a turn that is over is gone.
    answer(connection).catch(() => connection.close());
  },
});

console.log(JSON.stringify({ port }));
process.stdin.on('end', () => process.exit()).resume();
