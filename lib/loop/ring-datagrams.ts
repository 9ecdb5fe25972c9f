/** Datagrams over io_uring: one multishot receive, into buffers that the kernel takes. */
import { ECANCELED, ENOBUFS } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { BufferRing } from '../ring/buffer-ring.js';
import { bufferId, hasMore } from '../ring/cqe.js';
import type { MultishotOperation } from '../ring/operation.js';
import { pollAdd } from '../ring/ops/poll-add.js';
import { receiveDatagrams } from '../ring/ops/recvmsg-multishot.js';
import type { Sink } from '../ring/slots.js';
import type { DatagramEvents, DatagramOptions } from './backend.js';
import { BATCH, DatagramBatch } from './datagram-batch.js';
import { BatchedDatagrams } from './datagrams.js';
import type { RingBackend } from './ring-backend.js';

const RECEIVE = 0;
const WRITABLE = 1;

export class RingDatagrams extends BatchedDatagrams implements Sink {
  /** What comes in a row is told together. */
  readonly batched = true;
  place = -1;
  private readonly backend: RingBackend;
  private readonly buffers: BufferRing;
  private readonly operation: MultishotOperation<unknown>;
  private readonly batch: DatagramBatch;
  /** The buffers of the batch. */
  private readonly ids = new Uint16Array(BATCH);
  /** Slot and generation of the receive in force, to cancel it. */
  private slot = -1;
  private generation = 0;
  /** Buffers given to the kernel until then. */
  private seen = 0;
  private waiting = false;
  private starved = false;
  private toldClosed = false;

  constructor(
    backend: RingBackend,
    socket: OwnedFd,
    events: DatagramEvents,
    options: DatagramOptions,
  ) {
    super(backend, socket, events, options);
    this.backend = backend;
    this.buffers = backend.datagramBuffers(this.layout.stride);
    this.operation = receiveDatagrams(socket, this.buffers, this.layout);
    this.batch = new DatagramBatch(this.layout, this.buffers.mapping.bytes);
    backend.enter(this);
    this.arm();
  }

  // --- receiving ---------------------------------------------------------------------------------

  private arm(): void {
    if (this.slot >= 0 || this.closing || this.paused || this.starved) return;
    this.seen = this.buffers.puts;
    this.slot = this.backend.begin(this.operation, this, RECEIVE);
    if (this.slot >= 0) this.generation = this.backend.generationOf(this.slot);
  }

  /** Completions in a row. */
  enter(deliver: () => void): void {
    try {
      deliver();
    } finally {
      this.tell();
    }
  }

  complete(tag: number, result: number, flags: number): void {
    try {
      if (tag === WRITABLE) {
        this.waiting = false;
        this.sendNow();
      } else this.received(result, flags);
    } finally {
      if (this.closing) this.settle();
      else this.arm();
    }
  }

  private received(result: number, flags: number): void {
    if (!hasMore(flags)) this.slot = -1;
    const id = bufferId(flags);
    if (id >= 0) {
      this.buffers.taken(id);
      if (result < this.layout.prefix || this.closing) this.buffers.recycle(id);
      else this.take(id, Math.min(result - this.layout.prefix, this.layout.payloadBytes));
    } else if (!this.closing && result < 0) this.receivedNone(result);
  }

  private take(id: number, length: number): void {
    const { batch } = this;
    this.ids[batch.count] = id;
    batch.add(id * this.buffers.size, length);
    if (batch.count === BATCH) this.tell();
  }

  private tell(): void {
    const { batch } = this;
    const { count } = batch;
    if (count === 0) return;
    try {
      if (!this.closing) this.events.received(batch);
    } finally {
      batch.count = 0;
      this.buffers.recycleAll(this.ids, count);
    }
  }

  private receivedNone(result: number): void {
    if (result === -ENOBUFS) {
      this.starved = true;
      this.buffers.ranOut(this.seen, () => {
        this.starved = false;
        this.arm();
      });
    } else if (result !== -ECANCELED) {
      this.tell();
      this.events.failed(result, 0);
    }
  }

  /** What the kernel has received already is still told. */
  pause(): void {
    if (this.paused) return;
    this.paused = true;
    if (this.slot >= 0) this.backend.cancel(this.slot, this.generation);
  }

  resume(): void {
    this.paused = false;
    this.arm();
  }

  // --- the rest ----------------------------------------------------------------------------------

  protected waitToSend(): void {
    if (this.waiting) return;
    this.waiting = this.backend.begin(pollAdd(this.socket, ['out']), this, WRITABLE) >= 0;
  }

  protected ended(): void {
    this.settle();
  }

  /** When the kernel has let go of everything. */
  private settle(): void {
    if (this.toldClosed || this.slot >= 0 || this.waiting) return;
    this.toldClosed = true;
    this.backend.leave(this);
    this.events.closed();
  }
}
