/** What can be changed of a datagram socket while it is open, named as `node:dgram` names it. */
import { AF_INET6 } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import {
  type Interface,
  joinGroup,
  leaveGroup,
  setMulticastInterface,
} from '../socket/multicast.js';
import { setSocketOption } from '../socket/options.js';
import { boolean, integer } from '../validate.js';

export abstract class DatagramSettings {
  /** The socket itself, for `getSocketOption` and its kin. */
  readonly socket: OwnedFd;
  /** AF_INET, AF_INET6 or AF_UNIX. */
  readonly family: number;

  /** @internal */
  constructor(socket: OwnedFd, family: number) {
    this.socket = socket;
    this.family = family;
  }

  /**
   * Receives what is sent to a multicast group, on an interface by name or number.
   *
   * @errno ENODEV there is no such interface, or none to be chosen
   */
  addMembership(group: string, multicastInterface?: Interface): void {
    joinGroup(this.socket, { group, interface: multicastInterface });
  }

  dropMembership(group: string, multicastInterface?: Interface): void {
    leaveGroup(this.socket, { group, interface: multicastInterface });
  }

  /** As `addMembership`, of what one address sends only. */
  addSourceSpecificMembership(source: string, group: string, multicastInterface?: Interface): void {
    joinGroup(this.socket, { group, source, interface: multicastInterface });
  }

  dropSourceSpecificMembership(
    source: string,
    group: string,
    multicastInterface?: Interface,
  ): void {
    leaveGroup(this.socket, { group, source, interface: multicastInterface });
  }

  /** By which interface groups are sent to: a name, a number, or an IPv4 address of it. */
  setMulticastInterface(multicastInterface: Interface): void {
    setMulticastInterface(this.socket, this.family, multicastInterface);
  }

  /** How many routers may pass on what is sent to groups: 0 to 255. The kernel begins with 1. */
  setMulticastTTL(ttl: number): void {
    const hops = integer('ttl', ttl, 0, 255);
    setSocketOption(this.socket, this.inet6 ? 'multicastHopLimit' : 'multicastTtl', hops);
  }

  /** Whether this machine, too, receives what is sent to groups. The kernel begins with true. */
  setMulticastLoopback(loopback: boolean): void {
    const on = boolean('loopback', loopback);
    setSocketOption(this.socket, this.inet6 ? 'multicastLoop6' : 'multicastLoop', on);
  }

  /** How many routers may pass on what is sent: 1 to 255. */
  setTTL(ttl: number): void {
    const hops = integer('ttl', ttl, 1, 255);
    setSocketOption(this.socket, this.inet6 ? 'hopLimit' : 'ttl', hops);
  }

  /** Whether it may send to broadcast addresses. */
  setBroadcast(broadcast: boolean): void {
    setSocketOption(this.socket, 'broadcast', boolean('broadcast', broadcast));
  }

  private get inet6(): boolean {
    return this.family === AF_INET6;
  }
}
