/** One mapping, on hugepages where there are any, cut into pages that parts of the index take. */
import { Mapping } from 'nearmetal/memory';
import { IndexFullError } from '../errors.js';

export const PAGE_BYTES = 1 << 18;
export type PageSize = '2MiB' | '4KiB';

/** What one change may take at most: a page for a record, a node, a bucket, an overflow, a key. */
const RESERVE = 6;

/** The memory, and why it is not on the pages that were asked for. */
function map(size: number, pageSize: PageSize): { mapping: Mapping; why: string | undefined } {
  const name = 'index';
  if (pageSize === '4KiB') {
    const mapping = Mapping.anonymous({ size, name, populate: false });
    mapping.advise('nohugepage');
    return { mapping, why: undefined };
  }
  try {
    return { mapping: Mapping.anonymous({ size, name, hugePage: pageSize }), why: undefined };
  } catch (error) {
    const why = (error as Error).message;
    const orElse = 'ordinary';
    const ways = { hugePage: 'transparent', orElse } as const;
    return { mapping: Mapping.anonymous({ size, name, populate: false, ...ways }), why };
  }
}

/** Pages are numbered from 0 on; what is in them is whatever was there before. */
export class Pages {
  readonly mapping: Mapping;
  /** Why the pages are not of the size that was asked for. */
  readonly fallback: string | undefined;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly words: Int32Array;
  readonly count: number;
  private readonly free: number[] = [];
  private fresh = 0;
  /** Pages that must be left before a change; none while what was durable comes back. */
  reserve = RESERVE;

  constructor(memory: number, pageSize: PageSize) {
    this.count = Math.floor(memory / PAGE_BYTES);
    const { mapping, why } = map(this.count * PAGE_BYTES, pageSize);
    this.mapping = mapping;
    this.fallback = why;
    const { buffer } = mapping.bytes;
    this.bytes = Buffer.from(buffer, 0, this.count * PAGE_BYTES);
    this.words = new Int32Array(buffer, 0, (this.count * PAGE_BYTES) / 4);
  }

  get left(): number {
    return this.count - this.fresh + this.free.length;
  }

  /** Throws where a change might not find room: then nothing has been changed. */
  require(): void {
    if (this.left < this.reserve) throw new IndexFullError(this.count * PAGE_BYTES);
  }

  take(): number {
    const page = this.free.pop();
    if (page !== undefined) return page;
    if (this.fresh === this.count) throw new IndexFullError(this.count * PAGE_BYTES);
    return this.fresh++;
  }

  give(page: number): void {
    this.free.push(page);
  }

  /** Takes all back. */
  reset(): void {
    this.fresh = 0;
    this.free.length = 0;
  }
}
