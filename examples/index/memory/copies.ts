/** Copies of records, many in one piece of memory: a piece for each costs more than its bytes. */

/** As much as Node has for short buffers: who keeps one of them keeps so much at most. */
const PIECE_BYTES = 8192;
/** Longer ones have a piece of their own. */
const SHORT_BYTES = 1024;

export class Copies {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private piece: Buffer = Buffer.alloc(0);
  private pieceWords = new Int32Array(0);
  /** The first word of the piece that is free. */
  private free = 0;

  constructor(words: Int32Array, bytes: Uint8Array) {
    this.words = words;
    this.bytes = bytes;
  }

  /** Of the bytes from `start` on, which is the first of a word, those from `from` to `to`. */
  take(start: number, from: number, to: number): Buffer {
    const at = this.add(start, to);
    return this.piece.subarray(at + from, at + to);
  }

  /** Those before `middle`, and those from there to `end`. */
  takeBoth(start: number, middle: number, end: number): { key: Buffer; value: Buffer } {
    const at = this.add(start, end);
    const { piece } = this;
    return { key: piece.subarray(at, at + middle), value: piece.subarray(at + middle, at + end) };
  }

  /** Where in the piece the copy of `length` bytes begins. */
  private add(start: number, length: number): number {
    if (length > SHORT_BYTES) {
      this.begin(length);
      this.piece.set(this.bytes.subarray(start, start + length));
      this.free = this.pieceWords.length;
      return 0;
    }
    const count = (length + 3) >>> 2;
    if (this.free + count > this.pieceWords.length) this.begin(PIECE_BYTES);
    const { words, pieceWords, free } = this;
    // Word by word: a call, and a view for it, cost more.
    for (let index = 0, from = start >>> 2; index < count; index++) {
      pieceWords[free + index] = words[from + index] as number;
    }
    this.free = free + count;
    return free * 4;
  }

  private begin(bytes: number): void {
    const memory = new ArrayBuffer((bytes + 3) & ~3);
    this.piece = Buffer.from(memory);
    this.pieceWords = new Int32Array(memory);
    this.free = 0;
  }
}
