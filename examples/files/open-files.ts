/** Files that were asked for a moment ago: open, and those that are small in memory. */
import type { Stats } from 'node:fs';
import type { File } from 'nearmetal/fs';
import { fileAnswer, mediaType } from 'nearmetal/http';
import type { FoundFile } from './find.js';
import { lines } from './head.js';

/** Larger ones are sent by the kernel from its own cache. */
export const SMALL_MAX = 32_768;
const BYTES_MAX = 64 << 20;
/** What one costs beside its bytes, about. */
const OVERHEAD = 1024;
/** Of descriptors. */
const OPEN_MAX = 256;
/** Longer ones are nobody's habit. */
const KEY_MAX = 512;

/** All that answers need of a file. Who uses one takes it first, and gives it back. */
export class OpenFile {
  readonly stats: Stats;
  readonly contentType: string;
  /** Headers that all its answers have. */
  readonly extra: Readonly<Record<string, string>>;
  /** Of a small one, the end of a whole answer's head, and then all of its bytes. */
  readonly whole: Buffer | undefined;
  readonly headLength: number = 0;
  /** Of a large one. */
  readonly file: File | undefined;
  private users = 1;

  /** @param bytes all of it, where it is small; its file is closed then */
  constructor(found: FoundFile, cacheControl: string | undefined, bytes: Buffer | undefined) {
    this.stats = found.stats;
    this.contentType = mediaType(found.name);
    this.extra = {
      Vary: 'Accept-Encoding',
      ...(found.encoding === undefined ? {} : { 'Content-Encoding': found.encoding.name }),
      ...(cacheControl === undefined ? {} : { 'Cache-Control': cacheControl }),
    };
    if (bytes === undefined) {
      this.file = found.file;
      return;
    }
    found.file.close();
    const { contentType } = this;
    const { headers } = fileAnswer({ method: 'GET', headers: {} }, found.stats, { contentType });
    const head = Buffer.from(lines({ ...headers, ...this.extra }));
    this.whole = Buffer.concat([head, bytes]);
    this.headLength = head.length;
  }

  get cost(): number {
    return OVERHEAD + (this.whole?.length ?? 0);
  }

  take(): this {
    this.users++;
    return this;
  }

  giveBack(): void {
    if (--this.users === 0) this.file?.close();
  }
}

export class OpenFiles {
  private readonly trustMs: number;
  /** In the order in which they came: the first are over first. */
  private readonly entries = new Map<string, { open: OpenFile; until: number }>();
  private cost = 0;
  private descriptors = 0;

  /** @param trustMs how long a file is taken for unchanged */
  constructor(trustMs: number) {
    this.trustMs = trustMs;
  }

  get(key: string): OpenFile | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (performance.now() < entry.until) return entry.open;
    this.remove(key, entry.open);
    return undefined;
  }

  set(key: string, open: OpenFile): void {
    if (this.trustMs === 0 || key.length > KEY_MAX) return;
    const before = this.entries.get(key);
    if (before !== undefined) this.remove(key, before.open);
    this.entries.set(key, { open: open.take(), until: performance.now() + this.trustMs });
    this.cost += open.cost;
    this.descriptors += open.file === undefined ? 0 : 1;
    for (const [oldest, entry] of this.entries) {
      if (this.cost <= BYTES_MAX && this.descriptors <= OPEN_MAX) return;
      this.remove(oldest, entry.open);
    }
  }

  /** Files that nobody has asked for since are closed. */
  sweep(): void {
    const now = performance.now();
    for (const [key, { open, until }] of this.entries) {
      if (now < until) return;
      this.remove(key, open);
    }
  }

  clear(): void {
    for (const [key, { open }] of this.entries) this.remove(key, open);
  }

  private remove(key: string, open: OpenFile): void {
    this.entries.delete(key);
    this.cost -= open.cost;
    this.descriptors -= open.file === undefined ? 0 : 1;
    open.giveBack();
  }
}
