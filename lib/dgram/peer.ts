/** Who sends and who is sent to: addresses as the kernel has them, decoded when looked at. */
import { AF_INET, AF_INET6 } from '../abi.js';
import type { DatagramBatch } from '../loop/datagram-batch.js';
import { decodeAddress, encodeAddress, type SocketAddress } from '../socket/address.js';
import { integer, invalidValue } from '../validate.js';

/** So many are remembered, and then forgotten together. */
const REMEMBERED = 1024;
const PORT_FACTOR = 2 ** 16;

/** An address to send to. It is encoded once: to send to it again costs nothing. */
export class Peer {
  /** @internal */
  readonly bytes: Uint8Array;
  #address: SocketAddress | undefined = undefined;

  /** @internal */
  constructor(bytes: Uint8Array, address?: SocketAddress) {
    this.bytes = bytes;
    this.#address = address;
  }

  /** `{ host, port }`, or `{ path }` of a Unix socket. */
  get address(): SocketAddress {
    this.#address ??= decodeAddress(this.bytes);
    return this.#address;
  }

  /** Numeric; '' of a Unix socket. */
  get host(): string {
    return 'host' in this.address ? this.address.host : '';
  }

  /** 0 of a Unix socket. */
  get port(): number {
    return 'port' in this.address ? this.address.port : 0;
  }

  /** Of a Unix socket; else ''. */
  get path(): string {
    return 'path' in this.address ? this.address.path : '';
  }
}

/** The peers of one socket that were met last. */
export class Peers {
  readonly #family: number;
  readonly #byNumber = new Map<number, Peer>();
  readonly #byName = new Map<string, Peer>();
  #last: { host: string; port: number; peer: Peer } | undefined = undefined;

  constructor(family: number) {
    this.#family = family;
  }

  /** The sender of a datagram; undefined where it has no name. */
  senderOf(batch: DatagramBatch, index: number): Peer | undefined {
    if (this.#family === AF_INET) return this.#inet(batch, index);
    const name = batch.nameOf(index);
    // A Unix socket without a name has a family and nothing else.
    if (name.length <= 2) return undefined;
    const key = Buffer.from(name.buffer, name.byteOffset, name.length).toString('latin1');
    const found = this.#byName.get(key);
    if (found !== undefined) return found;
    return this.#remember(this.#byName, key, new Peer(name.slice()));
  }

  #inet(batch: DatagramBatch, index: number): Peer {
    const at = batch.nameAt(index);
    // Its two words are the name: family and port, and the host.
    const key = batch.wordAt(at + 4) * PORT_FACTOR + (batch.wordAt(at) >>> 16);
    const found = this.#byNumber.get(key);
    if (found !== undefined) return found;
    return this.#remember(this.#byNumber, key, new Peer(batch.nameOf(index).slice()));
  }

  #remember<Key>(map: Map<Key, Peer>, key: Key, peer: Peer): Peer {
    if (map.size >= REMEMBERED) map.clear();
    map.set(key, peer);
    return peer;
  }

  /** Whom a user names, checked. */
  named(to: SocketAddress | Peer): Peer {
    if (to instanceof Peer) return to;
    const last = this.#last;
    const inet = typeof to === 'object' && to !== null && 'host' in to;
    if (inet && last !== undefined && last.host === to.host && last.port === to.port) {
      return last.peer;
    }
    const { family, bytes } = encodeAddress('to', to);
    if (family !== this.#family) {
      const wanted =
        this.#family === AF_INET ? 'IPv4' : this.#family === AF_INET6 ? 'IPv6' : 'Unix';
      throw invalidValue('to', `must be an address of ${wanted}, as the socket's own is`, to);
    }
    if ('port' in to) integer('to.port', to.port, 1, 65_535);
    const address = Object.freeze({ ...to });
    const peer = new Peer(bytes, address);
    if ('host' in address) this.#last = { host: address.host, port: address.port, peer };
    return peer;
  }
}
