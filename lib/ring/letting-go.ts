/** How operations are taken back: all on a descriptor before it is closed, or all there are. */
import {
  ENOENT,
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_OP_SEND_ZC,
  IORING_OP_SOCKET,
} from '../abi.js';
import type { Descriptor } from '../fd/fd.js';
import { opSupported } from '../features.js';
import { AGAIN_MS, IGNORE } from './cancels.js';
import type { Engine } from './engine.js';
import { asyncCancelWhere, cancelUserData } from './ops/async-cancel.js';
import { syncCancel } from './sync-cancel.js';

/**
 * A timer that has fired is not to be found until the kernel has armed it again, which it does
 * before it tells us of either.
 */
const TRIES = 16;

/**
 * Asks for the end of what is in flight in a slot, until it is gone; `told` hears whether one of
 * the first requests found it.
 */
export function cancelSlot(
  engine: Engine,
  slot: number,
  generation: number,
  told: (found: boolean) => void,
  tries: number = TRIES,
): void {
  const { slots } = engine;
  const complete = (_tag: number, result: number): void => {
    const gone = !engine.open || engine.closing || slots.generations[slot] !== generation;
    if (result !== -ENOENT || gone || tries === 0) told(result !== -ENOENT);
    else cancelSlot(engine, slot, generation, told, tries - 1);
  };
  const request = cancelUserData(slots.userDataLow(slot), generation);
  engine.begin(request, { batched: true, complete }, 0);
  engine.cancels.repeat(slot, generation);
}

/**
 * Submits what names the descriptor and asks the kernel to end it; each operation still completes.
 */
export function letGoOf(engine: Engine, descriptor: Descriptor): void {
  if (!engine.open || descriptor.inFlight === 0) return;
  engine.flush();
  if (descriptor.inFlight === 0) return;
  const { latestSlot: slot } = descriptor;
  const { descriptors, generations } = engine.slots;
  if (descriptor.inFlight === 1 && descriptors[slot] === descriptor) {
    // The one that there is: neither side has to look through all.
    if (!engine.completion.isEnding(slot)) engine.cancels.ask(slot, generations[slot] as number);
    engine.flush();
  } else if (!cancelByFile(engine, descriptor)) cancelEachNaming(engine, descriptor);
}

/** One request for all; false where it cannot be made, or might be too late. */
function cancelByFile(engine: Engine, descriptor: Descriptor): boolean {
  // The request looks the number up when the kernel takes it, which must be before it is closed.
  const byFd = descriptor.direct ? cancelsByDirect() : cancelsByFd();
  // What is asked for by number ends on every descriptor of the same file.
  if (!byFd || descriptor.copied || !engine.submitsAtOnce) return false;
  // It finds only what has the descriptor as its own: the rest is cancelled one by one.
  if (engine.slots.withOthers > 0) {
    cancelEach(engine, (slot) => engine.slots.namesToo(slot, descriptor));
  }
  const criteria = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
  engine.begin(asyncCancelWhere(criteria, descriptor), IGNORE, 0);
  engine.flush();
  if (!engine.submitsAtOnce) return false;
  // It is made once: what it missed is asked for by name, until it is gone.
  const late = (): void => {
    if (engine.open && !engine.closing && descriptor.inFlight > 0) {
      cancelEachNaming(engine, descriptor);
    }
  };
  if (descriptor.inFlight > 0) setTimeout(late, AGAIN_MS).unref();
  return true;
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

/** As `cancelAll`, past the queue. */
export function cancelPastQueue(engine: Engine): void {
  syncCancel(engine.fd, 0, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
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
  const { sinks, generations } = engine.slots;
  for (const slot of [...engine.pending()]) {
    if (!wanted(slot) || sinks[slot] === IGNORE) continue;
    engine.cancels.ask(slot, generations[slot] as number);
  }
}
