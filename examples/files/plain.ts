/** Sessions over TCP, on the connections of nearmetal/net. */
import type { OwnedFd } from 'nearmetal/fd';
import type { File } from 'nearmetal/fs';
import { type ServedConnection, serve } from 'nearmetal/net';
import { sendFile } from 'nearmetal/zerocopy';
import type { Peer, Serving } from './peer.js';
import type { Session } from './session.js';

class PlainPeer implements Peer {
  private readonly connection: ServedConnection<Session>;

  constructor(connection: ServedConnection<Session>) {
    this.connection = connection;
  }

  get address(): string {
    try {
      const { remoteAddress } = this.connection;
      return 'port' in remoteAddress ? remoteAddress.host : '-';
    } catch {
      return '-';
    }
  }

  /** Bytes that wait; those of files among them. */
  get progress(): number {
    return this.connection.pending;
  }

  write(bytes: Uint8Array | string): boolean {
    return this.connection.write(bytes);
  }

  sendFile(file: File, offset: number, length: number): Promise<unknown> {
    return sendFile(this.connection, file, { offset, length });
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  end(): void {
    this.connection.end();
  }

  close(): void {
    this.connection.close();
  }

  reset(): void {
    this.connection.reset();
  }
}

export function servePlain(
  listener: OwnedFd,
  maxConnections: number,
  open: (peer: Peer) => Session,
  graceMs: number,
): Serving {
  const serving = serve<Session>({
    listener,
    maxConnections,
    // Whoever has asked is answered, also when it says that it asks no more.
    allowHalfOpen: true,
    open: (connection) => {
      connection.state = open(new PlainPeer(connection));
    },
    data: ({ state }, received) => state?.receive(received.text('latin1')),
    drain: ({ state }) => state?.drained(),
    end: ({ state }) => state?.peerEnded(),
    stopping: ({ state }) => state?.stop(),
    close: ({ state }) => state?.closed(),
  });
  return {
    *sessions() {
      for (const { state } of serving.connections) if (state !== undefined) yield state;
    },
    drain: () => serving.drain({ timeoutMs: graceMs }),
  };
}
