/** read_multishot, and reads and writes of many pieces of registered memory. */
import { readFileSync } from 'node:fs';
import { Mapping, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  expectRefusal,
  fileOf,
  openPlain,
  openRing,
  openWith,
  pattern,
  pipe,
  TYPE,
  text,
  VALUE,
} from '../../support/ring.js';

test('reads all that comes through a pipe into provided buffers', async () => {
  needs('register:PBUF_RING');
  const ring = openRing();
  const through = pipe();
  using buffers = ring.provideBuffers({ count: 8, size: 16 });
  const received: string[] = [];
  await ring.write(through, bytesOf('more than sixteen bytes'));
  for await (using lease of ring.readMultishot(through, { buffers })) {
    received.push(text(lease.bytes));
    if (received.length === 2) await ring.write(through, bytesOf('third'));
    if (received.length === 3) break;
  }
  expect(received).toEqual(['more than sixtee', 'n bytes', 'third']);
  expect(buffers.available).toBe(8);
  expect(ring.stats.inFlight).toBe(0);
});

test('goes on where buffers ran out, and ends with the writer', async () => {
  needs('op:PIPE');
  const ring = openRing();
  const { read, write } = await ring.pipe();
  using buffers = ring.provideBuffers({ count: 2, size: 4096 });
  const bytes = pattern(100_000);
  const writing = (async () => {
    for (let sent = 0; sent < bytes.length; ) {
      await ring.pollAdd(write, ['out']);
      sent += await ring.write(write, bytes.subarray(sent));
    }
    write.close();
  })();
  const parts: Uint8Array[] = [];
  for await (using lease of ring.readMultishot(read, { buffers })) parts.push(lease.copy());
  await writing;
  expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
  expect(ring.stats.bufferShortages).toBeGreaterThan(0);
  read.close();
});

test('a file cannot be read so', async () => {
  needs('op:READ_MULTISHOT');
  const ring = openRing();
  using buffers = ring.provideBuffers({ count: 2, size: 16 });
  const reading = ring.readMultishot(openWith('x'), { buffers });
  await expect(reading.next()).rejects.toMatchObject({
    code: 'EBADFD',
    syscall: 'io_uring:read_multishot',
  });
  expectRefusal(() => op.readMultishot(openWith('x'), {} as never), TYPE, '"options.buffers"');
  expectRefusal(() => ring.readMultishot(3 as never, { buffers }), TYPE, '"fd"');
});

test('readvFixed and writevFixed use registered memory, of one mapping', async () => {
  needs('op:WRITEV_FIXED');
  const ring = openRing();
  const path = fileOf('');
  const file = openPlain(path);
  using mapping = Mapping.anonymous({ size: 64 << 10 });
  using other = Mapping.anonymous({ size: 4096 });
  using _registered = ring.registerBuffers([other, mapping]);
  mapping.bytes.set(pattern(64 << 10));
  const [first, second] = [mapping.bytes.subarray(50_000, 60_000), mapping.bytes.subarray(7, 77)];
  const together = Buffer.concat([first, second]);
  expect(await ring.writevFixed(file, [first, second], { offset: 0 })).toBe(together.length);
  expect(readFileSync(path)).toEqual(together);
  mapping.bytes.fill(0);
  expect(await ring.readvFixed(file, [second, first], { offset: 0 })).toBe(together.length);
  expect(Buffer.concat([second, first])).toEqual(together);
  const views = [mapping.bytes.subarray(0, 1), other.bytes.subarray(0, 1)];
  expectRefusal(() => ring.readvFixed(file, views), VALUE, 'views of one Mapping');
  expectRefusal(() => ring.writevFixed(file, [new Uint8Array(1)]), VALUE, 'one Mapping');
  using loose = Mapping.anonymous({ size: 4096 });
  expect(() => ring.readvFixed(file, [loose.bytes])).toThrow('not registered');
  await expect(ring.writevFixed(openPlain(path, 0), [first])).rejects.toMatchObject({
    code: 'EBADF',
    syscall: 'io_uring:writev_fixed',
  });
});
