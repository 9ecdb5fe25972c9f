/** What goes on, in no order: a place in an array costs less than one in a `Set`, also later. */
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
