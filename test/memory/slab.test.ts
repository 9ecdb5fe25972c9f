/** Slab and BufferPool: blocks of one size, lent and taken back. */
import { BufferPool, Mapping, Slab } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { evaluate } from '../support/nouring.js';
import { expectRefusal, openRing, openWith, RANGE, TYPE, VALUE } from '../support/ring.js';

const code = (expected: string): unknown => expect.objectContaining({ code: expected });

test('hands out every block once, aligned and apart', () => {
  using slab = Slab.map({ blockSize: 100, count: 500, align: 64 });
  expect(slab.mapping.size).toBe(Math.ceil((128 * 500) / 4096) * 4096);
  const blocks = Array.from({ length: 500 }, () => slab.alloc());
  expect(new Set(blocks.map((block) => block.byteOffset)).size).toBe(500);
  expect(blocks.every((block) => block.byteOffset % 64 === 0 && block.length === 100)).toBe(true);
  blocks.forEach((block, index) => {
    block.fill(index);
  });
  expect(blocks.every((block, index) => block.every((byte) => byte === (index & 255)))).toBe(true);
  expect(slab.freeCount).toBe(0);
  expect(() => slab.alloc()).toThrow(code('ERR_NEARMETAL_EXHAUSTED'));
  for (const block of blocks) slab.free(block);
  expect(slab.freeCount).toBe(500);
});

test('a block that is freed twice, or is none, is an error and changes nothing', () => {
  using slab = Slab.map({ blockSize: 64, count: 4 });
  using other = Slab.map({ blockSize: 64, count: 4 });
  const block = slab.alloc();
  slab.free(block);
  expect(() => slab.free(block)).toThrow(code('ERR_NEARMETAL_DOUBLE_FREE'));
  const foreign = code('ERR_NEARMETAL_FOREIGN');
  expect(() => slab.free(other.alloc())).toThrow(foreign);
  expect(() => slab.free(slab.mapping.bytes.subarray(64, 128))).toThrow(foreign);
  expect(() => slab.free(slab.alloc().subarray(1))).toThrow(foreign);
  expect(() => slab.free(new Uint8Array(64))).toThrow(foreign);
  expectRefusal(() => slab.free({} as never), TYPE, '"block"');
  expect(slab.freeCount).toBe(3);
});

test('random allocations and frees are conserved', () => {
  using slab = Slab.map({ blockSize: 8, count: 64 });
  const out: Uint8Array[] = [];
  let state = 42;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; step < 20_000; step++) {
    if (out.length < 64 && random(2) === 0) {
      const block = slab.alloc();
      expect(out.includes(block)).toBe(false);
      out.push(block);
    } else if (out.length > 0) {
      const [block] = out.splice(random(out.length), 1);
      slab.free(block as Uint8Array);
    }
    if (slab.freeCount !== 64 - out.length) throw new Error(`lost one at step ${step}`);
  }
});

test('a disposed slab', () => {
  const slab = Slab.map({ blockSize: 8, count: 4 });
  const block = slab.alloc();
  slab.dispose();
  slab.dispose();
  expect(block.length).toBe(0);
  expect(() => slab.alloc()).toThrow(code('ERR_NEARMETAL_DISPOSED'));
  expect(() => slab.free(block)).toThrow(code('ERR_NEARMETAL_DISPOSED'));
});

test('wrong arguments', () => {
  const slab = (options: object) => () => Slab.map(options as never);
  expectRefusal(slab({ count: 1 }), TYPE, '"blockSize"');
  expectRefusal(slab({ blockSize: 8, count: 0 }), RANGE, '"count"');
  expectRefusal(slab({ blockSize: 8, count: 1, align: 5 }), VALUE, '"align"');
  expectRefusal(slab({ blockSize: 8, count: 1, size: 8 }), VALUE, '"size"');
  expectRefusal(slab({ blockSize: 8, count: 1, colour: 1 }), VALUE, '"colour"');
  expectRefusal(() => Slab.map(undefined as never), TYPE, '"options"');
  expectRefusal(() => BufferPool.map({ count: 1 } as never), TYPE, '"blockSize"');
  expectRefusal(() => BufferPool.map({ size: 8, count: 1, of: 1 } as never), VALUE, '"of"');
});

