/** Streams that were given something to send in this turn: they send once, at its end. */

export interface Sender {
  sendNow(): void;
}

export class Dirty {
  private streams: Sender[] = [];

  get empty(): boolean {
    return this.streams.length === 0;
  }

  add(stream: Sender): void {
    this.streams.push(stream);
  }

  /** Also when one of them leads back here. */
  readonly flush = (): void => {
    while (this.streams.length > 0) {
      const streams = this.streams;
      this.streams = [];
      for (let index = 0; index < streams.length; index++) (streams[index] as Sender).sendNow();
    }
  };
}
