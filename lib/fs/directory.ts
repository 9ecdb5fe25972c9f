/** Directories: their entries by the thousand (getdents64 in large batches), walks, and removal. */
import { EEXIST, EISDIR, ENOTEMPTY, EPERM, O_DIRECTORY } from '../abi.js';
import { check, systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import { Mapping } from '../memory/mapping.js';
import { type PathLike, pathBytes, shownPath } from '../path.js';
import { poolGetdents64 } from '../pool/calls.js';
import { type FileType, fileType } from '../ring/ops/file-status.js';
import { boolean, integer } from '../validate.js';
import type { Signal } from './calls.js';
import { calls } from './choose.js';
import { eachRecord, type Visit } from './directory-records.js';
import { about } from './failure.js';
import { READ_ONLY, type SignalOptions, signalOf } from './options.js';
import { isCode, lstat, MISSING, rmdir, unlink } from './paths.js';

/** Some 8000 names of ordinary length in one call. */
const BATCH_BYTES = 262_144;
/** Its types are those of a mode, without the bits below them. */
const TYPE_SHIFT = 12;

/** One name in a directory. */
export class DirectoryEntry {
  readonly name: string;
  /** The directory, as it was named. */
  readonly parentPath: string;
  /** 'unknown' where the file system does not tell: `lstat` does. */
  readonly type: FileType;
  readonly inode: number;

  /** @internal */
  constructor(name: string, parentPath: string, type: FileType, inode: number) {
    this.name = name;
    this.parentPath = parentPath;
    this.type = type;
    this.inode = inode;
  }

  get path(): string {
    const { parentPath, name } = this;
    return parentPath.endsWith('/') ? parentPath + name : `${parentPath}/${name}`;
  }

  isFile(): boolean {
    return this.type === 'file';
  }

  isDirectory(): boolean {
    return this.type === 'directory';
  }

  isSymbolicLink(): boolean {
    return this.type === 'symlink';
  }
}

/**
 * An open directory, entry by entry; leaving the loop closes it.
 *
 * @man getdents64(2)
 */
export class Directory implements AsyncIterable<DirectoryEntry>, AsyncDisposable, Disposable {
  readonly path: string;
  readonly #fd: OwnedFd;
  readonly #signal: Signal;
  #memory: Mapping | undefined;

  /** @internal */
  constructor(fd: OwnedFd, path: string, signal: Signal) {
    this.#fd = fd;
    this.path = path;
    this.#signal = signal;
    this.#memory = undefined;
  }

  /** @internal Visits the records of one call; false at the end. */
  async batch(visit: Visit): Promise<boolean> {
    this.#signal?.throwIfAborted();
    this.#memory ??= Mapping.anonymous({ size: BATCH_BYTES });
    const memory = this.#memory;
    const what = { path: this.path };
    const length = check(await poolGetdents64(this.#fd, memory), 'scandir', what);
    if (memory.disposed) return false;
    const { buffer } = memory.bytes;
    eachRecord(Buffer.from(buffer, 0, memory.size), length, visit);
    return length > 0;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<DirectoryEntry, void, undefined> {
    try {
      let entries: DirectoryEntry[] = [];
      const keep: Visit = (name, type, at, records) => {
        const inode = Number(records.readBigUInt64LE(at));
        entries.push(new DirectoryEntry(name, this.path, fileType(type << TYPE_SHIFT), inode));
      };
      for (let more = true; more; entries = []) {
        more = await this.batch(keep);
        yield* entries;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#fd.close();
    this.#memory?.dispose();
    this.#memory = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** Opens a directory. @errno ENOTDIR it is none @man openat(2) */
export async function opendir(path: PathLike, options: SignalOptions = {}): Promise<Directory> {
  const signal = signalOf(options);
  return openDirectory(path, signal, 'opendir');
}

async function openDirectory(path: PathLike, signal: Signal, syscall: string): Promise<Directory> {
  pathBytes('path', path);
  const shown = shownPath(path);
  const opening = calls().open(path, READ_ONLY | O_DIRECTORY, 0, signal);
  return new Directory(await about(opening, { syscall, path: shown }), shown, signal);
}

/** All names in a directory, in the order of the file system. @man getdents64(2) */
export async function readdir(path: PathLike, options: SignalOptions = {}): Promise<string[]> {
  const signal = signalOf(options);
  using directory = await openDirectory(path, signal, 'scandir');
  const names: string[] = [];
  while (await directory.batch((name) => void names.push(name)));
  return names;
}

/** As `readdir`, with what each is. */
export async function readEntries(
  path: PathLike,
  options: SignalOptions = {},
): Promise<DirectoryEntry[]> {
  const signal = signalOf(options);
  using directory = await openDirectory(path, signal, 'scandir');
  const entries: DirectoryEntry[] = [];
  for await (const entry of directory) entries.push(entry);
  return entries;
}

export interface WalkOptions extends SignalOptions {
  /** Directories below this one are not entered. Default: no limit. */
  maxDepth?: number;
  /** Called with a directory that cannot be read, which is then passed over. Default: it throws. */
  onError?: (error: unknown, path: string) => void;
}

/**
 * Everything below a directory: each directory before what is in it. Symbolic links are not
 * followed.
 *
 * @man getdents64(2)
 */
export function walk(
  path: PathLike,
  options: WalkOptions = {},
): AsyncGenerator<DirectoryEntry, void, undefined> {
  const signal = signalOf(options, 'maxDepth', 'onError');
  const deepest = integer('maxDepth', options.maxDepth ?? 2 ** 31 - 1, 0, 2 ** 31 - 1);
  pathBytes('path', path);
  return walkFrom(shownPath(path), deepest, signal, options.onError);
}

async function* walkFrom(
  top: string,
  deepest: number,
  signal: Signal,
  onError: WalkOptions['onError'],
): AsyncGenerator<DirectoryEntry, void, undefined> {
  const waiting = [{ path: top, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path, depth } = next;
    let entries: DirectoryEntry[];
    try {
      entries = await readEntries(path, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted || onError === undefined) throw error;
      onError(error, path);
      continue;
    }
    for (const found of entries) {
      const entry = found.type === 'unknown' ? await known(found) : found;
      if (entry.isDirectory() && depth < deepest)
        waiting.push({ path: entry.path, depth: depth + 1 });
      yield entry;
    }
  }
}

async function known({ name, parentPath, path, inode }: DirectoryEntry): Promise<DirectoryEntry> {
  return new DirectoryEntry(name, parentPath, (await lstat(path)).type, inode);
}

export interface RmOptions extends SignalOptions {
  /** Removes a directory with all that is in it. Default false. */
  recursive?: boolean;
  /** Is content when there is nothing of that name. Default false. */
  force?: boolean;
}

/** Files of a directory that are removed at once. */
const AT_ONCE = 64;

/**
 * Removes a file, or with `recursive` a directory and all that is in it. Symbolic links are
 * removed, and not followed.
 *
 * @errno EISDIR it is a directory, and `recursive` was not asked for
 * @man unlink(2), rmdir(2)
 */
export async function rm(path: PathLike, options: RmOptions = {}): Promise<void> {
  const signal = signalOf(options, 'recursive', 'force');
  const recursive = boolean('recursive', options.recursive ?? false);
  const force = boolean('force', options.force ?? false);
  pathBytes('path', path);
  const within = signal ? { signal } : {};
  try {
    const { type } = await lstat(path, within);
    if (type !== 'directory') await unlink(path, within);
    else if (recursive) await rmTree(shownPath(path), within);
    else throw systemError(-EISDIR, 'rm', { path: shownPath(path) });
  } catch (error) {
    if (!force || !isCode(error, ...MISSING)) throw error;
  }
}

async function rmTree(path: string, within: SignalOptions): Promise<void> {
  const entries = await readEntries(path, within);
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    await Promise.all(entries.slice(at, at + AT_ONCE).map((entry) => rmEntry(entry, within)));
  }
  try {
    await rmdir(path, within);
  } catch (error) {
    // Somebody has put something new into it: once more.
    if (!isCode(error, ENOTEMPTY, EEXIST)) throw error;
    await rmTree(path, within);
  }
}

async function rmEntry(entry: DirectoryEntry, within: SignalOptions): Promise<void> {
  try {
    if (entry.isDirectory()) await rmTree(entry.path, within);
    else await unlink(entry.path, within);
  } catch (error) {
    if (isCode(error, EISDIR, EPERM) && (await known(entry)).isDirectory()) {
      await rmTree(entry.path, within);
    } else if (!isCode(error, ...MISSING)) throw error;
  }
}
