/** Files as streams of Node and of the web. */
import type { Stats } from 'node:fs';
import { addAbortSignal, Readable, Writable } from 'node:stream';
import { fstat } from '../fstat.js';
import type { PathLike } from '../path.js';
import { type TakesFiles, takeFile, takesFiles } from '../splice/takes-files.js';
import { abortSignal, integer, onlyKeys } from '../validate.js';
import { File, type OffsetOptions, open } from './file.js';
import type { FileOpenOptions, OpenLetters } from './options.js';

const HIGH_WATER = 65_536;
const OFFSET_MAX = Number.MAX_SAFE_INTEGER;

export interface ReadStreamOptions {
  /** The first byte. Default 0. */
  start?: number;
  /** The last byte, included as in Node. Default: the end of the file. */
  end?: number;
  /** Bytes of one read. Default 65,536. */
  highWaterMark?: number;
  encoding?: BufferEncoding;
  /** Destroys the stream, with an AbortError. */
  signal?: AbortSignal;
}

export interface WriteStreamOptions {
  /** The first byte that is written. Default: the file's own position. */
  start?: number;
  /** How a path is opened. Default 'w'. */
  flags?: OpenLetters | FileOpenOptions;
  highWaterMark?: number;
  signal?: AbortSignal;
}

type Done = (error?: Error | null) => void;

/**
 * Opens the file of a stream. One that is opened here is closed with the stream, also when that was
 * destroyed meanwhile; one that was handed over is not.
 */
function construct(
  stream: Readable | Writable,
  from: PathLike | File,
  how: OpenLetters | FileOpenOptions,
  opened: (file: File) => void,
  done: Done,
): void {
  if (from instanceof File) opened(from);
  if (from instanceof File || stream.destroyed) {
    done();
    return;
  }
  open(from, how).then((file) => {
    if (stream.destroyed) file.close();
    else opened(file);
    done();
  }, done);
}

/** All are checked before there is a stream, which would open its file even if none is returned. */
interface Place {
  readonly highWaterMark: number;
  readonly start: number | undefined;
  readonly end: number;
}

function placeOf(options: Pick<ReadStreamOptions, 'start' | 'end' | 'highWaterMark'>): Place {
  const { start, end = Number.POSITIVE_INFINITY } = options;
  return {
    highWaterMark: integer('highWaterMark', options.highWaterMark ?? HIGH_WATER, 1, 1 << 30),
    start: start === undefined ? undefined : integer('start', start, 0, OFFSET_MAX),
    end: end === Number.POSITIVE_INFINITY ? end : integer('end', end, 0, OFFSET_MAX),
  };
}

/** On its way into a socket. */
interface Passing {
  readonly target: NodeJS.WritableStream;
  readonly begin: () => void;
  cancel?: (() => void) | undefined;
  /** By `unpipe`, or with the stream. */
  ended?: boolean;
}

class FileReadable extends Readable {
  bytesRead = 0;
  readonly #from: PathLike | File;
  #file: File | undefined = undefined;
  #offset: number;
  readonly #end: number;
  readonly #stop = new AbortController();
  #passing: Passing | undefined = undefined;
  /** Asked for meanwhile. */
  #wanted = 0;

