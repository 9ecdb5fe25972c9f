/** Hands collected completions to their sinks, each in its own asynchronous context. */
import { ECANCELED, EFAULT, IORING_CQE_F_MORE } from '../abi.js';
import { clearOwned } from '../fd/owned-bits.js';
import { runTicks } from '../ticks.js';
import { type CompletionQueue, GAVE_FD } from './completion-queue.js';
import type { Operation } from './operation.js';
import { copyOut, type Sink, type Slots } from './slots.js';
import type { Block, Staging } from './staging.js';

export class Delivery {
  private readonly completion: CompletionQueue;
  private readonly slots: Slots;
  private readonly staging: Staging;
  private batch: Sink | undefined;

  constructor(completion: CompletionQueue, slots: Slots, staging: Staging) {
    this.completion = completion;
    this.slots = slots;
    this.staging = staging;
  }

  /** Everything that was collected. When a sink throws, the next call goes on behind it. */
  deliver(): void {
    const completion = this.completion;
    const slots = this.slots;
    while (completion.next < completion.count) {
      const slot = completion.slots[completion.next] as number;
      const sink = slots.sinks[slot] as Sink;
      if (sink.batched) {
        this.batch = sink;
        if (sink.enter === undefined) this.deliverBatch();
        else sink.enter(this.deliverBatch);
      } else {
        this.deliverOne(sink);
        runTicks();
      }
    }
  }

  /** All completions in a row that are for one sink, in one entry of its asynchronous context. */
  private readonly deliverBatch = (): void => {
    const completion = this.completion;
    const slots = this.slots;
    const sink = this.batch as Sink;
    do this.deliverOne(sink);
    while (
      completion.next < completion.count &&
      slots.sinks[completion.slots[completion.next] as number] === sink
    );
  };

  private deliverOne(sink: Sink): void {
    const completion = this.completion;
    const slots = this.slots;
    const index = completion.next++;
    const slot = completion.slots[index] as number;
    const result = completion.results[index] as number;
    let flags = completion.flags[index] as number;
    const block = slots.blocks[slot];
    const tag = slots.tags[slot] as number;
    const last = (flags & IORING_CQE_F_MORE) === 0;
    // What it took over, and never began with, is given back.
    if (result === -ECANCELED && last) giveBack(slots.operations[slot] as Operation<unknown>);
    if (last) slots.release(slot);
    if ((flags & GAVE_FD) !== 0) {
      flags ^= GAVE_FD;
      // The receiver of a bare number owns it, and says so by `OwnedFd.adopt`.
      if (sink.takesNumbers) clearOwned(result);
    }
    if (block === undefined) sink.complete(tag, result, flags, undefined);
    else this.completeStaged(sink, tag, result, flags, block, last);
  }

  private completeStaged(
    sink: Sink,
    tag: number,
    result: number,
    flags: number,
    block: Block,
    last: boolean,
  ): void {
    try {
      if (result > 0 && block.targets !== undefined) block.bytesLost = copyOut(block, result);
      sink.complete(tag, block.bytesLost > 0 ? -EFAULT : result, flags, block);
    } finally {
      if (last) this.staging.give(block);
    }
  }
}

function giveBack(operation: Operation<unknown>): void {
  operation.kind.cancelled?.(operation);
}
