/** Finds the file that answers a request, none of whose names lead out of the root. */
import { fstatSync, type Stats } from 'node:fs';
import { adopt, type File, openBeneath } from 'nearmetal/fs';
import type { Encoding } from './names.js';

/** A file to send; `file` is open, and the finder's caller closes it. */
export interface FoundFile {
  readonly what: 'file';
  readonly file: File;
  readonly stats: Stats;
  /** Where it is, below the root. */
  readonly path: string;
  /** What it is without its encoding. */
  readonly name: string;
  readonly encoding: Encoding | undefined;
}

/** A folder; `file` is open, and the finder's caller closes it. */
export interface FoundFolder {
  readonly what: 'folder';
  readonly file: File;
}

interface Opened {
  readonly file: File;
  readonly stats: Stats;
}

/** Undefined where there is nothing of that name. */
async function opened(root: string, path: string): Promise<Opened | undefined> {
  try {
    const file = adopt(await openBeneath(root, path.replace(/^\/+/, '') || '.'), path);
    return { file, stats: fstatSync(file.fd.fd) };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(code)) return undefined;
    throw error;
  }
}

/** The file in the best encoding that there is; undefined where there is nothing of that name. */
export async function find(
  root: string,
  path: string,
  encodings: readonly Encoding[],
): Promise<FoundFile | FoundFolder | undefined> {
  const plain = await opened(root, path);
  if (plain === undefined) return undefined;
  if (plain.stats.isDirectory()) {
    if (!path.endsWith('/')) return { what: 'folder', file: plain.file };
    const index = await find(root, `${path}index.html`, encodings);
    if (index?.what !== 'file') {
      index?.file.close();
      return { what: 'folder', file: plain.file };
    }
    plain.file.close();
    return index;
  }
  if (!plain.stats.isFile()) {
    plain.file.close();
    return undefined;
  }
  for (const encoding of encodings) {
    const coded = await opened(root, path + encoding.ending);
    if (coded?.stats.isFile()) {
      plain.file.close();
      return { what: 'file', ...coded, path: path + encoding.ending, name: path, encoding };
    }
    coded?.file.close();
  }
  return { what: 'file', ...plain, path, name: path, encoding: undefined };
}
