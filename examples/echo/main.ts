/** A TCP echo server on the ring: handlers, multishot accept and receive, provided buffers. */
import { parseArgs } from 'node:util';
import { OwnedFd } from 'nearmetal/fd';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import { bufferId, type MultishotOperation, type Operation, op, Ring } from 'nearmetal/ring';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '7000' },
    host: { type: 'string', default: '127.0.0.1' },
  },
});

/** IORING_CQE_F_MORE: the same submission will complete again. */
const MORE = 2;
const ENOBUFS = 105;

const ring = Ring.open({ entries: 1024 });
const buffers = ring.provideBuffers({ count: 1024, size: 16_384 });
const listener = listen({ host: values.host, port: Number(values.port) });

interface Part {
  readonly buffer: number;
  offset: number;
  readonly end: number;
}

interface Connection {
  readonly id: number;
  readonly socket: OwnedFd;
  readonly receive: MultishotOperation<unknown>;
  readonly send: Operation<number>;
  /** Received and not sent yet, in order: one send at a time keeps them so. */
  readonly parts: Part[];
  sending: boolean;
  receiving: boolean;
  ended: boolean;
}

const connections = new Map<number, Connection>();
/** Connections whose receive found no buffer: they go on when one is back. */
const starved = new Set<Connection>();
let accepted = 0;
let bytesEchoed = 0;

function receive(connection: Connection): void {
  connection.receiving = true;
  ring.start(connection.receive, received, connection.id);
}

function sendNext(connection: Connection): void {
  const part = connection.parts[0];
  if (connection.sending || part === undefined) return;
  connection.sending = true;
  const start = part.buffer * buffers.size;
  connection.send.point(buffers.mapping, start + part.offset, part.end - part.offset);
  ring.start(connection.send, sent, connection.id);
}

/** Closes once nothing of the connection is in flight any more. */
function closeIfDone(connection: Connection): void {
  if (connection.receiving || connection.sending) return;
  if (!connection.ended || connection.parts.length > 0) return;
  connections.delete(connection.id);
  connection.socket.close();
}

function recycle(buffer: number): void {
  buffers.recycle(buffer);
  for (const connection of starved) {
    starved.delete(connection);
    receive(connection);
  }
}

/** After an error there is nobody to send the rest to. */
function giveUp(connection: Connection): void {
  connection.ended = true;
  starved.delete(connection);
  for (const part of connection.parts.splice(0)) recycle(part.buffer);
}

const accept = op.acceptMultishot(listener);

const acceptedOne = ring.handler((_tag, result, flags) => {
  if (result >= 0) {
    const socket = OwnedFd.adopt(result);
    const connection: Connection = {
      id: ++accepted,
      socket,
      receive: op.recvMultishot(socket, { buffers }),
      send: op.send(socket, buffers.bytes(0)),
      parts: [],
      sending: false,
      receiving: false,
      ended: false,
    };
    connections.set(connection.id, connection);
    receive(connection);
  }
  if ((flags & MORE) === 0 && !stopping) ring.start(accept, acceptedOne);
});

const received = ring.handler((id, result, flags) => {
  const connection = connections.get(id) as Connection;
  connection.receiving = (flags & MORE) !== 0;
  const buffer = bufferId(flags);
  if (buffer >= 0) buffers.taken(buffer);
  if (result > 0 && !connection.ended) {
    connection.parts.push({ buffer, offset: 0, end: result });
    sendNext(connection);
    if (!connection.receiving) receive(connection);
    return;
  }
  if (buffer >= 0) recycle(buffer);
  if (result === -ENOBUFS && !connection.ended) {
    // Buffers that came back meanwhile wake nobody: look before falling asleep.
    if (buffers.available > 0) receive(connection);
    else starved.add(connection);
    return;
  }
  if (result < 0) giveUp(connection);
  connection.ended = true;
  closeIfDone(connection);
});

const sent = ring.handler((id, result) => {
  const connection = connections.get(id) as Connection;
  connection.sending = false;
  if (result < 0) {
    giveUp(connection);
    // What is still being received ends by this, and closes the connection.
    if (connection.receiving) ring.start(op.shutdown(connection.socket, 'both'), ignored);
  } else {
    bytesEchoed += result;
    const part = connection.parts[0] as Part;
    part.offset += result;
    if (part.offset === part.end) {
      connection.parts.shift();
      recycle(part.buffer);
    }
    sendNext(connection);
  }
  closeIfDone(connection);
});

const ignored = ring.handler(() => undefined);

let stopping = false;

async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  const open = connections.size;
  for (const { socket } of connections.values()) socket.close();
  listener.close();
  await ring.close();
  console.log(`${accepted} connections, ${open} of them open, ${bytesEchoed} bytes echoed`);
}

process.on('SIGINT', stop);
process.on('SIGTERM', stop);

ring.start(accept, acceptedOne);
const { host, port } = addressOf(listener) as InternetAddress;
console.log(`listening on ${host}:${port}`);
