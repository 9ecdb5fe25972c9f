/** Operations that have begun here, and that the kernel will never hear of. */
import { EPERM } from '../abi.js';
import { clearOwned } from '../fd/owned-bits.js';
import type { Operation } from './operation.js';
import { type Sink, SLOT_MASK, type Slots } from './slots.js';
import type { Spill } from './spill.js';
import type { Staging } from './staging.js';
import type { SubmissionQueue } from './submission-queue.js';

export class GivingUp {
  /** Descriptors that operations close which the kernel has not been shown. */
  private closes: number[] = [];
  private readonly slots: Slots;
  private readonly staging: Staging;

  constructor(slots: Slots, staging: Staging) {
    this.slots = slots;
    this.staging = staging;
  }

  /** It closes `fd`, which is this thread's until the kernel is shown the operation. */
  willClose(fd: number): void {
    this.closes.push(fd);
  }

  /** The kernel is shown all of them now. */
  shown(): void {
    if (this.closes.length > 0) for (const fd of this.closes.splice(0)) clearOwned(fd);
  }

  /** What an operation took over goes back. */
  private giveBack(operation: Operation<unknown>): void {
    if (operation.kind.closes) this.closes = this.closes.filter((fd) => fd !== operation.fd);
    operation.kind.cancelled?.(operation);
  }

  private release(slot: number): void {
    this.giveBack(this.slots.operations[slot] as Operation<unknown>);
    this.slots.generations[slot] = ((this.slots.generations[slot] as number) + 1) | 0;
    this.slots.release(slot);
  }

  /** Forgets it, and tells nobody. */
  giveUp(slot: number): void {
    const block = this.slots.blocks[slot];
    this.release(slot);
    if (block !== undefined) this.staging.give(block);
  }

  /**
   * The process has other rights by now than the kernel thread: what that has not been shown yet is
   * taken back, and ends as forbidden.
   */
  withdraw(submission: SubmissionQueue, spill: Spill): void {
    const withdrawn: number[] = [];
    submission.withdraw((low) => withdrawn.push(low & SLOT_MASK));
    spill.withdraw((low) => withdrawn.push(low & SLOT_MASK));
    for (const slot of withdrawn) {
      const sink = this.slots.sinks[slot] as Sink;
      const tag = this.slots.tags[slot] as number;
      const block = this.slots.blocks[slot];
      this.release(slot);
      setImmediate(() => {
        sink.complete(tag, -EPERM, 0, block);
        if (block !== undefined) this.staging.give(block);
      });
    }
  }

  /** Nobody waits for ever: they all end with `verdict`, though the kernel has not let go. */
  settleAll(verdict: number): void {
    for (const slot of this.slots.occupied()) {
      try {
        this.slots.sinks[slot]?.complete(this.slots.tags[slot] as number, verdict, 0, undefined);
      } catch (error) {
        // As from any other callback: uncaught, and no reason not to go on.
        setImmediate(() => {
          throw error;
        });
      }
    }
  }
}
