/** Copies that fail on their way: with `atomic` the file that was there stays as it was. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyFile } from 'nearmetal/fs';
import { expect, onTestFinished, test } from 'vitest';
import { folder, pattern } from '../support/ring.js';

const bytes = pattern(300_000);

function files(): { source: string; target: string; names(): string[] } {
  const place = folder();
  const source = join(place, 'source');
  const target = join(place, 'target');
  writeFileSync(source, bytes, { mode: 0o604 });
  return { source, target, names: () => readdirSync(place).sort() };
}

test('an atomic copy takes the name of the old file, and its mode', async () => {
  const { source, target, names } = files();
  expect(await copyFile(source, target, { atomic: true })).toBe(bytes.length);
  expect(statSync(target).mode & 0o777).toBe(0o604);
  writeFileSync(target, 'old', { mode: 0o640 });
  const { ino } = statSync(target);
  expect(await copyFile(source, target, { atomic: true, reflink: 'never' })).toBe(bytes.length);
  expect(readFileSync(target).equals(bytes)).toBe(true);
  expect(statSync(target).ino).not.toBe(ino);
  expect(names()).toEqual(['source', 'target']);
});

test('an atomic and exclusive copy replaces nothing', async () => {
  const { source, target, names } = files();
  const how = { atomic: true, exclusive: true } as const;
  expect(await copyFile(source, target, how)).toBe(bytes.length);
  writeFileSync(target, 'old');
  await expect(copyFile(source, target, how)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(target, 'utf8')).toBe('old');
  expect(names()).toEqual(['source', 'target']);
});

test('given up in the middle, the old file is as it was', async () => {
  const { source, target, names } = files();
  truncateSync(source, 2 ** 36);
  writeFileSync(target, 'old');
  const stop = new AbortController();
  const copying = copyFile(source, target, { atomic: true, signal: stop.signal });
  setTimeout(() => stop.abort(), 10);
  await expect(copying).rejects.toMatchObject({ name: 'AbortError' });
  expect(readFileSync(target, 'utf8')).toBe('old');
  expect(names()).toEqual(['source', 'target']);
});

test('a full disk: an atomic copy leaves the old file, a new copy nothing', async (context) => {
  const place = folder();
  const words = ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', place];
  context.skip(spawnSync('mount', words).status !== 0, 'no file system can be mounted here');
  onTestFinished(() => void spawnSync('umount', [place]));
  const source = join(place, 'source');
  const target = join(place, 'target');
  writeFileSync(source, pattern(3_000_000));
  await expect(copyFile(source, target)).rejects.toMatchObject({ code: 'ENOSPC', path: source });
  expect(readdirSync(place)).toEqual(['source']);
  writeFileSync(target, 'old');
  const copying = copyFile(source, target, { atomic: true });
  await expect(copying).rejects.toMatchObject({ code: 'ENOSPC', path: source });
  expect(readFileSync(target, 'utf8')).toBe('old');
  expect(readdirSync(place).sort()).toEqual(['source', 'target']);
});
