/**
 * TCP echo on node:net, as its users write it; with 'nearmetal' on our face of the same. Prints its
 * port; ends when stdin is closed.
 */
import type * as node from 'node:net';

// Only one of them, so that neither process holds what the other is.
const ours = process.argv[2] === 'nearmetal';
const face = await (ours ? import('nearmetal/net') : import('node:net'));
const createServer = face.createServer as typeof node.createServer;
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    if (socket.write(bytes)) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  });
});

server.listen(0, '127.0.0.1', 1024, () => {
  console.log(JSON.stringify({ port: (server.address() as node.AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
