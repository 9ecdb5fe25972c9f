/** How operations are taken back: all on a descriptor before it is closed, or all there are. */
import {
  ENOENT,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_OP_SEND_ZC,
  IORING_OP_SOCKET,
  IORING_REGISTER_SYNC_CANCEL,
} from '../abi.js';
import type { Descriptor } from '../fd/fd.js';
import { opSupported } from '../features.js';
import { native } from '../native.js';
import type { Engine } from './engine.js';
import { asyncCancelWhere, cancelUserData } from './ops/async-cancel.js';
import type { Sink } from './slots.js';

/** Nobody waits for what a cancel request itself answers: the operation's own completion tells. */
export const IGNORE: Sink = { batched: true, complete: () => undefined };

/**
 * A timer that has fired is not to be found until the kernel has armed it again, which it does
 * before it tells us of either.
 */
const TRIES = 16;

/**
 * Asks for the end of what is in flight in a slot; `told` hears whether it was found. Tries again
 * for as long as it is there and is not found, within reason.
 */
export function cancelSlot(
  engine: Engine,
  slot: number,
  low: number,
  high: number,
  told: (found: boolean) => void,
  tries: number = TRIES,
): void {
  const complete = (_tag: number, result: number): void => {
    const gone = !engine.open || engine.closing || engine.slots.generations[slot] !== high;
    if (result !== -ENOENT || gone || tries === 0) told(result !== -ENOENT);
    else cancelSlot(engine, slot, low, high, told, tries - 1);
  };
  engine.begin(cancelUserData(low, high), { batched: true, complete }, 0);
}

/**
 * How long until a request is repeated: it may have missed what was on its way to a worker thread,
 * held back by another operation, or begun since.
 */
export const AGAIN_MS = 10;

/**
 * Submits what names the descriptor and asks the kernel to end it; each operation still completes.
 */
export function letGoOf(engine: Engine, descriptor: Descriptor): void {
  if (!engine.open || descriptor.inFlight === 0) return;
  engine.flush();
  if (descriptor.inFlight === 0) return;
  cancelNaming(engine, descriptor);
  // On its way to a worker thread an operation can miss a request, and then wait for ever.
  const again = (): void => {
    if (!engine.open || engine.closing || descriptor.inFlight === 0) return;
    cancelEachNaming(engine, descriptor);
    setTimeout(again, AGAIN_MS).unref();
  };
  if (descriptor.inFlight > 0) setTimeout(again, AGAIN_MS).unref();
}

function cancelNaming(engine: Engine, descriptor: Descriptor): void {
  // The request looks the number up when the kernel takes it, which must be before it is closed.
  const byFd = descriptor.direct ? cancelsByDirect() : cancelsByFd();
  // What is asked for by number ends on every descriptor of the same file.
  if (byFd && !descriptor.copied && engine.submitsAtOnce) {
    // It finds only what has the descriptor as its own: the rest is cancelled one by one.
    if (engine.slots.withOthers > 0) {
      cancelEach(engine, (slot) => engine.slots.namesToo(slot, descriptor));
    }
    const criteria = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
    engine.begin(asyncCancelWhere(criteria, descriptor), IGNORE, 0);
    engine.flush();
    if (engine.submitsAtOnce) return;
  }
  cancelEachNaming(engine, descriptor);
}

/** By their names, which still find them when the number is another file's. */
function cancelEachNaming(engine: Engine, descriptor: Descriptor): void {
  const { slots } = engine;
  cancelEach(
    engine,
    (slot) => slots.descriptors[slot] === descriptor || slots.namesToo(slot, descriptor),
  );
  engine.flush();
}

/** Asks the kernel to end all that is in flight. */
export function cancelAll(engine: Engine): void {
  if (cancelsByFd()) {
    engine.begin(asyncCancelWhere(IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL), IGNORE, 0);
  } else cancelEach(engine, () => true);
  engine.flush();
}

/** `struct io_uring_sync_cancel_reg`: address, fd, flags, then the time to wait for, here none. */
const SYNC_CANCEL_WORDS = 16;
const SYNC_CANCEL_FD = 2;
const SYNC_CANCEL_FLAGS = 3;

/**
 * As `cancelAll`, past the queue: a request that stands behind a drained operation is held back as
 * that is, and would wait for what it is to cancel. Kernels before 6.0 refuse it.
 */
export function cancelPastQueue(engine: Engine): void {
  const words = new Int32Array(SYNC_CANCEL_WORDS);
  words[SYNC_CANCEL_FD] = -1;
  words[SYNC_CANCEL_FLAGS] = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
  native.ioUringRegister(engine.fd, IORING_REGISTER_SYNC_CANCEL, words, 1);
}

function cancelsByDirect(): boolean {
  // The flag came with kernel 6.0, as did this operation.
  return opSupported(IORING_OP_SEND_ZC);
}

function cancelsByFd(): boolean {
  // The flags came with kernel 5.19, as did this operation, which can be probed for.
  return opSupported(IORING_OP_SOCKET);
}

function cancelEach(engine: Engine, wanted: (slot: number) => boolean): void {
  for (const slot of [...engine.slots.occupied()]) {
    const operation = engine.slots.operations[slot];
    if (operation === undefined || !wanted(slot)) continue;
    if (engine.slots.sinks[slot] === IGNORE) continue;
    const low = engine.slots.userDataLow(slot, operation);
    engine.begin(cancelUserData(low, engine.slots.generations[slot] as number), IGNORE, 0);
  }
}
