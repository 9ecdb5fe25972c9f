/** TCP echo in two loops of `for await`. Prints its port; ends when stdin is closed. */
import { type Connection, Listener } from 'nearmetal/net';

const listener = Listener.open({ backlog: 1024 });

async function echo(connection: Connection): Promise<void> {
  for await (const bytes of connection) await connection.write(bytes);
}

console.log(JSON.stringify({ port: listener.port }));
process.stdin.on('end', () => process.exit()).resume();
for await (const connection of listener) echo(connection).catch(() => undefined);
