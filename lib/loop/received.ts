/** Bytes that a handler is lent: the library has them, and the next ones come in their place. */

const NOTHING = new Uint8Array(0);

/**
 * What has been received. It is good until the handler returns: after that it is empty, and
 * `copy()` is what there is to keep.
 */
export class Received {
  /** @internal */
  source: Uint8Array = NOTHING;
  /** @internal Where in `source` it begins. */
  start = 0;
  /** How many bytes. */
  length = 0;

  /** @internal */
  lend(source: Uint8Array, length: number, start = 0): void {
    this.source = source;
    this.start = start;
    this.length = length;
  }

  /** @internal */
  takeBack(): void {
    this.source = NOTHING;
    this.start = 0;
    this.length = 0;
  }

  /** The byte at `index`; undefined past the end. */
  at(index: number): number | undefined {
    return index < this.length ? this.source[this.start + index] : undefined;
  }

  /**
   * A view of the library's own memory, without a copy. Other bytes are in it as soon as the
   * handler has returned.
   */
  get bytes(): Uint8Array {
    return this.source.subarray(this.start, this.start + this.length);
  }

  /** Bytes of the caller's own, from `start` to `end`. */
  copy(start = 0, end: number = this.length): Uint8Array<ArrayBuffer> {
    return Uint8Array.prototype.slice.call(
      this.source,
      this.start + Math.max(start, 0),
      this.start + Math.min(end, this.length),
    ) as Uint8Array<ArrayBuffer>;
  }

  /** Copies all of them to `target` at `offset`; it must have room. */
  copyTo(target: Uint8Array, offset = 0): void {
    target.set(this.bytes, offset);
  }

  /** As text, also when a character was cut in two. */
  text(encoding: BufferEncoding = 'utf8'): string {
    const { buffer, byteOffset } = this.source;
    return Buffer.from(buffer, byteOffset + this.start, this.length).toString(encoding);
  }
}
