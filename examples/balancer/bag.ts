/**
 * What goes on, in no order. A `Set` that many enter and leave keeps them until a full collection:
 * each table that it has outgrown points to the next one, and so to all that was in that.
 */
export interface InBag {
  /** Where it is; -1 when it is in none. */
  at: number;
}

export class Bag<Item extends InBag> {
  private readonly items: Item[] = [];

  get size(): number {
    return this.items.length;
  }

  add(item: Item): void {
    item.at = this.items.length;
    this.items.push(item);
  }

  delete(item: Item): void {
    const { at } = item;
    if (at < 0) return;
    item.at = -1;
    const last = this.items.pop() as Item;
    if (last === item) return;
    this.items[at] = last;
    last.at = at;
  }

  /** Those that are in it now. */
  all(): Item[] {
    return this.items.slice();
  }
}
