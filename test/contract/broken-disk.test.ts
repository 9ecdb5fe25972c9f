/** A disk that fails in its middle: a loop device whose file has become shorter gives EIO there. */
import { spawnSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createReadStream, type File, open, readBatch } from 'nearmetal/fs';
import { sendFile } from 'nearmetal/zerocopy';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { pairOf } from '../support/connections.js';
import { needs } from '../support/needs.js';
import { folder, pattern } from '../support/ring.js';

const GOOD = 2 ** 20;
const ALL = 8 * GOOD;
const bytes = pattern(GOOD);

async function brokenDisk(context: TestContext): Promise<File> {
  const path = join(folder(), 'disk');
  writeFileSync(path, bytes);
  truncateSync(path, ALL);
  // Direct: through the page cache, old kernels read zeros where the file has no more.
  const words = ['--direct-io=on', '-f', '--show', path];
  const { status, stdout } = spawnSync('losetup', words, { encoding: 'utf8' });
  context.skip(status !== 0, 'no loop device can be had here');
  const device = stdout.trim();
  truncateSync(path, GOOD);
  const file = await open(device);
  onTestFinished(() => {
    file.close();
    spawnSync('losetup', ['-d', device]);
  });
  return file;
}

const broken = { code: 'EIO', errno: -5 };

onEachBackend((backend) => {
  needs('root', 'program:losetup');

  test('what was good is sent, and counted; the connection stays', async (context) => {
    const file = await brokenDisk(context);
    const { near, far } = await pairOf(backend);
    const parts: Uint8Array[] = [];
    const reading = (async () => {
      for await (const part of far) parts.push(part);
    })();
    const sending = sendFile(near, file, { offset: 4096, length: ALL - 4096 });
    await expect(sending).rejects.toMatchObject({ ...broken, bytesSent: GOOD - 4096 });
    await near.end('after');
    await reading;
    const came = Buffer.concat(parts);
    expect(came.subarray(GOOD - 4096).toString()).toBe('after');
    expect(came.subarray(0, GOOD - 4096).equals(bytes.subarray(4096))).toBe(true);
  });
});

test('reads, batches and streams tell which failed', async (context) => {
  needs('root', 'program:losetup');
  const file = await brokenDisk(context);
  const target = new Uint8Array(4096);
  await expect(file.read(target, { offset: 4 * GOOD })).rejects.toMatchObject(broken);
  expect(await file.read(target, { offset: GOOD - 4096 })).toBe(4096);
  expect(Buffer.compare(target, bytes.subarray(GOOD - 4096))).toBe(0);
  const batch = await readBatch(file, [0, 4 * GOOD, 8192], 4096, new Uint8Array(3 * 4096));
  expect([...batch.results]).toEqual([4096, -5, 4096]);
  expect(batch.error(1)).toMatchObject(broken);
  let length = 0;
  const streaming = async (): Promise<void> => {
    for await (const part of createReadStream(file.path)) length += (part as Buffer).length;
  };
  await expect(streaming()).rejects.toMatchObject(broken);
  expect(length).toBe(GOOD);
});
