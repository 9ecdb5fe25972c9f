/** What the process is warned of while a test runs. */
import { onTestFinished } from 'vitest';

export type Warned = Error & { readonly code?: string; readonly detail?: string };

/** The warnings from now on, those with `code` or all; it grows. */
export function warnings(code?: string): Warned[] {
  const heard: Warned[] = [];
  const listener = (warning: Warned): void => {
    if (code === undefined || warning.code === code) heard.push(warning);
  };
  process.on('warning', listener);
  onTestFinished(() => void process.off('warning', listener));
  return heard;
}
