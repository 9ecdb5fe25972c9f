/** What a descriptor is, whatever the runtime knows of it. */
import type { Stats } from 'node:fs';

const { existsSync, fstatSync, statSync } = process.getBuiltinModule('node:fs');

/**
 * Deno's node:fs knows only descriptors that it has opened itself; the names in /proc are for all.
 *
 * @errno EBADF it is not open
 * @man fstat(2)
 */
export function fstat(fd: number): Stats {
  if (process.versions.deno === undefined) return fstatSync(fd);
  const name = `/proc/self/fd/${fd}`;
  return existsSync(name) ? statSync(name) : fstatSync(fd);
}
