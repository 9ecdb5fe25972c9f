/** Requests on their way to an upstream server: those of one turn go together. */
import type { Connection } from 'nearmetal/net';
import { copyBytes } from '../store/bytes.js';

const CAPACITY = 64 * 1024;
/** More waits for the upstream than anybody should add to. */
const ENOUGH = 1024 * 1024;

export class Outgoing {
  private readonly bytes = Buffer.allocUnsafeSlow(CAPACITY);
  private at = 0;
  private scheduled = false;
  private connection: Connection | undefined = undefined;
  private onRoom: () => void = () => undefined;
  /** From before there was a connection. */
  private early: Buffer[] = [];
  full = false;

  start(connection: Connection, onRoom: () => void): void {
    this.connection = connection;
    this.onRoom = onRoom;
    for (const bytes of this.early) this.write(bytes);
    this.early = [];
    this.flush();
  }

  add(source: Uint8Array, start: number, length: number): void {
    if (this.at + length > CAPACITY) this.flush();
    if (length > CAPACITY) this.write(source.subarray(start, start + length));
    else {
      copyBytes(source, start, length, this.bytes, this.at);
      this.at += length;
    }
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.at === 0) return;
    const { at } = this;
    this.at = 0;
    this.write(this.bytes.subarray(0, at));
  }

  private write(bytes: Uint8Array): void {
    const { connection } = this;
    if (connection === undefined) {
      this.early.push(Buffer.from(bytes));
      return;
    }
    const done = connection.write(bytes);
    if (connection.pending <= ENOUGH || this.full) {
      // A connection that breaks says so to its reader.
      done.catch(() => undefined);
      return;
    }
    this.full = true;
    done.then(
      () => {
        this.full = false;
        this.onRoom();
      },
      () => undefined,
    );
  }
}
