/** The part of a request that has come: what was lent with it is gone when the rest comes. */

const NOTHING = Buffer.alloc(0);
const FEWEST = 1024;
/** A larger one is not kept when it is empty. */
const KEPT = 16 * 1024;

export class Carry {
  bytes: Buffer = NOTHING;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** How much more memory it would take to hold `length` bytes more. */
  growth(length: number): number {
    const wanted = this.length + length;
    return wanted <= this.bytes.length ? 0 : sizeFor(wanted) - this.bytes.length;
  }

  append(source: Buffer, from: number, to: number): void {
    const wanted = this.length + to - from;
    if (wanted > this.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow(sizeFor(wanted));
      this.bytes.copy(bytes, 0, this.start, this.end);
      this.bytes = bytes;
      this.end -= this.start;
      this.start = 0;
    } else if (this.end + to - from > this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
      this.end -= this.start;
      this.start = 0;
    }
    source.copy(this.bytes, this.end, from, to);
    this.end += to - from;
  }

  /** What comes before `start` has been used. */
  consume(start: number): void {
    this.start = start;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.bytes.length > KEPT) this.bytes = NOTHING;
  }
}

function sizeFor(bytes: number): number {
  return Math.max(2 ** Math.ceil(Math.log2(bytes)), FEWEST);
}
