/** What a descriptor is, whatever the runtime knows of it. */
import type { Stats } from 'node:fs';

/**
 * Deno's node:fs knows only descriptors that it has opened itself; the names in /proc are for all.
 *
 * @errno EBADF it is not open
 * @man fstat(2)
 */
export function fstat(fd: number): Stats {
  const { existsSync, fstatSync, statSync } = process.getBuiltinModule('node:fs');
  const name = `/proc/self/fd/${fd}`;
  const byName = process.versions.deno !== undefined && existsSync(name);
  return byName ? statSync(name) : fstatSync(fd);
}
