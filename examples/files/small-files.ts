/** Small files in memory, ready to be sent. */

/** A file as it is sent. */
export interface SmallFile {
  readonly bytes: Buffer;
  /** Names and values in turn, as `writeHead` takes them. */
  readonly headers: string[];
}

/** Larger ones are sent by the kernel from its own cache. */
export const SMALL_MAX = 32_768;
const BYTES_MAX = 64 << 20;
/** What one costs beside its bytes, about. */
const OVERHEAD = 1024;
/** Longer ones are nobody's habit. */
const KEY_MAX = 512;

export class SmallFiles {
  private readonly trustMs: number;
  /** In the order in which they came: the first are over first. */
  private readonly entries = new Map<string, { file: SmallFile; until: number }>();
  private bytes = 0;

  /** @param trustMs how long a file is taken for unchanged */
  constructor(trustMs: number) {
    this.trustMs = trustMs;
  }

  get(key: string): SmallFile | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (performance.now() < entry.until) return entry.file;
    this.remove(key, entry.file);
    return undefined;
  }

  set(key: string, file: SmallFile): void {
    if (this.trustMs === 0 || key.length > KEY_MAX) return;
    const before = this.entries.get(key);
    if (before !== undefined) this.remove(key, before.file);
    this.entries.set(key, { file, until: performance.now() + this.trustMs });
    this.bytes += file.bytes.length + OVERHEAD;
    for (const [oldest, entry] of this.entries) {
      if (this.bytes <= BYTES_MAX) return;
      this.remove(oldest, entry.file);
    }
  }

  private remove(key: string, { bytes }: SmallFile): void {
    this.entries.delete(key);
    this.bytes -= bytes.length + OVERHEAD;
  }
}
