/** The listening sockets of a group: one of each port for each worker, kept for all its threads. */
import type { CpuSet } from '../cpu/set.js';
import type { OwnedFd } from '../fd/fd.js';
import type { SocketAddress } from '../socket/address.js';
import { addressOf, endListening, type ListenOptions, listen } from '../socket/listen.js';
import { steerByCpu } from '../socket/steering.js';

const { rmSync } = process.getBuiltinModule('node:fs');

/** The sockets that share one port, or a Unix socket, which is one for all. */
interface Port {
  readonly address: SocketAddress;
  /** By worker. */
  readonly sockets: OwnedFd[];
  /** Workers, as the kernel numbers their sockets. */
  readonly order: number[];
}

export class Ports {
  readonly #ports: Port[] = [];
  readonly #cpus: readonly CpuSet[];
  readonly #steer: boolean;

  /**
   * Listens everywhere, or nowhere.
   *
   * @param cpus of each worker
   */
  constructor(asked: readonly ListenOptions[], cpus: readonly CpuSet[], steer: boolean) {
    this.#cpus = cpus;
    this.#steer = steer;
    try {
      for (const options of asked) this.#open({ noDelay: true, ...options });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(options: ListenOptions): void {
    const { path } = options;
    const several = this.#cpus.length > 1 && path === undefined;
    const first = listen(several ? { ...options, reusePort: true } : options);
    const address = addressOf(first);
    const port: Port = { address, sockets: [first], order: this.#cpus.map((_, index) => index) };
    this.#ports.push(port);
    if (!several || !('port' in address)) return;
    for (let index = 1; index < this.#cpus.length; index++) {
      port.sockets.push(listen({ ...options, reusePort: true, port: address.port }));
    }
    this.#direct(port);
  }

  get addresses(): readonly SocketAddress[] {
    return this.#ports.map(({ address }) => address);
  }

  /** The descriptors of a worker, one for each port. */
  of(worker: number): number[] {
    return this.#ports.map(({ sockets }) => (sockets[worker] ?? sockets[0])?.fd ?? -1);
  }

  #direct({ sockets, order }: Port): void {
    const [first] = order;
    const socket = first === undefined ? undefined : sockets[first];
    if (!this.#steer || socket === undefined || order.length < 2) return;
    steerByCpu(
      socket,
      order.map((worker) => [...(this.#cpus[worker] ?? [])]),
    );
  }

  /** Nobody accepts for this worker any more: what comes from now on goes to the others. */
  retire(worker: number): void {
    for (const port of this.#ports) {
      const { sockets, order } = port;
      const socket = sockets[worker];
      const at = order.indexOf(worker);
      if (sockets.length < 2 || socket === undefined || at < 0) continue;
      endListening(socket);
      socket.close();
      // The kernel puts the last of a group in the place of one that leaves.
      const last = order.pop() as number;
      if (at < order.length) order[at] = last;
      this.#direct(port);
    }
  }

  close(): void {
    for (const { address, sockets } of this.#ports.splice(0)) {
      for (const socket of sockets) {
        if (!socket.closed) endListening(socket);
        socket.close();
      }
      if ('path' in address && !address.path.startsWith('\0'))
        rmSync(address.path, { force: true });
    }
  }
}
