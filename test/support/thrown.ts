/** What was thrown, to be looked at more closely than `toThrow` does. */
import { onTestFinished } from 'vitest';

export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** Collects uncaught exceptions until the test has finished, which the runner then does not see. */
export function uncaughtErrors(): Error[] {
  const errors: Error[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  return errors;
}
