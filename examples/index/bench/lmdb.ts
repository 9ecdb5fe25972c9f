/** lmdb, the package to be compared with, where it is installed. */
import { entries } from './data.js';

export interface Lmdb {
  getBinary(key: string): Buffer | undefined;
  getBinaryFast(key: string): Buffer | undefined;
  getRange(options: { start: string; limit: number }): Iterable<{ key: string; value: Buffer }>;
  put(key: string, value: Buffer): Promise<boolean>;
  close(): Promise<void>;
}

interface Package {
  open(options: object): Lmdb;
}

/** With `count` entries; undefined, and the reason on stderr, where it is not installed. */
export async function openLmdb(path: string, count: number): Promise<Lmdb | undefined> {
  try {
    const { open }: Package = await import('lmdb' as string);
    // Keys are texts, which is what it is fastest with, and values what they are.
    const database = open({ path, encoding: 'binary', mapSize: 2 ** 34 });
    let last: Promise<boolean> | undefined;
    for (const { key, value } of entries(count)) last = database.put(key, Buffer.from(value));
    await last;
    return database;
  } catch (error) {
    console.error(`without lmdb (npm install lmdb): ${(error as Error).message}`);
    return undefined;
  }
}
