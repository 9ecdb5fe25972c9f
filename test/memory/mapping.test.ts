/** Mapping: memory that the kernel may use, and when it is given back. */
import { Mapping } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { EINVAL, MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import {
  bytesOf,
  expectRefusal,
  later,
  openRing,
  pipe,
  RANGE,
  TYPE,
  text,
  turn,
  until,
  VALUE,
} from '../support/ring.js';

const regions = (): number => native.regionStats().regions;

test('is zeroed, in whole pages', () => {
  using mapping = Mapping.anonymous({ size: 5000 });
  expect(mapping.size).toBe(8192);
  expect(mapping.bytes.length).toBe(8192);
  expect(mapping.bytes.byteOffset).toBe(0);
  expect(mapping.bytes.every((byte) => byte === 0)).toBe(true);
  mapping.bytes[8191] = 7;
  expect(mapping.bytes.at(-1)).toBe(7);
  using lazy = Mapping.anonymous({ size: 1 << 30, populate: false });
  lazy.bytes[(1 << 30) - 1] = 1;
  expect(lazy.bytes.length).toBe(1 << 30);
});

test('is found by any view of it', () => {
  using mapping = Mapping.anonymous({ size: 4096 });
  expect(Mapping.of(mapping.bytes)).toBe(mapping);
  expect(Mapping.of(mapping.bytes.subarray(5, 9))).toBe(mapping);
  expect(Mapping.of(new DataView(mapping.bytes.buffer, 8))).toBe(mapping);
  expect(Mapping.of(new Uint8Array(8))).toBe(undefined);
});

test('dispose empties every view at once, and twice is once', () => {
  const before = regions();
  const mapping = Mapping.anonymous({ size: 4096 });
  const views = [mapping.bytes.subarray(8), new Float64Array(mapping.bytes.buffer)];
  expect(regions()).toBe(before + 1);
  mapping.dispose();
  mapping.dispose();
  expect(mapping.disposed).toBe(true);
  expect(mapping.bytes.length).toBe(0);
  expect(views.map((view) => view.length)).toEqual([0, 0]);
  expect(Mapping.of(mapping.bytes)).toBe(undefined);
});

test('the memory is gone after dispose', async () => {
  const before = regions();
  {
    using _mapping = Mapping.anonymous({ size: 1 << 20 });
    expect(regions()).toBe(before + 1);
  }
  await until(() => regions() <= before);
});

test('a disposed mapping is refused by operations, old and new', async () => {
  const ring = openRing();
  const { op } = await import('nearmetal/ring');
  const ends = pipe();
  const mapping = Mapping.anonymous({ size: 4096 });
  const operation = op.read(ends, mapping.bytes);
  mapping.dispose();
  expect(() => ring.run(operation)).toThrow('disposed');
  expectRefusal(() => op.read(ends, mapping.bytes), VALUE, 'detached');
});

test('disposed in flight, it stays mapped until the operation has ended', async () => {
  const ring = openRing();
  const ends = pipe();
  const before = regions();
  const mapping = Mapping.anonymous({ size: 4096 });
  const waiting = ring.read(ends, mapping.bytes);
  await ring.nop();
  expect(mapping.inFlight).toBe(1);
  mapping.dispose();
  expect(mapping.bytes.length).toBe(0);
  await turn();
  expect(regions()).toBe(before + 1);
  await ring.write(ends, bytesOf('into the void'));
  expect(await waiting).toBe(13);
  expect(mapping.inFlight).toBe(0);
  await until(() => regions() <= before + 1);
  ring.unref();
});

test('forgotten mappings are collected', async () => {
  const before = regions();
  const forget = (): void => {
    for (let index = 0; index < 50; index++) Mapping.anonymous({ size: 4096 }).bytes[0] = 1;
  };
  forget();
  expect(regions()).toBeGreaterThan(before + 40);
  await until(() => {
    globalThis.gc?.();
    return regions() <= before;
  });
});

test('forgotten mappings that rings have used are collected', async () => {
  const ring = openRing();
  const ends = pipe();
  await ring.write(ends, bytesOf('x'));
  const before = regions();
  const use = async (): Promise<void> => {
    for (let index = 0; index < 20; index++) {
      const mapping = Mapping.anonymous({ size: 4096 });
      await ring.write(ends, mapping.bytes.subarray(0, 8));
    }
  };
  await use();
  await until(() => {
    globalThis.gc?.();
    return regions() <= before;
  });
});

test('a mapping that is forgotten in flight is kept for the operation', async () => {
  const ring = openRing();
  const ends = pipe();
  const start = (): Promise<number> => {
    const mapping = Mapping.anonymous({ size: 4096 });
    return ring.read(ends, mapping.bytes.subarray(100, 200));
  };
  // The ring maps memory of its own for the first bytes that it copies.
  await ring.write(ends, bytesOf('x'));
  await ring.read(ends, new Uint8Array(1));
  const waiting = later(start());
  await ring.nop();
  const during = regions();
  for (let index = 0; index < 5; index++) {
    globalThis.gc?.();
    await turn();
  }
  expect(regions()).toBe(during);
  await ring.write(ends, bytesOf('kept'));
  expect(await waiting).toBe(4);
  await until(() => {
    globalThis.gc?.();
    return regions() < during;
  });
});

test('the bytes outlive a forgotten owner', async () => {
  const take = (): Uint8Array => {
    const { bytes } = Mapping.anonymous({ size: 4096 });
    bytes.set(bytesOf('still here'));
    return bytes.subarray(0, 10);
  };
  const bytes = take();
  for (let index = 0; index < 5; index++) {
    globalThis.gc?.();
    await turn();
  }
  expect(text(bytes)).toBe('still here');
});

test('its buffer cannot be taken away by a transfer', async () => {
  const mapping = Mapping.anonymous({ size: 4096 });
  const moved = (() => {
    try {
      return structuredClone(mapping.bytes.buffer, { transfer: [mapping.bytes.buffer] });
    } catch (error) {
      return error;
    }
  })();
  // Node copies or refuses; what is never given away is the memory under a running operation.
  if (moved instanceof ArrayBuffer) expect(moved.byteLength).toBe(4096);
  mapping.dispose();
});

test('what cannot be had is an error', () => {
  const none = (options: unknown) => () => Mapping.anonymous(options as never);
  expectRefusal(none(undefined), TYPE, 'options');
  expectRefusal(none({}), TYPE, '"size"');
  expectRefusal(none({ size: 0 }), RANGE, '"size"');
  expectRefusal(none({ size: 1.5 }), RANGE, '"size"');
  expectRefusal(none({ size: 2 ** 47 }), RANGE, '"size"');
  expectRefusal(none({ size: 1, populate: 1 }), TYPE, '"populate"');
  expectRefusal(none({ length: 1 }), VALUE, '"length"');
  expect(none({ size: 2 ** 45, populate: false })).toThrow(
    expect.objectContaining({ message: expect.stringMatching(/ENOMEM|array buffer|ArrayBuffer/) }),
  );
});

test('steps so large that their sum wraps around reach no memory', () => {
  const access = PROT_READ | PROT_WRITE;
  const region = native.regionMap(0, 4096, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const status = new Int32Array(5);
  // Four of them are 2^64.
  expect(native.regionTouch(region, 0, 2 ** 62, status.length, false)).toBe(-EINVAL);
  expect(native.movePages(region, 0, 2 ** 62, null, status, 0)).toBe(-EINVAL);
  native.regionRelease(region, false);
});
