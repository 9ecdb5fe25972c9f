/** First in, first out, without moving what waits. */

export class Queue<Value> {
  private ring: (Value | undefined)[] = new Array(16).fill(undefined);
  private first = 0;
  length = 0;

  push(value: Value): void {
    if (this.length === this.ring.length) this.grow();
    this.ring[(this.first + this.length++) & (this.ring.length - 1)] = value;
  }

  shift(): Value | undefined {
    if (this.length === 0) return undefined;
    const value = this.ring[this.first];
    this.ring[this.first] = undefined;
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.length--;
    return value;
  }

  private grow(): void {
    const { ring, first } = this;
    this.ring = [...ring.slice(first), ...ring.slice(0, first), ...ring.fill(undefined)];
    this.first = 0;
  }
}
