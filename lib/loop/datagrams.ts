/** What datagram sockets over both backends share: how they are sent, and how they end. */
import { AF_UNIX, EAGAIN, ECANCELED, ENOBUFS, ENOMEM, SO_DOMAIN, SOL_SOCKET } from '../abi.js';
import type { FdUser, OwnedFd } from '../fd/fd.js';
import { native } from '../native.js';
import type { BackendPlan, DatagramEvents, DatagramOptions, Datagrams } from './backend.js';
import { DATAGRAM_BYTES_MAX, SlotLayout } from './datagram-batch.js';
import type { DatagramPage } from './datagram-page.js';
import type { Sender } from './dirty.js';
import { Outbox } from './outbox.js';
import type { BlockPool } from './outgoing.js';

/** So many wait for the end of a turn at most: what is in the cache is sent faster. */
const TOGETHER = 64;
const TOGETHER_BYTES = 65_536;
/** No event tells when there is memory again (ENOBUFS). */
const SHORTAGE_MS = 1;
/** Room for an address: `struct sockaddr_un`, or one of the internet, in steps of 8. */
const UNIX_NAME_BYTES = 112;
const NAME_BYTES = 32;

/** What it needs of its backend. */
export interface DatagramHost {
  readonly plan: BackendPlan;
  readonly pool: BlockPool;
  readonly datagramPage: DatagramPage;
  sendSoon(sender: Sender): void;
}

const isShortage = (result: number): boolean =>
  result === -EAGAIN || result === -ENOBUFS || result === -ENOMEM;

export abstract class BatchedDatagrams implements Datagrams, Sender, FdUser {
  readonly socket: OwnedFd;
  /** Times that the kernel had no room: EAGAIN and ENOBUFS. */
  stalls = 0;
  protected readonly events: DatagramEvents;
  protected readonly layout: SlotLayout;
  protected paused: boolean;
  protected closing = false;
  /** The socket has no room, and the kernel tells when there is some. */
  protected full = false;
  private readonly host: DatagramHost;
  private readonly outbox: Outbox;
  private readonly highWater: number;
  private timer: NodeJS.Timeout | undefined = undefined;
  private dirty = false;
  /** What the kernel answered to the first in the outbox, which is yet to be tried again. */
  private refusal = 0;
  private blocked = false;

  constructor(
    host: DatagramHost,
    socket: OwnedFd,
    events: DatagramEvents,
    options: DatagramOptions,
  ) {
    this.host = host;
    this.socket = socket;
    this.events = events;
    this.paused = options.paused ?? false;
    this.highWater = options.highWater ?? host.plan.highWater;
    this.outbox = new Outbox(host.pool, host.datagramPage);
    const domain = new Int32Array(1);
    native.getsockopt(socket.fd, SOL_SOCKET, SO_DOMAIN, domain);
    const nameBytes = domain[0] === AF_UNIX ? UNIX_NAME_BYTES : NAME_BYTES;
    const { controlBytes = 0, maxBytes = DATAGRAM_BYTES_MAX } = options;
    this.layout = new SlotLayout(nameBytes, controlBytes, maxBytes);
    socket.addUser(this);
  }

  /** Whether the socket's end would be news. */
  get open(): boolean {
    return !this.closing;
  }

  get pending(): number {
    return this.outbox.pending;
  }

  get pendingBytes(): number {
    return this.outbox.pendingBytes;
  }

  get sent(): number {
    return this.outbox.sent;
  }

  get sentBytes(): number {
    return this.outbox.sentBytes;
  }

  // --- sending -----------------------------------------------------------------------------------

  send(bytes: Uint8Array, to?: Uint8Array, control?: Uint8Array): boolean {
    if (this.closing) throw new TypeError('the socket has been closed');
    const { outbox } = this;
    outbox.append(bytes, to, control);
    if (outbox.pending >= TOGETHER || outbox.pendingBytes >= TOGETHER_BYTES) this.sendEarly();
    this.sendSoon();
    if (outbox.pendingBytes < this.highWater) return true;
    this.blocked = true;
    return false;
  }

  flush(): boolean {
    this.sendEarly();
    if (this.outbox.pending === 0) return true;
    this.blocked = true;
    this.sendSoon();
    return false;
  }

  private get stalled(): boolean {
    return this.full || this.timer !== undefined;
  }

  private sendSoon(): void {
    if (this.dirty || this.stalled || this.closing || this.outbox.pending === 0) return;
    this.dirty = true;
    this.host.sendSoon(this);
  }

  /** Before the end of the turn, in which nobody is to be called back. */
  private sendEarly(): void {
    if (this.stalled || this.refusal !== 0) return;
    const result = this.outbox.send(this.socket.fd);
    if (isShortage(result)) this.wait(result);
    else this.refusal = result;
  }

  sendNow(): void {
    this.dirty = false;
    this.full = false;
    if (this.timer !== undefined) return;
    try {
      this.sendAll();
    } finally {
      // Whoever was told something may have thrown.
      this.sendSoon();
    }
    if (!this.blocked || this.closing || this.outbox.pending > 0) return;
    this.blocked = false;
    this.events.drained();
  }

  private sendAll(): void {
    const { outbox } = this;
    while (!this.closing && outbox.pending > 0) {
      const { sent } = outbox;
      const result = outbox.send(this.socket.fd);
      if (outbox.sent !== sent) this.tellRefusal();
      if (isShortage(result)) {
        if (!this.closing) this.wait(result);
        return;
      }
      // It may be about an earlier one, and this one was not even looked at: once more.
      if (result < 0 && this.refusal === 0) this.refusal = result;
      else if (result < 0) {
        if (this.refusal === result) this.refusal = 0;
        outbox.drop();
        this.tellRefusal();
        this.events.failed(result, 1);
      }
    }
    this.tellRefusal();
  }

  private tellRefusal(): void {
    const { refusal } = this;
    this.refusal = 0;
    if (refusal !== 0 && !this.closing) this.events.failed(refusal, 0);
  }

  private wait(result: number): void {
    this.stalls++;
    if (result === -EAGAIN) {
      this.full = true;
      this.waitToSend();
      return;
    }
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.sendNow();
    }, SHORTAGE_MS);
  }

  /** Calls `sendNow` when the socket has room. */
  protected abstract waitToSend(): void;

  // --- receiving ---------------------------------------------------------------------------------

  abstract pause(): void;
  abstract resume(): void;

  // --- the end -----------------------------------------------------------------------------------

  close(): void {
    if (this.closing) return;
    if (!this.stalled) this.sendAtLast();
    this.letGo();
    this.socket.close();
  }

  /** What was sent in this turn, as far as it goes. */
  private sendAtLast(): void {
    const { outbox } = this;
    const result = outbox.send(this.socket.fd);
    if (result < 0 && !isShortage(result)) outbox.send(this.socket.fd);
  }

  /** The socket is being closed, by somebody else perhaps, or given away. */
  letGo(): void {
    if (this.closing) return;
    this.closing = true;
    clearTimeout(this.timer);
    const lost = this.outbox.pending;
    this.outbox.clear();
    // Told in a later turn in any case: whoever closes is not called back at once.
    process.nextTick(() => {
      if (lost > 0) this.events.failed(-ECANCELED, lost);
      this.ended();
    });
  }

  /** Tells that it is closed as soon as nothing is in flight. */
  protected abstract ended(): void;
}
