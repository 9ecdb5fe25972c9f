/** Many booleans in one word: a field costs 8 bytes in each of ten thousand connections. */

export abstract class Flags {
  private word = 0;

  /** Whether any of them is set. */
  protected is(flags: number): boolean {
    return (this.word & flags) !== 0;
  }

  protected set(flags: number): void {
    this.word |= flags;
  }

  protected unset(flags: number): void {
    this.word &= ~flags;
  }
}
