/** Closing a ring: cancel, wait until the kernel has let go, then unmap. */
import { AGAIN_MS } from './cancels.js';
import type { Engine } from './engine.js';
import { cancelAll, cancelPastQueue } from './letting-go.js';

export async function closeEngine(engine: Engine): Promise<void> {
  // A ring that the kernel has refused for good is gone already, and its descriptors are others'.
  if (!engine.open) return;
  // What was started on a ring that was never enabled is ended as on any other.
  try {
    engine.enable();
  } catch (error) {
    // Then the kernel has been shown nothing.
    engine.destroy(true);
    throw error;
  }
  engine.closing = true;
  let drained = true;
  do {
    if (engine.slots.inUse > 0) drained = await drain(engine);
    // Never inside the turn that found it idle, which has yet to end; and who hears of an end there
    // may close a descriptor, for which one more request to cancel begins.
    await new Promise((resolve) => setImmediate(resolve));
    if (!engine.open) return;
  } while (drained && engine.slots.inUse > 0);
  for (const buffers of engine.bufferRings) buffers.dispose();
  if (!drained) warn(engine);
  engine.destroy(!drained);
  // Buffers are given back by finalizers, which run in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** True when nothing is in flight any more; false after the ring's time limit. */
function drain(engine: Engine): Promise<boolean> {
  return new Promise((resolve) => {
    let deadline = performance.now() + engine.plan.closeTimeoutMs;
    let left = engine.slots.inUse;
    const finish = (drained: boolean): void => {
      clearInterval(timer);
      engine.onIdle = undefined;
      resolve(drained);
    };
    engine.onIdle = () => finish(true);
    const timer = setInterval(() => {
      if (!engine.open) {
        finish(false);
        return;
      }
      // A timer that fires again and again is found only when it has been armed again.
      engine.turn();
      if (engine.onIdle === undefined) return;
      // Many take long to end, and that is no reason to give them up.
      if (engine.slots.inUse < left) deadline = performance.now() + engine.plan.closeTimeoutMs;
      left = engine.slots.inUse;
      cancelAll(engine);
      cancelPastQueue(engine);
      engine.kick();
      if (engine.slots.inUse > 0 && performance.now() > deadline) finish(false);
    }, AGAIN_MS);
    cancelAll(engine);
    engine.kick();
  });
}

function warn(engine: Engine): void {
  process.emitWarning(
    `${engine.slots.inUse} operations did not end in ${engine.plan.closeTimeoutMs} ms: ` +
      'their memory is kept for good, since the kernel may still write to it',
    { code: 'NEARMETAL_LEAKED' },
  );
}
