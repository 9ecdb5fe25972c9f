/** How operations are taken back: all on a descriptor before it is closed, or all there are. */
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_OP_NOP,
  IORING_OP_SOCKET,
  IOSQE_FIXED_FILE,
} from '../abi.js';
import type { Descriptor } from '../fd/fd.js';
import { opSupported } from '../features.js';
import type { Engine } from './engine.js';
import { asyncCancelWhere, cancelUserData } from './ops/async-cancel.js';
import { type Sink, SLOT_MASK } from './slots.js';
import {
  SQE_FD,
  SQE_FLAGS_SHIFT,
  SQE_HEAD,
  SQE_USER_DATA_HIGH,
  SQE_USER_DATA_LOW,
  SQE_WORDS,
} from './sqe.js';

/** Nobody waits for what a cancel request itself answers: the operation's own completion tells. */
export const IGNORE: Sink = { batched: true, complete: () => undefined };

/** Turns a queued entry into one that does nothing; answers its slot. */
export function revokeEntry(words: Int32Array, base: number): number {
  const low = words[base + SQE_USER_DATA_LOW] as number;
  const high = words[base + SQE_USER_DATA_HIGH] as number;
  words.fill(0, base, base + SQE_WORDS);
  words[base + SQE_HEAD] = IORING_OP_NOP;
  words[base + SQE_FD] = -1;
  // Without the flag that says that the result is a descriptor: it is none any more.
  words[base + SQE_USER_DATA_LOW] = low & SLOT_MASK;
  words[base + SQE_USER_DATA_HIGH] = high;
  return low & SLOT_MASK;
}

/**
 * After this no operation of `engine` can reach the file through the descriptor's number: what the
 * kernel has taken holds the file itself, and is told to stop; what it has not taken never will be.
 */
export function letGoOf(engine: Engine, descriptor: Descriptor): void {
  if (!engine.open) return;
  engine.flush();
  revokeQueued(engine, descriptor);
  if (descriptor.inFlight === 0) return;
  if (engine.spill.count === 0 && cancelsByFd()) {
    const slot = engine.begin(
      asyncCancelWhere(IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL, descriptor),
      IGNORE,
      0,
    );
    engine.flush();
    if (engine.submission.waiting === 0) return;
    // It would find the number's next owner when the kernel takes it at last.
    revokeSlots(engine, (candidate) => candidate === slot);
  }
  cancelEach(engine, (slot) => engine.slots.operations[slot]?.descriptor === descriptor);
  engine.flush();
}

/** Asks the kernel to end all that is in flight, and takes back what it has not seen. */
export function cancelAll(engine: Engine): void {
  for (const base of engine.spill.entries()) engine.revoke(engine.spill.words, base);
  if (cancelsByFd()) {
    engine.begin(asyncCancelWhere(IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL), IGNORE, 0);
  } else cancelEach(engine, () => true);
  engine.flush();
}

function cancelsByFd(): boolean {
  // The flags came with kernel 5.19, as did this operation, which can be probed for.
  return opSupported(IORING_OP_SOCKET);
}

function cancelEach(engine: Engine, wanted: (slot: number) => boolean): void {
  for (const slot of [...engine.slots.occupied()]) {
    const operation = engine.slots.operations[slot];
    if (operation === undefined || !wanted(slot) || engine.slots.sinks[slot] === IGNORE) continue;
    const low = engine.slots.userDataLow(slot, operation);
    engine.begin(cancelUserData(low, engine.slots.generations[slot] as number), IGNORE, 0);
  }
}

function revokeQueued(engine: Engine, descriptor: Descriptor): void {
  const names = (words: Int32Array, base: number): boolean =>
    words[base + SQE_FD] === descriptor.fd &&
    ((words[base + SQE_HEAD] as number) & (IOSQE_FIXED_FILE << SQE_FLAGS_SHIFT)) === 0;
  const { submission, spill } = engine;
  for (const base of submission.pending()) {
    if (names(submission.words, base)) engine.revoke(submission.words, base);
  }
  for (const base of spill.entries()) {
    if (names(spill.words, base)) engine.revoke(spill.words, base);
  }
}

function revokeSlots(engine: Engine, wanted: (slot: number) => boolean): void {
  const { submission } = engine;
  for (const base of submission.pending()) {
    const slot = (submission.words[base + SQE_USER_DATA_LOW] as number) & SLOT_MASK;
    if (wanted(slot)) engine.revoke(submission.words, base);
  }
}
