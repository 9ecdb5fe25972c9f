/**
 * What is open, each in a place of its own. Of a set each would cost 40 bytes; and a set that many
 * enter and leave keeps them until a full collection: each table that it has outgrown points to the
 * next one, and so to all that was in that.
 */

export interface Member {
  /** -1 when it is in none. */
  place: number;
  close(): void;
}

export class Members<Kind extends Member> {
  private readonly places: (Kind | undefined)[] = [];
  private readonly free: number[] = [];

  get size(): number {
    return this.places.length - this.free.length;
  }

  enter(member: Kind): void {
    member.place = this.free.pop() ?? this.places.length;
    this.places[member.place] = member;
  }

  /** A second time nothing happens. */
  leave(member: Kind): void {
    const { place } = member;
    if (place < 0) return;
    member.place = -1;
    this.places[place] = undefined;
    this.free.push(place);
    if (this.size > 0) return;
    this.places.length = 0;
    this.free.length = 0;
  }

  has(member: Kind): boolean {
    return member.place >= 0 && this.places[member.place] === member;
  }

  at(place: number): Kind | undefined {
    return this.places[place];
  }

  /** Who leaves meanwhile is not told of any more; who enters may be. */
  *[Symbol.iterator](): Generator<Kind, void, undefined> {
    for (let place = 0; place < this.places.length; place++) {
      const member = this.places[place];
      if (member !== undefined) yield member;
    }
  }

  closeAll(): void {
    for (let place = 0; place < this.places.length; place++) this.places[place]?.close();
  }
}