  constructor(from: PathLike | File, options: ReadStreamOptions, place: Place) {
    const { signal, encoding } = options;
    super({ highWaterMark: place.highWaterMark, ...(encoding && { encoding }) });
    this.#from = from;
    this.#offset = place.start ?? 0;
    this.#end = place.end;
    // Not by the constructor of Readable, which would destroy what is not yet made.
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  override _construct(done: Done): void {
    const opened = (file: File): void => {
      this.#file = file;
      if (this.#passing !== undefined) process.nextTick(this.#passing.begin);
    };
    construct(this, this.#from, 'r', opened, done);
  }

  /**
   * Into a socket of this library the file goes by itself, and nothing of it comes here; unless
   * somebody else reads from this stream, too.
   */
  override pipe<Target extends NodeJS.WritableStream>(
    target: Target,
    options?: { end?: boolean },
  ): Target {
    if (this.#passing !== undefined || !takesFiles(target) || !this.#untouched) {
      return super.pipe(target, options);
    }
    const taker: TakesFiles = target;
    const begin = (): void => this.#pass(target, taker, options);
    this.#passing = { target, begin };
    // Whoever comes in this turn reads with it.
    if (this.#file !== undefined) process.nextTick(begin);
    return target;
  }

  override unpipe(target?: NodeJS.WritableStream): this {
    if (target === undefined || target === this.#passing?.target) this.#endPassing();
    return super.unpipe(target);
  }

  get #untouched(): boolean {
    const { readableFlowing, readableEncoding, readableLength, destroyed } = this;
    if (readableFlowing !== null || readableEncoding !== null || destroyed) return false;
    return readableLength === 0 && this.bytesRead === 0 && this.listenerCount('readable') === 0;
  }

  #pass(
    target: NodeJS.WritableStream,
    taker: TakesFiles,
    options: { end?: boolean } | undefined,
  ): void {
    const passing = this.#passing;
    if (passing?.target !== target || this.destroyed) return;
    /** Its end, what was added meanwhile, and errors are found in the ordinary way. */
    const goOn = (): void => {
      this.#passing = undefined;
      if (this.#wanted > 0) this._read(this.#wanted);
      if (!passing.ended && !this.destroyed && target.writable) super.pipe(target, options);
    };
    const { fd } = this.#file as File;
    // Of an open file it is in memory: there is no disk to wait for.
    const length = this.#untouched && !fd.closed ? this.#lengthOf(fstat(fd.fd)) : 0;
    if (length <= 0 || passing.ended) {
      goOn();
      return;
    }
    passing.cancel = taker[takeFile](fd, this.#offset, length, (_result, bytes) => {
      this.#offset += bytes;
      this.bytesRead += bytes;
      goOn();
    });
    if (passing.cancel === undefined) goOn();
  }

  #lengthOf(stats: Stats): number {
    return stats.isFile() ? Math.min(stats.size, this.#end + 1) - this.#offset : 0;
  }

  #endPassing(): void {
    const passing = this.#passing;
    if (passing === undefined) return;
    passing.ended = true;
    passing.cancel?.();
  }

  override _read(size: number): void {
    if (this.#passing !== undefined) {
      // From where the file is then.
      this.#wanted = size;
      return;
    }
    this.#wanted = 0;
    const length = Math.min(size, this.#end - this.#offset + 1);
    if (length <= 0) {
      this.push(null);
      return;
    }
    // Of its own, since the reader keeps it.
    const target = Buffer.allocUnsafeSlow(length);
    const options = { offset: this.#offset, signal: this.#stop.signal };
    Promise.resolve()
      .then(() => (this.#file as File).read(target, options))
      .then(
        (count) => {
          this.#offset += count;
          this.bytesRead += count;
          this.push(count === 0 ? null : target.subarray(0, count));
        },
        (error: Error) => this.destroy(error),
      );
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#stop.abort();
    this.#endPassing();
    if (!(this.#from instanceof File)) this.#file?.close();
    done(error);
  }
}

class FileWritable extends Writable {
  bytesWritten = 0;
  readonly #to: PathLike | File;
  readonly #how: OpenLetters | FileOpenOptions;
  #file: File | undefined = undefined;
  #offset: number | undefined;
  readonly #stop = new AbortController();

  constructor(to: PathLike | File, options: WriteStreamOptions, place: Place) {
    const { signal } = options;
    super({ highWaterMark: place.highWaterMark });
    this.#to = to;
    this.#how = options.flags ?? 'w';
    this.#offset = place.start;
    if (signal !== undefined) addAbortSignal(signal, this);
  }

  override _construct(done: Done): void {
    const opened = (file: File): void => {
      this.#file = file;
    };
    construct(this, this.#to, this.#how, opened, done);
  }

  #place(): OffsetOptions {
    const { signal } = this.#stop;
    return this.#offset === undefined ? { signal } : { offset: this.#offset, signal };
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    for (const chunk of chunks) {
      await (this.#file as File).writeAll(chunk, this.#place());
      if (this.#offset !== undefined) this.#offset += chunk.byteLength;
      this.bytesWritten += chunk.byteLength;
    }
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#write([chunk]).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: Done): void {
    const joined = chunks.length === 1 ? chunks.map(({ chunk }) => chunk) : [join(chunks)];
    this.#write(joined).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#stop.abort();
    if (!(this.#to instanceof File)) this.#file?.close();
    done(error);
  }
}

const join = (chunks: { chunk: Uint8Array }[]): Buffer =>
  Buffer.concat(chunks.map(({ chunk }) => chunk));

export type FileReadStream = Readable & { readonly bytesRead: number };
export type FileWriteStream = Writable & { readonly bytesWritten: number };

/**
 * A Node stream of a file, or of a part of it. Piped into a `Socket` of `nearmetal/net`, also by
 * `pipeline`, the bytes go by sendfile and are no 'data' here.
 *
 * @man pread(2), sendfile(2)
 */
export function createReadStream(
  from: PathLike | File,
  options: ReadStreamOptions = {},
): FileReadStream {
  onlyKeys('options', options, ['start', 'end', 'highWaterMark', 'encoding', 'signal']);
  abortSignal('signal', options.signal);
  return new FileReadable(from, options, placeOf(options));
}

/** A Node stream into a file. @man pwrite(2) */
export function createWriteStream(
  to: PathLike | File,
  options: WriteStreamOptions = {},
): FileWriteStream {
  onlyKeys('options', options, ['start', 'flags', 'highWaterMark', 'signal']);
  abortSignal('signal', options.signal);
  return new FileWritable(to, options, placeOf(options));
}

/** As `createReadStream`, as a stream of the web. */
export function readableStream(
  from: PathLike | File,
  options: Omit<ReadStreamOptions, 'encoding'> = {},
): ReadableStream<Uint8Array> {
  return Readable.toWeb(createReadStream(from, options)) as ReadableStream<Uint8Array>;
}

/** As `createWriteStream`, as a stream of the web. */
export function writableStream(
  to: PathLike | File,
  options: WriteStreamOptions = {},
): WritableStream<Uint8Array> {
  return Writable.toWeb(createWriteStream(to, options)) as WritableStream<Uint8Array>;
}
