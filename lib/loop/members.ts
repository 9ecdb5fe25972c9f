/** What is open in a backend, each in a place of its own: of a set each would cost 40 bytes. */

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
  }

  at(place: number): Kind | undefined {
    return this.places[place];
  }

  closeAll(): void {
    for (let place = 0; place < this.places.length; place++) this.places[place]?.close();
  }
}
