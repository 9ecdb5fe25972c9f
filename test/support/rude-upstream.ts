/** A server that says hello as Redis does, and then whatever a test wants it to say. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

const HELLO = '%3\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$2\r\nid\r\n:7\r\n$5\r\nproto\r\n:3\r\n';
const COMMANDS = '*1\r\n*6\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n';

/** What is said to each command, by its name; undefined: nothing at all. */
export type Say = (name: string, socket: Socket) => string | undefined;

const ORDINARY: Readonly<Record<string, string>> = {
  HELLO,
  CLIENT: '+OK\r\n',
  COMMAND: COMMANDS,
  PING: '+PONG\r\n',
  PTTL: ':-1\r\n',
};

export async function startRude(say: Say): Promise<{ address: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
      // Requests of short words, each in one piece or in several.
      for (;;) {
        const [whole, name] =
          /^\*\d+\r\n\$\d+\r\n(\w+)\r\n(?:\$\d+\r\n[^\r]*\r\n)*/.exec(text) ?? [];
        if (whole === undefined || name === undefined) break;
        text = text.slice(whole.length);
        const said = say(name.toUpperCase(), socket) ?? ORDINARY[name.toUpperCase()];
        if (said !== undefined) socket.write(said, 'latin1');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  return { address: `127.0.0.1:${port}`, sockets };
}
