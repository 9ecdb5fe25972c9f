/** The machine inside a ring where it could go wrong: worn slots, doubled completions, refusals. */
import { Mapping, op, RawRing } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { EAGAIN, EBUSY, EINTR, SYS_io_uring_enter } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { IGNORE } from '../../lib/ring/cancels.js';
import { closeEngine } from '../../lib/ring/closing.js';
import { Engine } from '../../lib/ring/engine.js';
import type { Operation } from '../../lib/ring/operation.js';
import { cancelUserData } from '../../lib/ring/ops/async-cancel.js';
import { planRing } from '../../lib/ring/options.js';
import { promiseOf, type RunOptions } from '../../lib/ring/sinks.js';
import { later, openRing, openWith, pipe, turn, until } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';

/** The package and its sources are two copies of one type. */
function run(engine: Engine, operation: unknown, options?: RunOptions): Promise<unknown> {
  return promiseOf(engine, operation as Operation<unknown>, options);
}

function openEngine(): Engine {
  const engine = new Engine(planRing({ entries: 64 }));
  onTestFinished(() => closeEngine(engine));
  return engine;
}

test('slots that have been used 2^32 times go on, and know their own completions', async () => {
  const engine = openEngine();
  // A slot that is used 50,000 times a second is there after a day.
  for (const near of [-3, 2 ** 31 - 3]) {
    engine.slots.generations.fill(near);
    const file = openWith('worn');
    for (let round = 0; round < 10; round++) {
      const bytes = new Uint8Array(4);
      const all = Array.from({ length: 100 }, () =>
        run(engine, op.read(file, bytes, { offset: 0 })),
      );
      expect(await Promise.all(all)).toEqual(Array(100).fill(4));
    }
  }
  expect(engine.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('a worn slot can be cancelled, and what was there before it cannot', async () => {
  const engine = openEngine();
  engine.slots.generations.fill(-1);
  const abort = new AbortController();
  const file = pipe();
  const first = later(run(engine, op.read(file, new Uint8Array(4)), { signal: abort.signal }));
  abort.abort();
  await expect(first).rejects.toMatchObject({ name: 'AbortError' });
  const late = new AbortController();
  await run(engine, op.nop(), { signal: late.signal });
  const second = later(run(engine, op.read(file, new Uint8Array(4))));
  late.abort();
  await turn();
  expect(engine.stats.inFlight).toBe(1);
  await closeEngine(engine);
  await expect(second).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('what begins when all seems over is waited for, too', async () => {
  const engine = new Engine(planRing({ entries: 8 }));
  // As `close()` of a descriptor does, by whoever hears that its operation was cancelled.
  const complete = () => setImmediate(() => engine.begin(cancelUserData(1, 1), IGNORE, 0));
  engine.begin(op.timeout(60_000) as unknown as Operation<unknown>, { batched: true, complete }, 0);
  await closeEngine(engine);
  const { submitted, completed, inFlight, leaked } = engine.stats;
  expect([submitted - completed, inFlight, leaked]).toEqual([0, 0, 0]);
});

withSeam('each completion told twice is taken once', async () => {
  const ring = openRing();
  const file = openWith('twice');
  seam().chaos(1, { duplicate: 1000 });
  let handled = 0;
  const handler = ring.handler(() => {
    handled++;
  });
  for (let count = 0; count < 50; count++) ring.start(op.nop(), handler, count);
  const reads = Array.from({ length: 50 }, () => ring.read(file, new Uint8Array(5), { offset: 0 }));
  expect(await Promise.all(reads)).toEqual(Array(50).fill(5));
  await until(() => ring.stats.inFlight === 0);
  expect(handled).toBe(50);
  expect(ring.stats.stale).toBeGreaterThan(0);
});

withSeam('a submission that is refused after the tail moved is made again, and once', async () => {
  for (const errno of [EAGAIN, EBUSY, EINTR]) {
    const ring = openRing({ entries: 8 });
    const results: number[] = [];
    const handler = ring.handler((tag) => results.push(tag));
    const nop = op.nop();
    seam().fail(SYS_io_uring_enter, 1, 5, errno);
    for (let tag = 0; tag < 30; tag++) ring.start(nop, handler, tag);
    await until(() => ring.stats.inFlight === 0);
    expect(results).toEqual(Array.from({ length: 30 }, (_, tag) => tag));
    native.seam?.reset();
  }
});

withSeam('a chain whose submission is refused stays whole', async () => {
  const ring = openRing({ entries: 4 });
  const file = openWith('');
  for (let round = 0; round < 20; round++) {
    seam().fail(
      SYS_io_uring_enter,
      1,
      1 + (round % 4),
      [EAGAIN, EBUSY, EINTR][round % 3] as number,
    );
    const filler = Array.from({ length: round % 4 }, () => ring.nop());
    const bytes = new Uint8Array(2);
    const [, count] = await ring.link([
      op.write(file, Buffer.from(`${10 + round}`), { offset: 0 }),
      op.read(file, bytes, { offset: 0 }),
      op.nop(),
    ]);
    await Promise.all(filler);
    expect([count, Buffer.from(bytes).toString()]).toEqual([2, `${10 + round}`]);
  }
});

withSeam(
  'completions at random late, doubled and in another order leave chains whole',
  async () => {
    const ring = openRing({ entries: 8 });
    const file = openWith('x'.repeat(64));
    for (const seed of [1, 2, 3, 4, 5]) {
      seam().chaos(seed, { delay: 300, reorder: 300, duplicate: 200, errno: 100 });
      const chains = Array.from({ length: 40 }, (_, index) =>
        ring.link([
          op.read(file, new Uint8Array(4), { offset: index % 60 }),
          op.nop(),
          op.read(file, new Uint8Array(4), { offset: 0 }),
        ]),
      );
      expect(await Promise.all(chains), `seed ${seed}`).toEqual(Array(40).fill([4, undefined, 4]));
    }
    await until(() => ring.stats.inFlight === 0);
  },
);

test("memory that is collected, disposed or resized in flight is never another's", async () => {
  const ring = openRing();
  const file = pipe();
  const reads: Promise<unknown>[] = [];
  for (let count = 0; count < 10; count++) {
    const mapping = Mapping.anonymous({ size: 4096 });
    reads.push(later(ring.read(file, mapping.bytes.subarray(0, 16))));
    if (count % 2 === 0) mapping.dispose();
  }
  globalThis.gc?.();
  await turn();
  const victims = Array.from({ length: 50 }, () => Mapping.anonymous({ size: 4096 }));
  const { regions } = native.regionStats();
  expect(regions).toBeGreaterThanOrEqual(60);
  await ring.write(file, new Uint8Array(160).fill(0xee));
  expect(await Promise.all(reads)).toEqual(Array(10).fill(16));
  for (const victim of victims) {
    expect(victim.bytes.every((byte) => byte === 0)).toBe(true);
    victim.dispose();
  }
});

test('a raw ring keeps a disposed mapping until it is closed', () => {
  const ring = RawRing.open({ entries: 4 });
  const mapping = Mapping.anonymous({ size: 4096 });
  const before = native.regionStats().regions;
  ring.push(op.read(pipe(), mapping.bytes), 1);
  ring.submit();
  mapping.dispose();
  expect(native.regionStats().regions).toBe(before);
  ring.close();
});

test('what a raw ring gave up with operations in flight stays where it is', () => {
  const ring = RawRing.open({ entries: 4 });
  const mapping = Mapping.anonymous({ size: 4096 });
  ring.push(op.read(pipe(), mapping.bytes), 1);
  ring.submit();
  ring.close();
  const { regions } = native.regionStats();
  expect(() => mapping.resize(8192)).toThrow(
    expect.objectContaining({ code: 'ERR_NEARMETAL_BUSY' }),
  );
  mapping.dispose();
  expect(native.regionStats().regions).toBe(regions);
});
