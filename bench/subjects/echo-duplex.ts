/** TCP echo on nearmetal's face of node:net: the code of echo-node, with another import. */
import { type AddressInfo, createServer } from 'nearmetal/net';

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (bytes) => {
    if (socket.write(bytes)) return;
    socket.pause();
    socket.once('drain', () => socket.resume());
  });
});

server.listen(0, '127.0.0.1', 1024, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.stdin.on('end', () => process.exit()).resume();
