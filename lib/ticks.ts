/** What Node does between two callbacks: nextTick queue and microtasks, in its order. */
import { native } from './native.js';

type Tick = () => void;

/** Node's door of this name does nothing in Bun, which has one of its own. */
function found(): Tick | undefined {
  if (process.versions.bun === undefined) return Reflect.get(process, '_tickCallback');
  const ofBun = process.getBuiltinModule('bun:jsc') as { drainMicrotasks?: Tick } | undefined;
  return ofBun?.drainMicrotasks;
}

/**
 * Node keeps this door open under its old name; timers use the same function between two of them.
 * Where a runtime lacks it, as Deno does, ticks run once per batch, when the native callback
 * returns.
 */
const tick = found();

/** One that throws is an 'uncaughtException' and costs no other. */
export function runTicks(): void {
  for (;;) {
    try {
      tick?.();
      return;
    } catch (error) {
      native.uncaught(error);
    }
  }
}
