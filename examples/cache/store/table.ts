/** Names in the order of nothing, each with a value: one can be drawn, and a walk resumed. */
import { type Budget, NOBODYS } from './budget.js';
import type { Collection } from './keyspace.js';

/** What a name costs beside its letters: of the string, the Map and the lists. */
const PER_NAME = 96;
const PER_TABLE = 256;

/** A hash (of texts), a set (of nothing), or the scores of a sorted set. */
export class Table<Value> implements Collection {
  readonly kind: number;
  private budget: Budget;
  private readonly places = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly values: Value[] = [];
  bytes = PER_TABLE;

  constructor(kind: number, budget: Budget) {
    this.kind = kind;
    this.budget = budget;
    budget.heap += PER_TABLE;
  }

  get size(): number {
    return this.names.length;
  }

  has(name: string): boolean {
    return this.places.has(name);
  }

  get(name: string): Value | undefined {
    const place = this.places.get(name);
    return place === undefined ? undefined : this.values[place];
  }

  /** True when the name is new. */
  set(name: string, value: Value): boolean {
    const place = this.places.get(name);
    if (place !== undefined) {
      this.count(sizeOf(value) - sizeOf(this.values[place] as Value));
      this.values[place] = value;
      return false;
    }
    this.places.set(name, this.names.length);
    this.names.push(name);
    this.values.push(value);
    this.count(PER_NAME + name.length + sizeOf(value));
    return true;
  }

  delete(name: string): boolean {
    const place = this.places.get(name);
    if (place === undefined) return false;
    this.places.delete(name);
    this.count(-(PER_NAME + name.length + sizeOf(this.values[place] as Value)));
    // The last one moves: it was walked over before its new place is, or is walked over twice.
    const lastName = this.names.pop() as string;
    const lastValue = this.values.pop() as Value;
    if (place < this.names.length) {
      this.names[place] = lastName;
      this.values[place] = lastValue;
      this.places.set(lastName, place);
    }
    return true;
  }

  nameAt(index: number): string {
    return this.names[index] as string;
  }

  valueAt(index: number): Value {
    return this.values[index] as Value;
  }

  keys(): readonly string[] {
    return this.names;
  }

  draw(): number {
    return Math.floor(Math.random() * this.names.length);
  }

  copy(): Table<Value> {
    const copy = new Table<Value>(this.kind, this.budget);
    this.names.forEach((name, index) => void copy.set(name, this.values[index] as Value));
    return copy;
  }

  release(): void {
    this.count(-this.bytes);
    this.budget = NOBODYS;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.budget.heap += bytes;
  }
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' ? 24 + value.length : 8;
}
