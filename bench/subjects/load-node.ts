/** The echo client for machines without a compiler: as `reference/load.c` in all that shows. */
import { createConnection, type Socket } from 'node:net';
import { cpuNs } from '../_lib/process.js';
import { median } from '../_lib/statistics.js';

const [port = 0, connections = 1, size = 1, depth = 1, warmUp = 0, seconds = 1, serverPid = 0] =
  process.argv.slice(2).map(Number);
const STALL_MS = 5000;
/** A prime, so that no message size divides it; a window never runs over the end. */
const PERIOD = 65_521;
const SLACK = Math.max(65_536, size * depth);

const pattern = makePattern();
const latencies: number[] = [];
let messages = 0;
let all = 0;
let measuring = false;
let stopping = false;
let lastNews = performance.now();

function makePattern(): Buffer {
  const bytes = Buffer.alloc(PERIOD + SLACK);
  let state = 0x9e3779b9;
  for (let index = 0; index < bytes.length; index++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    bytes[index] = index < PERIOD ? state >>> 24 : (bytes[index - PERIOD] as number);
  }
  return bytes;
}

function broken(what: string, id: number, offset: number): never {
  const error = `${what} on connection ${id} at byte ${offset}`;
  process.stderr.write(`load: ${error}\n`);
  process.stdout.write(`${JSON.stringify({ messages, errors: 1, error })}\n`);
  process.exit(1);
}

/** One connection: `depth` messages on the way until stopping, then done when all are back. */
function drive(id: number, socket: Socket, done: () => void): void {
  const seed = ((id + 1) * 40_503) % PERIOD;
  const sentAt = new Array<number>(depth).fill(performance.now());
  let sent = 0;
  let received = 0;
  const send = (length: number) => {
    const from = (seed + sent) % PERIOD;
    socket.write(pattern.subarray(from, from + length));
    sent += length;
  };
  socket.on('error', (error) => broken(error.message, id, received));
  socket.on('close', () => received < sent && broken('the server closed', id, received));
  socket.on('data', (bytes) => {
    lastNews = performance.now();
    for (let at = 0; at < bytes.length; at += SLACK) {
      const piece = bytes.subarray(at, at + SLACK);
      const from = (seed + received) % PERIOD;
      if (received + piece.length > sent) broken('more came back than was sent', id, received);
      if (piece.compare(pattern, from, from + piece.length) !== 0) {
        const at = piece.findIndex((byte, index) => byte !== pattern[from + index]);
        broken('a wrong byte came back', id, received + at);
      }
      const before = Math.floor(received / size);
      received += piece.length;
      const after = Math.floor(received / size);
      for (let message = before; message < after; message++) {
        if (measuring) latencies.push(lastNews - (sentAt[message % depth] ?? 0));
        sentAt[message % depth] = lastNews;
      }
      messages += after - before;
      all += after - before;
      if (!stopping && after > before) send((after - before) * size);
    }
    if (stopping && received === sent) done();
  });
  send(depth * size);
}

const wait = (duration: number) => new Promise((resolve) => setTimeout(resolve, duration * 1000));

function percentile(fraction: number): number {
  latencies.sort((left, right) => left - right);
  return (
    Math.round((latencies[Math.floor(latencies.length * fraction)] ?? median(latencies)) * 1e4) / 10
  );
}

const watchdog = setInterval(() => {
  if (performance.now() - lastNews > STALL_MS) broken(`nothing came back for ${STALL_MS} ms`, 0, 0);
}, 500);
const sockets: Socket[] = [];
const finished: Promise<void>[] = [];
for (let id = 0; id < connections; id++) {
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  finished.push(new Promise((resolve) => socket.once('connect', () => drive(id, socket, resolve))));
}
await wait(warmUp);
measuring = true;
messages = 0;
const startedAt = performance.now();
const serverBefore = cpuNs(serverPid);
const ownBefore = process.cpuUsage();
await wait(seconds);
const own = process.cpuUsage(ownBefore);
const answer = {
  messages,
  ns: (performance.now() - startedAt) * 1e6,
  server_cpu_ns: cpuNs(serverPid) - serverBefore,
  client_cpu_ns: (own.user + own.system) * 1000,
};
measuring = false;
stopping = true;
await Promise.all(finished);
clearInterval(watchdog);
for (const socket of sockets) socket.destroy();
const [p50_us, p99_us, p999_us] = [percentile(0.5), percentile(0.99), percentile(0.999)];
console.log(JSON.stringify({ ...answer, all, p50_us, p99_us, p999_us, errors: 0 }));
