/** Sessions over TLS, on the connections of node:tls: bytes go through JavaScript there. */
import { pipeline } from 'node:stream/promises';
import { createServer, type TLSSocket } from 'node:tls';
import type { OwnedFd } from 'nearmetal/fd';
import { createReadStream, type File } from 'nearmetal/fs';
import type { Peer, Serving } from './peer.js';
import type { Session } from './session.js';

const HANDSHAKE_MS = 10_000;

class TlsPeer implements Peer {
  private readonly socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.socket = socket;
  }

  get address(): string {
    return this.socket.remoteAddress ?? '-';
  }

  /** What has been given to the socket: nothing more is while it is full. */
  get progress(): number {
    return this.socket.bytesWritten - this.socket.writableLength;
  }

  write(bytes: Uint8Array | string): boolean {
    return this.socket.writable && this.socket.write(bytes);
  }

  async sendFile(file: File, start: number, length: number): Promise<void> {
    if (length === 0) return;
    const reading = createReadStream(file, { start, end: start + length - 1 });
    await pipeline(reading, this.socket, { end: false });
    if (reading.bytesRead !== length) throw new Error('the file became shorter');
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  end(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }
}

export function serveTls(
  listener: OwnedFd,
  tls: { readonly cert: string; readonly key: string },
  maxConnections: number,
  open: (peer: Peer) => Session,
  graceMs: number,
): Serving {
  const sessions = new Map<TLSSocket, Session>();
  const server = createServer({
    ...tls,
    ALPNProtocols: ['http/1.1'],
    allowHalfOpen: true,
    handshakeTimeout: HANDSHAKE_MS,
    noDelay: true,
  });
  let stopping = false;
  server.maxConnections = maxConnections;
  server.on('secureConnection', (socket) => {
    const session = open(new TlsPeer(socket));
    sessions.set(socket, session);
    socket.on('data', (bytes: Buffer) => session.receive(bytes.toString('latin1')));
    socket.on('drain', () => session.drained());
    socket.on('end', () => session.peerEnded());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sessions.delete(socket);
      session.closed();
    });
    if (stopping) session.stop();
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.listen({ fd: listener.release() });
  return {
    sessions: () => sessions.values(),
    drain: async () => {
      stopping = true;
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions.values()) session.stop();
      const late = setTimeout(() => {
        for (const socket of sessions.keys()) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(late);
    },
  };
}
