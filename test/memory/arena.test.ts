/** Arena: pieces of one mapping, one after the other. */
import { Arena, Mapping } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { expectRefusal, openRing, openWith, RANGE, TYPE, text, VALUE } from '../support/ring.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

test('hands out aligned pieces that do not touch each other', () => {
  using arena = Arena.map({ size: 1 << 16 });
  const pieces = [3, 5, 100, 1, 0, 64].map((size) => arena.alloc(size));
  const page = arena.alloc(10, { align: 4096 });
  expect(page.byteOffset % 4096).toBe(0);
  for (const piece of pieces) expect(piece.byteOffset % 8).toBe(0);
  const all = [...pieces, page];
  all.forEach((piece, index) => {
    piece.fill(index + 1);
  });
  all.forEach((piece, index) => {
    expect(piece.every((byte) => byte === index + 1)).toBe(true);
  });
  expect(arena.used).toBe(4096 + 10);
  expect(arena.free).toBe(65_536 - 4106);
});

test('fills to the last byte, then says that it is full', () => {
  using arena = Arena.map({ size: 4096 });
  expect(arena.alloc(4096).length).toBe(4096);
  expect(() => arena.alloc(1)).toThrow(code('ERR_NEARMETAL_EXHAUSTED'));
  arena.reset();
  const piece = arena.alloc(4000);
  expect(() => arena.alloc(97)).toThrow('96 bytes left, 97 were asked for');
  expect(arena.alloc(96).byteOffset).toBe(piece.byteOffset + 4000);
});

test('a scope gives back what was allocated in it', () => {
  using arena = Arena.map({ size: 4096 });
  arena.alloc(16);
  {
    using _scope = arena.scope();
    arena.alloc(1000);
    expect(arena.used).toBe(1016);
  }
  expect(arena.used).toBe(16);
  const scope = arena.scope();
  arena.reset();
  scope[Symbol.dispose]();
  expect(arena.used).toBe(0);
});

test('its pieces go to the kernel in place, and are empty once it is gone', async () => {
  const ring = openRing();
  const arena = Arena.map({ size: 8192, hugePage: 'transparent', orElse: 'ordinary' });
  using _registered = ring.registerBuffers([arena.mapping]);
  const piece = arena.alloc(5, { align: 512 });
  expect(Mapping.of(piece)).toBe(arena.mapping);
  expect(await ring.readFixed(openWith('hello'), piece, { offset: 0 })).toBe(5);
  expect(text(piece)).toBe('hello');
  arena.dispose();
  expect(piece.length).toBe(0);
  expect(() => arena.alloc(1)).toThrow();
});

test('cuts from a mapping that is there already', () => {
  const mapping = Mapping.memfd({ size: 4096 });
  {
    using arena = Arena.over(mapping);
    arena.alloc(2).fill(9);
    expect(arena.bytes).toBe(mapping.bytes);
    expect([arena.backing, arena.size]).toEqual(['ordinary', 4096]);
  }
  expect(mapping.disposed).toBe(true);
});

test('wrong arguments', () => {
  using arena = Arena.map({ size: 4096 });
  expectRefusal(() => arena.alloc(-1), RANGE, '"size"');
  expectRefusal(() => arena.alloc(1.5), RANGE, '"size"');
  expectRefusal(() => arena.alloc(Number.NaN), RANGE, '"size"');
  expectRefusal(() => arena.alloc('8' as never), TYPE, '"size"');
  expectRefusal(() => arena.alloc(4097), RANGE, '"size"');
  expectRefusal(() => arena.alloc(1, { align: 3 }), VALUE, '"align"');
  expectRefusal(() => arena.alloc(1, { align: 8192 }), RANGE, '"align"');
  expectRefusal(() => arena.alloc(1, { alignment: 8 } as never), VALUE, '"alignment"');
  expectRefusal(() => Arena.over({} as never), TYPE, '"mapping"');
  expectRefusal(() => Arena.map({ size: 0 }), RANGE, '"size"');
  expect(arena.used).toBe(0);
});
