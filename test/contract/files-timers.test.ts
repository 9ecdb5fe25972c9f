/** Files by offset, and timers. */
import { closeSync, openSync, readFileSync } from 'node:fs';
import { OwnedFd } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { EBADF, ECANCELED } from '../../lib/abi.js';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import { fileOf, openPlain, pattern, until } from '../support/ring.js';
import { open, text } from './support.js';

onEachBackend((name) => {
  const done = (begin: (told: (result: number) => void) => unknown): Promise<number> =>
    new Promise((resolve) => void begin(resolve));

  test('files: read and written at offsets, with short reads and errors', async () => {
    needs('node:fs');
    const backend = open(name);
    const path = fileOf('0123456789');
    const file = openPlain(path);
    const target = new Uint8Array(4);
    expect(await done((told) => backend.read(file, target, 3, told))).toBe(4);
    expect(`${Buffer.from(target)}`).toBe('3456');
    expect(await done((told) => backend.read(file, target, 8, told))).toBe(2);
    expect(await done((told) => backend.read(file, target, 10, told))).toBe(0);
    expect(await done((told) => backend.write(file, text('abc'), 9, told))).toBe(3);
    expect(readFileSync(path, 'utf8')).toBe('012345678abc');
    const own = OwnedFd.adopt(openSync(path, 'r'));
    expect(await done((told) => backend.write(own, text('no'), 0, told))).toBe(-EBADF);
    expect(await done((told) => backend.read(own, target, -1, told))).toBe(4);
    expect(await done((told) => backend.read(own, target, -1, told))).toBe(4);
    expect(`${Buffer.from(target)}`).toBe('4567');
    own.close();
    expect(() => backend.read(own, target, 0, () => undefined)).toThrow('closed');
    expect(() => backend.read(file, target, 0.5, () => undefined)).toThrow(RangeError);
  });

  test('a file closed while it is read: its number is nobody else’s meanwhile', async () => {
    needs('node:fs');
    const backend = open(name);
    const path = fileOf(pattern(100_000));
    const other = fileOf(Buffer.alloc(100_000, 1));
    for (let round = 0; round < 50; round++) {
      const file = OwnedFd.adopt(openSync(path, 'r'));
      const target = new Uint8Array(100_000);
      const result = done((told) => backend.read(file, target, 0, told));
      file.close();
      const next = openSync(other, 'r');
      const count = await result;
      if (count > 0) expect(Buffer.compare(target, pattern(100_000))).toBe(0);
      else expect([-ECANCELED, -EBADF]).toContain(count);
      closeSync(next);
    }
  });

  test('timers end in order, and are cancelled', async () => {
    const backend = open(name);
    const order: string[] = [];
    backend.timer(30, (result) => order.push(`30: ${result}`));
    const given = backend.timer(60_000, (result) => order.push(`given up: ${result}`));
    backend.timer(1, (result) => order.push(`1: ${result}`));
    given.cancel();
    await until(() => order.length === 3);
    given.cancel();
    expect(order.filter((entry) => !entry.startsWith('given'))).toEqual(['1: 0', '30: 0']);
    expect(order).toContain(`given up: ${-ECANCELED}`);
    await until(() => backend.active === 0);
    expect(() => backend.timer(-1, () => undefined)).toThrow(RangeError);
  });
});
