/** Datagrams over epoll: as many with one call as there are. */
import { EAGAIN, EINTR, EPOLLIN, EPOLLOUT } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { DatagramEvents, DatagramOptions } from './backend.js';
import { BATCH, DatagramBatch } from './datagram-batch.js';
import { BatchedDatagrams } from './datagrams.js';
import type { EpollBackend, Watched } from './epoll-backend.js';

/** Calls before others get their turn. */
const CALLS = 4;
/** Asked for at first: headers for many are made for nothing where few come. */
const FEW = 8;

export class EpollDatagrams extends BatchedDatagrams implements Watched {
  place = -1;
  private readonly backend: EpollBackend;
  private readonly batch: DatagramBatch;
  private interest = 0;
  private wanted = FEW;

  constructor(
    backend: EpollBackend,
    socket: OwnedFd,
    events: DatagramEvents,
    options: DatagramOptions,
  ) {
    super(backend, socket, events, options);
    this.backend = backend;
    this.batch = new DatagramBatch(this.layout, backend.datagramPage.memory);
    backend.enter(this, () => this.updateInterest());
  }

  private updateInterest(): void {
    if (this.closing) return;
    const wanted = (this.paused ? 0 : EPOLLIN) | (this.full ? EPOLLOUT : 0);
    if (wanted === this.interest) return;
    this.backend.changeInterest(this.socket, this.place, this.interest, wanted);
    this.interest = wanted;
  }

  ready(events: number): void {
    if ((events & EPOLLOUT) !== 0 && this.full) {
      try {
        this.sendNow();
      } finally {
        this.updateInterest();
      }
    }
    if ((events & ~EPOLLOUT) !== 0 && !this.paused) this.receive();
  }

  protected waitToSend(): void {
    this.updateInterest();
  }

  private receive(): void {
    const { layout, batch } = this;
    for (let calls = 0; calls < CALLS && !this.closing && !this.paused; calls++) {
      const { wanted } = this;
      const result = this.backend.datagramPage.receive(this.socket.fd, layout, wanted);
      if (result === -EAGAIN) return;
      if (result < 0) {
        if (result !== -EINTR) this.events.failed(result, 0);
        continue;
      }
      this.wanted = result === wanted ? BATCH : Math.max(FEW, result);
      batch.count = 0;
      for (let index = 0; index < result; index++) batch.addWhole(index * layout.stride);
      this.events.received(batch);
      if (result < wanted) return;
    }
  }

  pause(): void {
    this.paused = true;
    this.updateInterest();
  }

  resume(): void {
    this.paused = false;
    this.updateInterest();
  }

  protected ended(): void {
    this.backend.leave(this);
    this.events.closed();
  }
}
