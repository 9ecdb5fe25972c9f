/** What Node does between two callbacks: nextTick queue and microtasks, in its order. */

/**
 * Node keeps this door open under its old name; timers use the same function between two of them.
 * Where a runtime lacks it, ticks run once per batch, when the native callback returns.
 */
const tick: (() => void) | undefined = Reflect.get(process, '_tickCallback');

export function runTicks(): void {
  tick?.();
}