test('a pool lends Buffers over memory that a ring can have registered', async () => {
  using pool = BufferPool.map({ size: 4096, count: 8, align: 4096 });
  expect(['transparent', 'ordinary']).toContain(pool.backing);
  const ring = openRing();
  using _registered = ring.registerBuffers([pool.mapping]);
  using lease = pool.take();
  expect(Buffer.isBuffer(lease.buffer)).toBe(true);
  expect(Mapping.of(lease.buffer)).toBe(pool.mapping);
  const file = openWith('from the disk');
  const count = await ring.readFixed(file, lease.buffer, { offset: 0 });
  expect(lease.buffer.toString('utf8', 0, count)).toBe('from the disk');
});

test('a lease ends once, and its buffer with it', () => {
  using pool = BufferPool.map({ size: 16, count: 2 });
  const lease = pool.take();
  const second = pool.take();
  expect(pool.tryTake()).toBe(undefined);
  expect(() => pool.take()).toThrow(code('ERR_NEARMETAL_EXHAUSTED'));
  lease.release();
  lease.release();
  expect(lease.released).toBe(true);
  expect(() => lease.buffer).toThrow(code('ERR_NEARMETAL_DISPOSED'));
  expect(pool.freeCount).toBe(1);
  {
    using third = pool.take();
    expect(third.buffer.length).toBe(16);
    expect(third.buffer.buffer).toBe(second.buffer.buffer);
  }
  expect(pool.freeCount).toBe(1);
});

test('who waits for a buffer gets it in turn, or not at all', async () => {
  const pool = BufferPool.map({ size: 16, count: 1 });
  const first = await pool.acquire();
  const order: string[] = [];
  const wait = async (name: string, signal?: AbortSignal): Promise<void> => {
    using _lease = await pool.acquire(signal === undefined ? {} : { signal });
    order.push(name);
  };
  const controller = new AbortController();
  const waiting = [wait('a'), wait('b', controller.signal), wait('c')];
  controller.abort();
  await expect(waiting[1]).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  await expect(wait('d', AbortSignal.abort())).rejects.toThrow(code('ABORT_ERR'));
  expect(order).toEqual([]);
  first.release();
  await Promise.all([waiting[0], waiting[2]]);
  expect(order).toEqual(['a', 'c']);
  expect(pool.freeCount).toBe(1);
  const last = pool.take();
  const late = pool.acquire();
  pool.dispose();
  await expect(late).rejects.toThrow(code('ERR_NEARMETAL_DISPOSED'));
  expect(last.buffer.length).toBe(0);
  last.release();
  expect(() => pool.take()).toThrow(code('ERR_NEARMETAL_DISPOSED'));
});

test('with NEARMETAL_DEBUG, what is collected without its end says where it was made', () => {
  const source = `
    import { BufferPool, Mapping } from 'nearmetal/memory';
    const warnings = [];
    process.on('warning', (warning) => warnings.push(warning.message + ' | ' + warning.detail));
    globalThis.pool = BufferPool.map({ size: 16, count: 4 });
    function forgetsMapping() { Mapping.anonymous({ size: 4096 }); }
    function forgetsLease() { globalThis.pool.take(); }
    function disposes() { Mapping.anonymous({ size: 4096 }).dispose(); pool.take().release(); }
    forgetsMapping(); forgetsLease(); disposes();
    const { setFlagsFromString } = await import('node:v8');
    setFlagsFromString('--expose-gc');
    const gc = (await import('node:vm')).runInNewContext('gc');
    for (let round = 0; round < 100 && warnings.length < 2; round++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    console.log(JSON.stringify(warnings.sort()));
  `;
  const warnings = evaluate(source, { env: { NEARMETAL_DEBUG: '1' } }) as string[];
  expect(warnings).toHaveLength(2);
  expect(warnings[0]).toMatch(/^a BufferLease was collected without release\(\) \|.*forgetsLease/s);
  expect(warnings[1]).toMatch(
    /^a Mapping of 4096 bytes was collected without dispose\(\) \|.*forgetsMapping/s,
  );
});
