/** TCP echo on a backend; the argument says which. Prints its port; ends when stdin is closed. */
import { type BackendName, openBackend, type Stream } from 'nearmetal/loop';
import { addressOf, listen } from 'nearmetal/net';

const backend = openBackend({ backend: process.argv[2] as BackendName, batched: true });
const ignore = (): void => undefined;

class Connection {
  stream: Stream | undefined;
  /** What is sent has to leave before more is received. */
  received(bytes: Uint8Array, length: number): void {
    if (!this.stream?.send(bytes, 0, length)) this.stream?.pause();
  }
  drained(): void {
    this.stream?.resume();
  }
  ended(): void {
    this.stream?.close();
  }
  failed = ignore;
  closed = ignore;
}

const listener = listen({ backlog: 1024, noDelay: true });
backend.accept(listener, {
  connection: (socket) => {
    const connection = new Connection();
    connection.stream = backend.stream(socket, connection);
  },
  failed: ignore,
});
const address = addressOf(listener);
console.log(JSON.stringify({ port: 'port' in address ? address.port : 0 }));
process.stdin.on('end', () => process.exit()).resume();
