/** The bytes that all data together may take. */
export class Budget {
  readonly max: number;
  /** Pages of the mapping that are cut into blocks. */
  pages = 0;
  /** What is in JavaScript's own memory: collections, values too large for a block, the index. */
  heap = 0;
  /** Requests that have come in part. */
  input = 0;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.pages + this.heap + this.input;
  }

  get over(): boolean {
    return this.pages + this.heap + this.input > this.max;
  }

  has(bytes: number): boolean {
    return this.pages + this.heap + this.input + bytes <= this.max;
  }
}

/** Where collections count that are no key's any more: a command may still have one in hand. */
export const NOBODYS = new Budget(0);
