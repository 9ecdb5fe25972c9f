/**
 * What is under way for each key: an answer is kept only if nothing has happened to its key since
 * it was asked for.
 *
 * A read takes a token when it is sent, and gives it back with its answer. The token is void when
 * the key was invalidated meanwhile, or when one of us has written to it; while a write is under
 * way no token is given at all, for the read may be done before it or behind it.
 */

interface Flight {
  version: number;
  reads: number;
  writes: number;
}

const NO_TOKEN = -1;

export class Flights {
  private readonly flights = new Map<string, Flight>();
  /** Writes under way of which the keys are not known. */
  private writesOfAll = 0;
  /** Also counts what has happened to all keys. */
  private version = 0;

  private of(key: string): Flight {
    let flight = this.flights.get(key);
    if (flight === undefined) {
      // Higher than any version that a flight of this key has had before.
      flight = { version: ++this.version, reads: 0, writes: 0 };
      this.flights.set(key, flight);
    }
    return flight;
  }

  private leave(key: string, flight: Flight): void {
    if (flight.reads === 0 && flight.writes === 0) this.flights.delete(key);
  }

  beginRead(key: string): number {
    const flight = this.of(key);
    flight.reads++;
    return flight.writes > 0 || this.writesOfAll > 0 ? NO_TOKEN : flight.version;
  }

  /** Whether what was read may be kept. */
  endRead(key: string, token: number): boolean {
    const flight = this.flights.get(key) as Flight;
    flight.reads--;
    this.leave(key, flight);
    return token === flight.version;
  }

  beginWrite(key: string): void {
    const flight = this.of(key);
    flight.writes++;
    flight.version = ++this.version;
  }

  endWrite(key: string): void {
    const flight = this.flights.get(key) as Flight;
    flight.writes--;
    this.leave(key, flight);
  }

  beginWriteOfAll(): void {
    this.writesOfAll++;
    this.voidAll();
  }

  endWriteOfAll(): void {
    this.writesOfAll--;
  }

  voidKey(key: string): void {
    const flight = this.flights.get(key);
    if (flight !== undefined) flight.version = ++this.version;
  }

  voidAll(): void {
    for (const flight of this.flights.values()) flight.version = ++this.version;
  }
}
