/**
 * What all threads know of the services and backends, in shared memory: each worker has a row of
 * its own that only it writes to, and everybody adds the rows up.
 */
import { PLACES } from './config.js';

export const COUNTERS = [
  /** Passed on to a backend. */
  'connections',
  'bytesIn',
  'bytesOut',
  /** Backends that could not be connected to. */
  'failed',
  /** Turned away: by a limit, or because no backend was there. */
  'refused',
  /** Ended by an error, or by being idle for too long. */
  'broken',
  /** PROXY headers that were none, or that came too late. */
  'malformed',
  /** Datagrams for which there was no room, or no session. */
  'dropped',
] as const;
export type Counter = (typeof COUNTERS)[number];

const WIDTH = COUNTERS.length;
const ACTIVE_BYTES = PLACES * 4;
const ROW_BYTES = ACTIVE_BYTES + PLACES * WIDTH * 8;
const STATE_BYTES = PLACES * (8 + 8);

/** One worker's part. */
export class Row {
  private readonly active: Int32Array;
  private readonly counts: Float64Array;

  constructor(memory: SharedArrayBuffer, start: number) {
    this.active = new Int32Array(memory, start, PLACES);
    this.counts = new Float64Array(memory, start + ACTIVE_BYTES, PLACES * WIDTH);
  }

  enter(place: number): void {
    Atomics.add(this.active, place, 1);
  }

  leave(place: number): void {
    Atomics.sub(this.active, place, 1);
  }

  activeOf(place: number): number {
    return Atomics.load(this.active, place);
  }

  count(place: number, counter: Counter, by = 1): void {
    const at = place * WIDTH + COUNTERS.indexOf(counter);
    this.counts[at] = (this.counts[at] as number) + by;
  }

  countOf(place: number, counter: Counter): number {
    return this.counts[place * WIDTH + COUNTERS.indexOf(counter)] as number;
  }

  /** Its thread has ended, and its connections with it. */
  forget(): void {
    this.active.fill(0);
  }

  clear(place: number): void {
    this.active[place] = 0;
    this.counts.fill(0, place * WIDTH, (place + 1) * WIDTH);
  }
}

export class Table {
  static create(workers: number): SharedArrayBuffer {
    return new SharedArrayBuffer(STATE_BYTES + workers * ROW_BYTES);
  }

  readonly memory: SharedArrayBuffer;
  readonly rows: readonly Row[];
  /** 1: down. */
  private readonly down: Float64Array;
  /** When it came up; 0: it was up from the start. */
  private readonly since: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    const workers = (memory.byteLength - STATE_BYTES) / ROW_BYTES;
    this.rows = Array.from(
      { length: workers },
      (_, index) => new Row(memory, STATE_BYTES + index * ROW_BYTES),
    );
    this.down = new Float64Array(memory, 0, PLACES);
    this.since = new Float64Array(memory, PLACES * 8, PLACES);
  }

  /** Connections of all workers. */
  activeOf(place: number): number {
    let sum = 0;
    for (const row of this.rows) sum += row.activeOf(place);
    return sum;
  }

  countOf(place: number, counter: Counter): number {
    return this.rows.reduce((sum, row) => sum + row.countOf(place, counter), 0);
  }

  isUp(place: number): boolean {
    return this.down[place] === 0;
  }

  upSince(place: number): number {
    return this.since[place] as number;
  }

  setUp(place: number, up: boolean, since: number): void {
    this.down[place] = up ? 0 : 1;
    this.since[place] = since;
  }

  /** For somebody new. */
  clear(place: number): void {
    for (const row of this.rows) row.clear(place);
    this.setUp(place, true, 0);
  }
}
