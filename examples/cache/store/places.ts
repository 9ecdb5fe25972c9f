/** Places of entries in no order, of which any can be drawn; each entry knows where it is. */

export class Places {
  private list = new Int32Array(1024);
  length = 0;

  at(index: number): number {
    return this.list[index] as number;
  }

  /** Answers where it is. */
  add(place: number): number {
    if (this.length === this.list.length) {
      const list = new Int32Array(this.length * 2);
      list.set(this.list);
      this.list = list;
    }
    this.list[this.length] = place;
    return this.length++;
  }

  /** The last one takes the place of what goes: its place is answered, 0 if it was the same. */
  remove(index: number): number {
    const last = this.list[--this.length] as number;
    if (index === this.length) return 0;
    this.list[index] = last;
    return last;
  }

  replace(index: number, place: number): void {
    this.list[index] = place;
  }

  draw(): number {
    return this.list[Math.floor(Math.random() * this.length)] as number;
  }

  clear(): void {
    this.list = new Int32Array(1024);
    this.length = 0;
  }
}
