/** TCP echo on Bun.listen, as its users write it. Prints its port; ends when stdin is closed. */

interface BunSocket {
  data: { rest: Uint8Array | undefined };
  write(bytes: Uint8Array): number;
  setNoDelay(on: boolean): void;
}

declare const Bun: {
  listen(options: {
    hostname: string;
    port: number;
    socket: Record<string, (socket: BunSocket, bytes: Uint8Array) => void>;
  }): { port: number };
};

/** What a full socket did not take is kept, with everything behind it, until there is room. */
function send(socket: BunSocket, bytes: Uint8Array): void {
  const sent = Math.max(0, socket.write(bytes));
  socket.data.rest = sent < bytes.length ? Buffer.from(bytes.subarray(sent)) : undefined;
}

const server = Bun.listen({
  hostname: '127.0.0.1',
  port: 0,
  socket: {
    open(socket) {
      socket.data = { rest: undefined };
      socket.setNoDelay(true);
    },
    data(socket, bytes) {
      const { rest } = socket.data;
      if (rest) socket.data.rest = Buffer.concat([rest, bytes]);
      else send(socket, bytes);
    },
    drain(socket) {
      const { rest } = socket.data;
      if (rest) send(socket, rest);
    },
    error() {},
  },
});

console.log(JSON.stringify({ port: server.port }));
process.stdin.on('end', () => process.exit()).resume();
