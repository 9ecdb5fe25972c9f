/** TCP echo on a ring's handlers inside Node's loop: the twin of `reference/echo-uring.c`. */
import { constants } from 'node:os';
import { addressOf, listen } from 'nearmetal/net';
import {
  type BufferRing,
  bufferId,
  hasMore,
  type Operation,
  OwnedFd,
  op,
  Ring,
} from 'nearmetal/ring';

const { ENOBUFS } = constants.errno;
const NONE = -1;

const ring = Ring.open({ entries: 1024, completionEntries: 8192 });
const buffers: BufferRing = ring.provideBuffers({ count: 256, size: 16_384 });
/** What waits in each buffer to be sent, and the buffer behind it in its connection's queue. */
const offsets = new Int32Array(buffers.count);
const lengths = new Int32Array(buffers.count);
const behind = new Int32Array(buffers.count);

class Connection {
  readonly socket: OwnedFd;
  readonly receive: Operation<unknown>;
  readonly send: Operation<unknown>;
  /** Buffers still to send; the first is on its way while `sending`. */
  first = NONE;
  last = NONE;
  receiving = false;
  sending = false;
  ended = false;

  constructor(fd: number) {
    this.socket = OwnedFd.adopt(fd);
    this.receive = op.recvMultishot(this.socket, { buffers });
    // The kernel itself goes on after a short send; which bytes, `sendFirst` says.
    this.send = op.send(this.socket, buffers.bytes(0), { waitAll: true });
  }
}

/** No promises here: ticks once per wake-up are enough. */
const batched = { batched: true };
const connections: (Connection | undefined)[] = [];
const starved: Connection[] = [];

const onAccept = ring.handler((_, result, flags) => {
  if (result >= 0) {
    const connection = new Connection(result);
    connections[result] = connection;
    armReceive(connection);
  }
  if (!hasMore(flags)) ring.start(accept, onAccept);
}, batched);

const onReceive = ring.handler((fd, result, flags) => {
  const connection = connections[fd] as Connection;
  if (result > 0) queue(connection, bufferId(flags), result);
  if (hasMore(flags)) return;
  connection.receiving = false;
  if (result === -ENOBUFS && !connection.ended) {
    if (buffers.available > 0) armReceive(connection);
    else starved.push(connection);
  } else if (result > 0 && !connection.ended) {
    armReceive(connection);
  } else {
    connection.ended = true;
    closeWhenDone(connection);
  }
}, batched);

const onSend = ring.handler((fd, result) => {
  const connection = connections[fd] as Connection;
  const id = connection.first;
  connection.sending = false;
  if (result < 0) {
    // The peer is gone; its receive ends by itself, with the same news.
    connection.ended = true;
    while (connection.first !== NONE) recycleFirst(connection);
  } else if (result < (lengths[id] as number)) {
    offsets[id] = (offsets[id] as number) + result;
    lengths[id] = (lengths[id] as number) - result;
    sendFirst(connection);
  } else {
    recycleFirst(connection);
    if (connection.first !== NONE) sendFirst(connection);
  }
  closeWhenDone(connection);
}, batched);

function armReceive(connection: Connection): void {
  connection.receiving = true;
  ring.start(connection.receive, onReceive, connection.receive.fd);
}

function queue(connection: Connection, id: number, length: number): void {
  buffers.taken(id);
  if (connection.ended) {
    recycle(id);
    return;
  }
  offsets[id] = 0;
  lengths[id] = length;
  behind[id] = NONE;
  if (connection.first === NONE) {
    connection.first = id;
    connection.last = id;
    sendFirst(connection);
  } else {
    behind[connection.last] = id;
    connection.last = id;
  }
}

function sendFirst(connection: Connection): void {
  const { send, first } = connection;
  const offset = first * buffers.size + (offsets[first] as number);
  send.point(buffers.mapping, offset, lengths[first] as number);
  connection.sending = true;
  ring.start(send, onSend, send.fd);
}

function recycleFirst(connection: Connection): void {
  const id = connection.first;
  connection.first = behind[id] as number;
  recycle(id);
}

/** Each buffer that comes back serves one receive that found none. */
function recycle(id: number): void {
  buffers.recycle(id);
  const next = starved.pop();
  if (next) armReceive(next);
}

function closeWhenDone(connection: Connection): void {
  if (!connection.ended || connection.receiving || connection.sending) return;
  if (connection.first !== NONE) return;
  connections[connection.socket.fd] = undefined;
  connection.socket.close();
}

const listener = listen({ backlog: 1024, noDelay: true });
const accept = op.acceptMultishot(listener);
ring.start(accept, onAccept);
const address = addressOf(listener);
console.log(JSON.stringify({ port: 'port' in address ? address.port : 0 }));
process.stdin.on('end', () => process.exit()).resume();
