/** What datagrams over both backends share: plain calls on a socket that was found ready. */
import { EAGAIN, EINTR, MSG_DONTWAIT, MSG_NOSIGNAL } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import { ADDRESS_BYTES_MAX } from '../socket/address.js';
import type { DatagramEvents } from './backend.js';

/** The largest datagram there is. */
const DATAGRAM_BYTES = 65_536;
/** Datagrams read before others get their turn. */
const BUDGET = 64;
const LENGTH_BYTES = 4;
const SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL;

export class DatagramCalls {
  readonly #socket: OwnedFd;
  readonly #events: DatagramEvents;
  readonly #bytes = new Uint8Array(DATAGRAM_BYTES);
  readonly #sender = new Uint8Array(ADDRESS_BYTES_MAX + LENGTH_BYTES);
  readonly #senderLength = new Uint32Array(this.#sender.buffer, ADDRESS_BYTES_MAX, 1);
  /** One view for each length of address: there are few. */
  readonly #addresses: (Uint8Array | undefined)[] = [];

  constructor(socket: OwnedFd, events: DatagramEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** Reads what is there; true when it stopped with more to read. */
  receive(): boolean {
    for (let count = 0; count < BUDGET && !this.#socket.closed; count++) {
      const { fd } = this.#socket;
      const result = native.recvfrom(fd, this.#bytes, MSG_DONTWAIT, this.#sender);
      if (result === -EAGAIN) return false;
      if (result >= 0) this.#events.received(this.#bytes, result, this.#address());
      else if (result !== -EINTR) this.#events.failed(result);
    }
    return !this.#socket.closed;
  }

  send(bytes: Uint8Array, to: Uint8Array | undefined): number {
    const { fd } = this.#socket;
    const { length } = bytes;
    // An empty view has no address.
    const source = length === 0 ? this.#bytes : bytes;
    if (to === undefined) return native.send(fd, source, 0, length, SEND_FLAGS);
    return native.sendto(fd, source, 0, length, SEND_FLAGS, to);
  }

  #address(): Uint8Array {
    const length = Math.min(this.#senderLength[0] as number, ADDRESS_BYTES_MAX);
    this.#addresses[length] ??= this.#sender.subarray(0, length);
    return this.#addresses[length];
  }
}
