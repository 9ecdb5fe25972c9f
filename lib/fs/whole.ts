/** Whole files: read, and written, in one step if asked. */
import { EFBIG, EINVAL } from '../abi.js';
import { systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { boolean, bytesView, invalidType } from '../validate.js';
import type { FileCalls, Signal } from './calls.js';
import { calls } from './choose.js';
import { about } from './failure.js';
import { modeBits, READ_ONLY, REPLACE, type SignalOptions, signalOf } from './options.js';
import { type Replacing, replaceWith } from './replace.js';

/**
 * At once: what staging keeps, and little enough not to hold the loop up. What is in the page cache
 * is there at once, and fresh memory faults at each page: others get their turn after each.
 */
const CHUNK_BYTES = 1 << 20;
/** As far as a Buffer goes in every Node that we know. */
const FILE_MAX = 2 ** 32;

export interface ReadFileOptions extends SignalOptions {
  /** Gives a string. Default: a Buffer. */
  encoding?: BufferEncoding | undefined;
}

/**
 * All of a file.
 *
 * @errno EFBIG it has more than 4 GiB: read it in parts
 * @kernel 5.6 IORING_OP_READ
 * @man read(2)
 */
export function readFile(
  path: PathLike,
  options: ReadFileOptions & { encoding: BufferEncoding },
): Promise<string>;
export function readFile(path: PathLike, options?: SignalOptions): Promise<Buffer>;
export async function readFile(
  path: PathLike,
  options: ReadFileOptions = {},
): Promise<string | Buffer> {
  const signal = signalOf(options, 'encoding');
  const { encoding } = options;
  if (encoding !== undefined && !Buffer.isEncoding(encoding)) {
    throw invalidType('encoding', 'the name of an encoding', encoding);
  }
  pathBytes('path', path);
  const shown = shownPath(path);
  const now = calls();
  using fd = await about(now.open(path, READ_ONLY, 0, signal), { syscall: 'open', path: shown });
  const bytes = await about(readAll(now, fd, signal), { syscall: 'read', path: shown });
  return encoding === undefined ? bytes : bytes.toString(encoding);
}

async function readAll(now: FileCalls, fd: OwnedFd, signal: Signal): Promise<Buffer> {
  const { size, type } = await now.statx(fd, false, signal);
  if (size > FILE_MAX) throw systemError(-EFBIG, 'read');
  // What has no size, as in /proc, is read until its end.
  let bytes = Buffer.allocUnsafeSlow(type === 'file' && size > 0 ? size : 8192);
  let length = 0;
  for (;;) {
    if (length === bytes.length) {
      // It may have grown: one read more finds the end without a larger buffer.
      const rest = Buffer.allocUnsafe(4096);
      const count = await now.read(fd, rest, positionOf(type, length), signal);
      if (count === 0) return bytes;
      const grown = Buffer.allocUnsafeSlow(Math.max(length * 2, length + count));
      bytes.copy(grown);
      rest.copy(grown, length, 0, count);
      bytes = grown;
      length += count;
      continue;
    }
    const target = bytes.subarray(length, Math.min(length + CHUNK_BYTES, bytes.length));
    const count = await now.read(fd, target, positionOf(type, length), signal);
    if (count === 0) return bytes.subarray(0, length);
    await othersTurn(length, count);
    length += count;
  }
}

/** After each `CHUNK_BYTES` of a file, when `count` bytes come to the `done` that were before. */
async function othersTurn(done: number, count: number): Promise<void> {
  if (Math.floor(done / CHUNK_BYTES) === Math.floor((done + count) / CHUNK_BYTES)) return;
  await new Promise((resolve) => setImmediate(resolve));
}

/** Pipes and the like have no offsets. */
const positionOf = (type: string, length: number): number => (type === 'file' ? length : -1);

export interface WriteFileOptions extends SignalOptions {
  /**
   * Replaces the file in one step: written beside it under another name, synced, and renamed, so
   * that others see the old contents or the new, also after a power failure. The mode of a file
   * that is there is kept. Default false.
   */
  atomic?: boolean;
  /** Waits until it is durable. Default: as `atomic`. */
  sync?: boolean;
  /** Of a new file, less the umask. Default 0o666. */
  mode?: number;
}

/**
 * Makes a file of these contents.
 *
 * @errno ENOSPC there is no room; with `atomic` the file is as it was
 * @kernel 5.6 IORING_OP_WRITE
 * @man write(2), rename(2), fsync(2)
 */
export async function writeFile(
  path: PathLike,
  data: string | ArrayBufferView,
  options: WriteFileOptions = {},
): Promise<void> {
  const signal = signalOf(options, 'atomic', 'sync', 'mode');
  const atomic = boolean('atomic', options.atomic ?? false);
  const sync = boolean('sync', options.sync ?? atomic);
  const mode = modeBits(options.mode, 0o666);
  pathBytes('path', path);
  const view = typeof data === 'string' ? Buffer.from(data) : bytesView('data', data);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const shown = shownPath(path);
  if (atomic) await replace(shown, bytes, { sync, mode, signal });
  else {
    const now = calls();
    const opening = now.open(path, REPLACE, mode, signal);
    using fd = await about(opening, { syscall: 'open', path: shown });
    await about(writeAll(now, fd, bytes, signal), { syscall: 'write', path: shown });
    if (sync) await about(now.fsync(fd, false, signal), { syscall: 'fsync', path: shown });
  }
}

async function writeAll(
  now: FileCalls,
  fd: OwnedFd,
  bytes: Uint8Array,
  signal: Signal,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const source = bytes.subarray(done, done + CHUNK_BYTES);
    const count = await now.write(fd, source, -1, signal);
    if (count === 0) throw systemError(-EINVAL, 'write');
    await othersTurn(done, count);
    done += count;
  }
}

async function replace(path: string, bytes: Uint8Array, how: Replacing): Promise<void> {
  const now = calls();
  await replaceWith(now, path, how, async (file) => {
    await about(writeAll(now, file, bytes, how.signal), { syscall: 'write', path });
  });
}
