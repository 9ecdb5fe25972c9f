/** The segments of a log in order: found and checked at the start, begun and dropped later. */
import type { FileCalls } from '../fs/calls.js';
import { about } from '../fs/failure.js';
import { LogCorruptError } from './errors.js';
import type { Folder } from './folder.js';
import { readAt } from './frame-reader.js';
import { encodeMark, HEADER_BYTES } from './layout.js';
import { type OpenSegment, type Survey, surveyClosed, surveyLast } from './recovery.js';
import { writeFully, writeOut } from './write-fully.js';

/** Of what is written again, at a time. */
const CHUNK_BYTES = 1 << 20;

/** A segment as users see it. */
export interface Segment {
  readonly path: string;
  /** Of its first record. */
  readonly first: number;
  readonly bytes: number;
}

export class Segments {
  readonly folder: Folder;
  readonly #calls: FileCalls;
  /** Those that are full, the oldest first. */
  readonly #closed: Segment[] = [];
  /** One after the other: two would want to remove the same. */
  #dropping: Promise<void> = Promise.resolve();
  /** The last one, which is written to. */
  active!: OpenSegment;
  /** Where the next frame goes. */
  position = HEADER_BYTES;
  /** Up to where the active segment is known to be durable. */
  durable = HEADER_BYTES;
  /** Of the next record. */
  next = 1;
  /** A mark is the last thing in the active segment, or there is nothing. */
  marked = true;
  /** Of the first record that may not be durable. */
  durableNext = 1;
  /** Bytes of a torn write that were cut off when the log was opened. */
  cutBytes = 0;

  private constructor(folder: Folder, calls: FileCalls) {
    this.folder = folder;
    this.#calls = calls;
  }

  static async open(folder: Folder, calls: FileCalls, verifyAll: boolean): Promise<Segments> {
    const segments = new Segments(folder, calls);
    const firsts = await folder.firsts();
    for (const [index, first] of firsts.slice(0, -1).entries()) {
      await segments.#adopt(first, firsts[index + 1] as number, verifyAll);
    }
    const last = firsts.at(-1);
    if (last === undefined) await segments.begin(await segments.create());
    else await segments.#recover(last);
    return segments;
  }

  get first(): number {
    return this.#closed[0]?.first ?? this.active.header.first;
  }

  list(): Segment[] {
    const { path, header } = this.active;
    return [...this.#closed, { path, first: header.first, bytes: this.position }];
  }

  async #adopt(first: number, next: number, verify: boolean): Promise<void> {
    const segment = await this.folder.openSegment(first, false);
    using _file = segment.file;
    if (verify) await surveyClosed(this.#calls, segment, next);
    this.#closed.push({ path: segment.path, first, bytes: segment.size });
  }

  /** Cuts off what a crash left half written, and makes all the rest durable. */
  async #recover(first: number): Promise<void> {
    const segment = await this.folder.openSegment(first, true);
    try {
      await this.#forget(segment);
      const survey = await surveyLast(this.#calls, segment);
      const { path, file } = segment;
      this.cutBytes = segment.size - survey.end;
      if (this.cutBytes > 0) {
        const truncating = this.#calls.ftruncate(file, survey.end, undefined);
        await about(truncating, { syscall: 'ftruncate', path });
      }
      this.active = segment;
      this.next = this.durableNext = survey.next;
      this.position = this.durable = survey.end;
      if (this.cutBytes > 0 || !survey.proven) await this.#prove(survey);
      await this.folder.sync();
    } catch (error) {
      segment.file.close();
      throw error;
    }
  }

  /**
   * Has the kernel read the segment from the disk. After a sync that failed its pages show what
   * never got there, or is where no read finds it (ext4, in blocks that it holds for unwritten).
   */
  async #forget({ path, file }: OpenSegment): Promise<void> {
    await about(this.#calls.fsync(file, true, undefined), { syscall: 'fdatasync', path });
    const forgetting = this.#calls.fadvise(file, 'dontneed', 0, 0, undefined);
    await about(forgetting, { syscall: 'fadvise', path });
  }

  /**
   * Writes again what no frame proves to be durable, and a mark that does. A sync alone might not
   * do: a page that could not be forgotten may be held for clean, and never have reached the disk.
   */
  async #prove({ durable, end }: Survey): Promise<void> {
    const { path, file, header } = this.active;
    for (let position = durable; position < end; position += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES, end - position);
      const bytes = await readAt(this.#calls, file, position, length);
      if (bytes.length < length)
        throw new LogCorruptError(path, position, header.first, 'it shrank');
      await writeOut(this.#calls, { file, bytes, position }, path);
    }
    await about(this.#calls.fsync(file, true, undefined), { syscall: 'fdatasync', path });
    await this.mark();
  }

  /** Writes a mark behind what is durable, so that damage to it is seen as such. */
  async mark(): Promise<void> {
    const { position } = this;
    const { file, header } = this.active;
    const bytes = encodeMark(header.seed, position);
    const { written, synced } = await writeFully(this.#calls, { file, bytes, position }, 'written');
    if (written === bytes.length && synced === 0) {
      this.position = this.durable = position + bytes.length;
      this.marked = true;
    }
    // It is a proof, and no part of what was promised: a full disk may go without.
    else await this.#calls.ftruncate(file, position, undefined);
  }

  /** Makes the segment of the next record; where that fails nothing has changed. */
  create(): Promise<OpenSegment> {
    return this.folder.create(this.next);
  }

  /** Goes on in a segment just made; the one before it is durable. */
  async begin(made: OpenSegment): Promise<void> {
    try {
      await this.folder.sync();
    } catch (error) {
      made.file.close();
      throw error;
    }
    if (this.active !== undefined) {
      this.#closed.push(this.list().at(-1) as Segment);
      this.active.file.close();
    }
    this.active = made;
    this.position = this.durable = HEADER_BYTES;
    this.marked = true;
  }

  /** So many bytes with so many records are in the file now. */
  wrote(bytes: number, records: number): void {
    this.position += bytes;
    this.next += records;
    this.marked = false;
  }

  /** What was written up to here is durable. */
  proven(): void {
    this.durable = this.position;
    this.durableNext = this.next;
  }

  /** Removes segments all of whose records are before `sequence`, the oldest first. */
  dropBefore(sequence: number): Promise<void> {
    const dropping = this.#dropping.then(() => this.#drop(sequence));
    this.#dropping = dropping.catch(() => undefined);
    return dropping;
  }

  async #drop(sequence: number): Promise<void> {
    let removed = false;
    for (;;) {
      const after = this.#closed[1]?.first ?? this.active.header.first;
      const oldest = this.#closed[0];
      if (oldest === undefined || after > sequence) break;
      await this.folder.remove(oldest.first);
      this.#closed.shift();
      removed = true;
    }
    if (removed) await this.folder.sync();
  }

  async close(): Promise<void> {
    await this.#dropping;
    this.active.file.close();
    this.folder.close();
  }
}
