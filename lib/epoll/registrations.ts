/** The descriptors that an epoll knows: each has a slot and a generation, which events carry. */
import type { Descriptor } from '../fd/fd.js';

const FIRST_CAPACITY = 64;

export interface Registration {
  readonly slot: number;
  /** The descriptor's number. */
  readonly number: number;
}

export class Registrations {
  /**
   * A generation belongs to one interest of one descriptor: events of an earlier one, which were
   * waiting in the same batch, are recognised by it.
   */
  generations = new Int32Array(FIRST_CAPACITY);
  /** What the kernel waits for. */
  interests = new Int32Array(FIRST_CAPACITY);
  readonly tags: number[] = [];
  readonly descriptors: (Descriptor | undefined)[] = [];
  /** How often events became nobody's. */
  changes = 0;
  /** By number, as the kernel knows them: slot + 1, or 0. It gives the smallest that is free. */
  private slots = new Int32Array(FIRST_CAPACITY);
  /** Descriptors that are registered. */
  size = 0;
  private readonly free: number[] = [];
  private used = 0;

  /** The slot of a descriptor number, -1 when it is not registered. */
  slotOf(fd: number): number {
    return (this.slots[fd] ?? 0) - 1;
  }

  *all(): Generator<Registration> {
    for (let number = 0; number < this.slots.length; number++) {
      const slot = this.slotOf(number);
      if (slot >= 0) yield { slot, number };
    }
  }

  /** A slot for what the kernel is about to be told. */
  reserve(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot >= this.generations.length) {
      this.generations = extended(this.generations, slot * 2);
      this.interests = extended(this.interests, slot * 2);
    }
    return slot;
  }

  /** The kernel has refused it. */
  unreserve(slot: number): void {
    this.free.push(slot);
  }

  /** The kernel knows it. */
  set(slot: number, descriptor: Descriptor, fd: number, interest: number, tag: number): void {
    this.descriptors[slot] = descriptor;
    this.interests[slot] = interest;
    this.tags[slot] = tag;
    if (fd >= this.slots.length) this.slots = extended(this.slots, fd * 2);
    this.slots[fd] = slot + 1;
    this.size++;
  }

  /** Events that still come for it are nobody's. */
  renew(slot: number): void {
    this.changes = (this.changes + 1) | 0;
    this.generations[slot] = ((this.generations[slot] as number) + 1) | 0;
  }

  remove(slot: number, fd: number): void {
    this.renew(slot);
    this.descriptors[slot] = undefined;
    this.slots[fd] = 0;
    this.size--;
    this.free.push(slot);
  }

  clear(): void {
    for (const { slot, number } of this.all()) this.remove(slot, number);
  }
}

function extended(numbers: Int32Array, capacity: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(capacity);
  more.set(numbers);
  return more;
}
