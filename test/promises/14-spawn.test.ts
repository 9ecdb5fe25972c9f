/** Promise 14: starting a child loses no data that the kernel is writing to our memory. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Mapping } from '../../lib/memory/mapping.js';
import { needs } from '../support/needs.js';
import { folder, openRing, pattern } from '../support/ring.js';

const BLOCK = 4096;
const BLOCKS = 64;

/**
 * Up to 6.1 a fork makes pages of private memory that device writes are under way to a copy's: the
 * bytes then go to the child alone. Our mappings are not part of what a child gets.
 */
test('direct reads with children started in between are whole', async () => {
  needs('io_uring');
  const path = join(folder(), 'file');
  const contents = pattern(BLOCK * BLOCKS);
  writeFileSync(path, contents);
  const ring = openRing();
  const file = await ring.openat(path, { direct: true });
  using memory = Mapping.anonymous({ size: BLOCK * BLOCKS });
  for (let round = 0; round < 8; round++) {
    memory.bytes.fill(0);
    const reads = Array.from({ length: BLOCKS }, (_, index) => {
      const target = memory.bytes.subarray(index * BLOCK, (index + 1) * BLOCK);
      return ring.read(file, target, { offset: index * BLOCK, async: index % 2 === 0 });
    });
    ring.submit();
    expect(spawnSync('true').status).toBe(0);
    expect(await Promise.all(reads)).toEqual(reads.map(() => BLOCK));
    expect(memory.bytes.every((byte, at) => byte === contents[at])).toBe(true);
  }
  file.close();
});

test('a child has no page of a mapping', () => {
  using memory = Mapping.anonymous({ size: BLOCK });
  memory.bytes.fill(7);
  const [low, high] = [memory.addressLow >>> 0, memory.addressHigh >>> 0];
  const start = (high * 2 ** 32 + low).toString(16).padStart(8, '0');
  const flags = spawnSync('sed', ['-n', `/^${start}-/,/^VmFlags/p`, `/proc/${process.pid}/smaps`]);
  // "dc" is "do not copy on fork".
  expect(flags.stdout.toString()).toMatch(/^VmFlags:.* dc( |$)/m);
});
