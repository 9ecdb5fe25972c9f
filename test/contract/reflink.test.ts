/** Copies that share the blocks of the file, on the file systems that can. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyFile } from 'nearmetal/fs';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { needs } from '../support/needs.js';
import { folder, pattern } from '../support/ring.js';

const MIB = 2 ** 20;

/** A new file system of its own, in a file. */
function mounted(kind: string, { skip }: TestContext): string {
  const place = folder();
  const [image, at] = [join(place, 'image'), join(place, 'disk')];
  writeFileSync(image, '');
  // What xfs needs at least.
  truncateSync(image, 320 * MIB);
  mkdirSync(at);
  const made = spawnSync(`mkfs.${kind}`, ['-q', image], { encoding: 'utf8' });
  expect(made.stderr).toBe('');
  const { status } = spawnSync('mount', ['-o', 'loop', image, at]);
  skip(status !== 0, `${kind} cannot be mounted here`);
  onTestFinished(() => void spawnSync('umount', [at]));
  return at;
}

const sync = (at: string): unknown => spawnSync('sync', ['-f', at]);
const usedMiB = (at: string): number => {
  const { bsize, blocks, bfree } = statfsSync(at);
  return (bsize * (blocks - bfree)) / MIB;
};

test.for(['btrfs', 'xfs'])(
  '%s: a copy shares the blocks until one is written',
  async (kind, context) => {
    needs('root', 'proc', `program:mkfs.${kind}`);
    const at = mounted(kind, context);
    const bytes = pattern(32 * MIB);
    const source = join(at, 'source');
    writeFileSync(source, bytes);
    sync(at);
    const before = usedMiB(at);
    for (const [name, how] of Object.entries({
      tried: {},
      forced: { reflink: 'force' },
      atomic: { reflink: 'force', atomic: true },
    } as const)) {
      expect(await copyFile(source, join(at, name), how)).toBe(bytes.length);
      expect(readFileSync(join(at, name)).equals(bytes)).toBe(true);
    }
    sync(at);
    expect(usedMiB(at) - before).toBeLessThan(8);
    expect(await copyFile(source, join(at, 'never'), { reflink: 'never' })).toBe(bytes.length);
    writeFileSync(join(at, 'tried'), 'other', { flag: 'r+' });
    expect(readFileSync(source).equals(bytes)).toBe(true);
    expect(readFileSync(join(at, 'never')).equals(bytes)).toBe(true);
  },
);

test('shared blocks are refused between two file systems', async (context) => {
  needs('root', 'proc', 'program:mkfs.btrfs');
  const source = join(mounted('btrfs', context), 'source');
  const target = join(mounted('btrfs', context), 'target');
  writeFileSync(source, 'bytes');
  const forced = copyFile(source, target, { reflink: 'force' });
  await expect(forced).rejects.toMatchObject({ code: 'EXDEV' });
  expect(await copyFile(source, target)).toBe(5);
  expect(readFileSync(target, 'utf8')).toBe('bytes');
});
