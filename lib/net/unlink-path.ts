/** The name of a Unix socket in the file system goes with its server, as Node has it. */
const { unlinkSync } = process.getBuiltinModule('node:fs');

export function unlinkPath(path: string): void {
  if (path.startsWith('\0')) return;
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}
