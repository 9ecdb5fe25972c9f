/** A list of texts: a ring, so that both of its ends cost the same. */
import { type Budget, NOBODYS } from './budget.js';
import { LIST } from './entry.js';
import type { Collection } from './keyspace.js';

const PER_TEXT = 32;
const PER_LIST = 128;
const FEWEST = 8;

export class List implements Collection {
  readonly kind = LIST;
  private budget: Budget;
  private ring: string[] = new Array(FEWEST).fill('');
  private first = 0;
  bytes = PER_LIST;
  size = 0;

  constructor(budget: Budget) {
    this.budget = budget;
    budget.heap += PER_LIST;
  }

  at(index: number): string {
    return this.ring[(this.first + index) & (this.ring.length - 1)] as string;
  }

  set(index: number, text: string): void {
    this.count(text.length - this.at(index).length);
    this.ring[(this.first + index) & (this.ring.length - 1)] = text;
  }

  pushLast(text: string): void {
    this.grow();
    this.ring[(this.first + this.size) & (this.ring.length - 1)] = text;
    this.size++;
    this.count(PER_TEXT + text.length);
  }

  pushFirst(text: string): void {
    this.grow();
    this.first = (this.first - 1) & (this.ring.length - 1);
    this.ring[this.first] = text;
    this.size++;
    this.count(PER_TEXT + text.length);
  }

  popLast(): string {
    const text = this.at(--this.size);
    this.forget(this.size, text);
    return text;
  }

  popFirst(): string {
    const text = this.at(0);
    this.forget(0, text);
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.size--;
    return text;
  }

  private forget(index: number, text: string): void {
    this.ring[(this.first + index) & (this.ring.length - 1)] = '';
    this.count(-(PER_TEXT + text.length));
  }

  texts(): string[] {
    return Array.from({ length: this.size }, (_, index) => this.at(index));
  }

  /** These, and no others. */
  become(texts: readonly string[]): void {
    this.count(PER_LIST - this.bytes);
    this.ring = new Array(2 ** Math.max(Math.ceil(Math.log2(texts.length + 1)), 3)).fill('');
    this.first = 0;
    this.size = 0;
    for (const text of texts) this.pushLast(text);
  }

  copy(): List {
    const copy = new List(this.budget);
    copy.become(this.texts());
    return copy;
  }

  release(): void {
    this.count(-this.bytes);
    this.budget = NOBODYS;
  }

  private grow(): void {
    if (this.size < this.ring.length) return;
    const texts = this.texts();
    this.ring = texts.concat(new Array(texts.length).fill(''));
    this.first = 0;
  }

  private count(bytes: number): void {
    this.bytes += bytes;
    this.budget.heap += bytes;
  }
}
