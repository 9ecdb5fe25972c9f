/** Hands collected completions to their sinks, each in its own asynchronous context. */
import { ECANCELED, EFAULT, IORING_CQE_F_MORE } from '../abi.js';
import { clearOwned } from '../fd/owned-bits.js';
import { native } from '../native.js';
import { runTicks } from '../ticks.js';
import { type CompletionQueue, GAVE_FD } from './completion-queue.js';
import type { Operation } from './operation.js';
import { copyOut, type Sink, type Slots } from './slots.js';
import type { Block, Staging } from './staging.js';

export class Delivery {
  private readonly completion: CompletionQueue;
  private readonly slots: Slots;
  private readonly staging: Staging;
  private batch: Sink | undefined = undefined;

  constructor(completion: CompletionQueue, slots: Slots, staging: Staging) {
    this.completion = completion;
    this.slots = slots;
    this.staging = staging;
  }

  /** Everything that was collected. When a sink throws, the next call goes on behind it. */
  deliver(): void {
    const completion = this.completion;
    const slots = this.slots;
    let settled = false;
    while (completion.next < completion.count) {
      const slot = completion.slots[completion.next] as number;
      const sink = slots.sinks[slot] as Sink;
      if (sink.settles) {
        this.deliverOne(sink);
        settled = true;
      } else if (sink.batched) {
        this.batch = sink;
        if (sink.enter === undefined) this.deliverBatch();
        else sink.enter(this.deliverBatch);
      } else {
        this.deliverOne(sink);
        runTicks();
        settled = false;
      }
    }
    // Here and not after the turn, so that what they start next goes down in the same one.
    if (settled) runTicks();
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
    if (completion.large) completion.showExtra(index);
    const last = (flags & IORING_CQE_F_MORE) === 0;
    const operation = slots.operations[slot] as Operation<unknown>;
    // What it took over, and never began with, is given back.
    if (result === -ECANCELED && last) giveBack(operation);
    if ((flags & GAVE_FD) !== 0) {
      flags ^= GAVE_FD;
      if (sink.takesNumbers) this.giveNumbers(slot, result, flags);
    }
    if (last) slots.release(slot);
    if (block === undefined) sink.complete(tag, result, flags, undefined);
    else this.completeStaged(sink, operation, tag, result, flags, block);
  }

  /**
   * The receiver of a bare number owns it, and says so by `OwnedFd.adopt`. Those in a message are
   * not told to it, and closed.
   */
  private giveNumbers(slot: number, result: number, flags: number): void {
    const operation = this.slots.operations[slot] as Operation<unknown>;
    const { eachFd } = operation.kind;
    if (eachFd === undefined) clearOwned(result);
    else eachFd(operation, this.slots.blocks[slot] as Block, flags, native.close);
  }

  private completeStaged(
    sink: Sink,
    operation: Operation<unknown>,
    tag: number,
    result: number,
    flags: number,
    block: Block,
  ): void {
    try {
      if (result > 0 && block.targets !== undefined) block.bytesLost = copyOut(block, result);
      const lost = block.bytesLost > 0;
      // Nobody will be told of descriptors that came with bytes which are lost.
      if (lost && !sink.takesNumbers) {
        operation.kind.eachFd?.(operation, block, flags, native.close);
      }
      sink.complete(tag, lost ? -EFAULT : result, flags, block);
    } finally {
      if ((flags & IORING_CQE_F_MORE) === 0) this.staging.give(block);
    }
  }
}

function giveBack(operation: Operation<unknown>): void {
  operation.kind.cancelled?.(operation);
}
