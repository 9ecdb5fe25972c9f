/** A chat: a page and its messages over HTTP, and lines of text over TCP, in one room. */
import type { ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { createServer } from 'nearmetal/http';
import { type ServedConnection, serve } from 'nearmetal/net';

const USAGE = 'usage: npm run example -- chat [--port PORT] [--http-port PORT]';

/** Who is here: names of those with a line, and the pages that wait for news. */
const lines = new Set<ServedConnection<Guest>>();
const pages = new Set<ServerResponse>();

interface Guest {
  name: string;
  /** The part of a line that has come so far. */
  text: string;
}

function tell(message: string): void {
  for (const connection of lines) connection.write(`${message}\n`);
  for (const page of pages) page.write(`data: ${JSON.stringify(message)}\n\n`);
}

function open(port: number) {
  let guests = 0;
  return serve<Guest>({
    port,
    open(connection) {
      connection.state = { name: `guest ${++guests}`, text: '' };
      lines.add(connection);
      tell(`${connection.state.name} is here`);
    },
    data(connection, received) {
      const { state } = connection;
      if (state === undefined) return;
      const parts = (state.text + received.text()).split('\n');
      state.text = parts.pop() ?? '';
      for (const line of parts) tell(`${state.name}: ${line}`);
      // Nobody's line is that long.
      if (state.text.length > 10_000) connection.reset();
    },
    stopping: (connection) => connection.end('the room closes\n'),
    close(connection) {
      lines.delete(connection);
      tell(`${connection.state?.name} has left`);
    },
  });
}

const PAGE = `<!doctype html><title>chat</title><pre id=log></pre><input id=line autofocus>
<script>
new EventSource('/news').onmessage = ({ data }) => { log.textContent += JSON.parse(data) + '\\n'; };
line.onchange = () => { fetch('/say', { method: 'POST', body: line.value }); line.value = ''; };
</script>`;

/** The import is all that differs from node:http. */
const server = createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/say') {
    let text = '';
    for await (const part of request.setEncoding('utf8')) text += part;
    tell(`the page: ${text}`);
    response.writeHead(204).end();
  } else if (request.url === '/news') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    pages.add(response);
    response.on('close', () => pages.delete(response));
  } else response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
});

try {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '7001' },
      'http-port': { type: 'string', default: '8080' },
    },
  });
  const room = open(Number(values.port));
  server.listen(Number(values['http-port']), '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : address;
    console.log(`lines on 127.0.0.1:${room.port}, the page on http://127.0.0.1:${port}/`);
  });
  const stop = async (): Promise<void> => {
    if (!room.listening) return;
    for (const page of pages) page.end();
    server.close();
    await room.drain({ timeoutMs: 1000 });
    // Pages keep their connections for what they may ask next.
    server.closeAllConnections();
    console.log(`the room is closed after ${room.stats.accepted} guests`);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
} catch (error) {
  console.error(`${error}\n${USAGE}`);
  process.exitCode = 2;
}
