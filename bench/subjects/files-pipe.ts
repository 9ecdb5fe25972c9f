/** A file over HTTP by `createReadStream().pipe()` into a socket of node:net. Prints its port. */
import { createReadStream, stat } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const HEADER = 'HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n';
const [path = ''] = process.argv.slice(2);

function answer(socket: Socket): void {
  stat(path, (error, { size }) => {
    if (error) throw error;
    socket.write(`${HEADER}Content-Length: ${size}\r\n\r\n`);
    const file = createReadStream(path);
    // The client of a turn that is over is gone.
    socket.once('close', () => file.destroy());
    file.pipe(socket, { end: false });
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let request = '';
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    request += bytes;
    if (!request.endsWith('\r\n\r\n')) return;
    request = '';
    answer(socket);
  });
});
server.listen(0, '127.0.0.1', 1024, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
