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
  /** By number, as the kernel knows them. */
  private readonly slots = new Map<number, number>();
  private readonly free: number[] = [];
  private used = 0;

  get size(): number {
    return this.slots.size;
  }

  /** The slot of a descriptor number, -1 when it is not registered. */
  slotOf(fd: number): number {
    return this.slots.get(fd) ?? -1;
  }

  *all(): Generator<Registration> {
    for (const [number, slot] of this.slots) yield { slot, number };
  }

  /** A slot for what the kernel is about to be told. */
  reserve(): number {
    const slot = this.free.pop() ?? this.used++;
    if (slot >= this.generations.length) this.extend(slot * 2);
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
    this.slots.set(fd, slot);
  }

  /** Events that still come for it are nobody's. */
  renew(slot: number): void {
    this.changes = (this.changes + 1) | 0;
    this.generations[slot] = ((this.generations[slot] as number) + 1) | 0;
  }

  remove(slot: number, fd: number): void {
    this.renew(slot);
    this.descriptors[slot] = undefined;
    this.slots.delete(fd);
    this.free.push(slot);
  }

  clear(): void {
    for (const [fd, slot] of this.slots) this.remove(slot, fd);
  }

  private extend(capacity: number): void {
    const { generations, interests } = this;
    this.generations = new Int32Array(capacity);
    this.interests = new Int32Array(capacity);
    this.generations.set(generations);
    this.interests.set(interests);
  }
}
