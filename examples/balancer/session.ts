/** A client of a UDP service: its backend, by a socket of its own, so that answers find back. */
import { connect, type DatagramSocket, type Message, type Peer } from 'nearmetal/dgram';
import type { Backend } from './pool.js';
import type { UdpService } from './udp.js';

export class Session {
  usedAt = Date.now();
  open = true;
  private readonly service: UdpService;
  readonly backend: Backend;
  private readonly socket: DatagramSocket | undefined;
  private readonly onEnd: () => void;
  private full = false;

  constructor(service: UdpService, client: Peer, backend: Backend, onEnd: () => void) {
    this.service = service;
    this.backend = backend;
    this.onEnd = onEnd;
    this.count('connections', 1);
    try {
      this.socket = connect({
        ...backend.config.address,
        messages: (messages) => {
          this.usedAt = Date.now();
          for (const message of messages) {
            if (service.answer(message, client)) this.count('bytesOut', message.length);
          }
        },
        drain: () => {
          this.full = false;
        },
        error: () => this.fail(),
      });
    } catch {
      // No descriptors, or no way there.
      queueMicrotask(() => this.fail());
    }
  }

  private count(counter: 'connections' | 'bytesIn' | 'bytesOut' | 'failed', by: number): void {
    this.service.shared.row.count(this.backend.place, counter, by);
  }

  forward(message: Message): void {
    this.usedAt = Date.now();
    if (this.socket === undefined || this.full || !this.open) return;
    this.count('bytesIn', message.length);
    if (!this.socket.send(message)) this.full = true;
  }

  /** Nobody is there, as the backend's machine says: the next datagram finds another. */
  private fail(): void {
    if (this.open) this.count('failed', 1);
    this.end();
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    void this.socket?.close();
    this.service.shared.row.leave(this.backend.place);
    this.onEnd();
  }
}
