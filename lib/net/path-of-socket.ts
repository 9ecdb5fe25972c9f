/** The name that a Unix socket has in the file system: who may use it, and its end. */
const { chmodSync, statSync, unlinkSync } = process.getBuiltinModule('node:fs');

/** It goes with its server, as Node has it. */
export function unlinkPath(path: string): void {
  if (path.startsWith('\0')) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}

/** Lets everybody connect to it. */
export function setPathMode(path: string, readable: boolean, writable: boolean): void {
  if (path.startsWith('\0')) return;
  const more = (readable ? 0o444 : 0) | (writable ? 0o222 : 0);
  chmodSync(path, (statSync(path).mode & 0o777) | more);
}
