/** What is registered with a ring: rights, restrictions, workers, clocks, sizes of its queues. */
import { readFileSync } from 'node:fs';
import { features } from 'nearmetal/features';
import { asFd, type CloneOptions, Mapping, OwnedFd, op, RawRing, Ring } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { kernel } from '../../lib/kernel.js';
import { native } from '../../lib/native.js';
import { encodeZcrx } from '../../lib/ring/registrations/zcrx.js';
import { needs } from '../support/needs.js';
import { runFixture } from '../support/process.js';
import {
  expectRefusal,
  later,
  openRing,
  openWith,
  pipe,
  RANGE,
  TYPE,
  text,
  turn,
  until,
  VALUE,
} from '../support/ring.js';

// --- enabling, restricting -----------------------------------------------------------------------

test('a ring that is not enabled keeps what is started until it is', async () => {
  needs('setup:R_DISABLED');
  const ring = openRing({ enabled: false });
  expect(ring.setupFlags & abi.IORING_SETUP_R_DISABLED).not.toBe(0);
  const done: string[] = [];
  ring.nop().then(() => done.push('nop'));
  ring.submit();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(done).toEqual([]);
  ring.enable();
  ring.enable();
  await until(() => done.length === 1);
  await ring.nop();
  expectRefusal(() => Ring.open({ enabled: false, rDisabled: false }), VALUE, '"rDisabled"');
});

test('a ring that was never enabled closes all the same', async () => {
  const ring = openRing({ enabled: false });
  const pending = later(ring.read(pipe(), new Uint8Array(1)));
  await ring.close();
  await expect(pending).rejects.toMatchObject({ code: 'ECANCELED' });
  const raw = RawRing.open({ enabled: false });
  raw.push(op.nop(), 7);
  expect(() => raw.submit(1)).toThrow(expect.objectContaining({ code: 'EBADFD' }));
  raw.enable();
  expect(raw.submit(1)).toBe(1);
  expect(raw.reap((userData) => expect(userData).toBe(7))).toBe(1);
  raw.close();
});

test('a restricted ring does what it may, and no more', async () => {
  const ring = openRing({ enabled: false });
  ring.registerRestrictions({
    operations: ['read', 'nop'],
    registrations: ['iowq_max_workers'],
    flagsAllowed: ['fixedFile'],
  });
  expect(() => ring.registerRestrictions({})).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  const [file] = ring.registerFiles([openWith('abc')]).files;
  ring.enable();
  await ring.nop();
  const target = new Uint8Array(3);
  expect(await ring.read(file!, target, { offset: 0 })).toBe(3);
  const forbidden = { code: 'EACCES' };
  await expect(ring.write(openWith('x'), target, { offset: 0 })).rejects.toMatchObject(forbidden);
  await expect(ring.nop({ async: true })).rejects.toMatchObject(forbidden);
  ring.registerIowqMaxWorkers();
  expect(() => ring.registerPersonality()).toThrow(expect.objectContaining(forbidden));
  expect(() => ring.registerRestrictions({})).toThrow('before `enable`');
  // What waits is cancelled, which the ring may always do.
  const waiting = later(ring.read(pipe(), target));
  await ring.nop();
  await ring.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('flags may be required, and what is left out is not restricted', async () => {
  const ring = openRing({ enabled: false });
  ring.registerRestrictions({ flagsRequired: ['async'] });
  ring.enable();
  await ring.nop({ async: true });
  await expect(ring.nop()).rejects.toMatchObject({ code: 'EACCES' });
  expect(await ring.read(openWith('x'), new Uint8Array(1), { offset: 0, async: true })).toBe(1);
  const other = openRing({ enabled: false });
  expectRefusal(() => other.registerRestrictions({ operations: ['reed'] }), VALUE, "'read'");
  expectRefusal(() => other.registerRestrictions({ registrations: ['x'] }), VALUE, 'names only');
  expectRefusal(() => other.registerRestrictions({ flagsAllowed: ['x' as never] }), VALUE, 'async');
  expectRefusal(() => other.registerRestrictions({ operation: [] } as never), VALUE, 'operations');
});

// --- rights --------------------------------------------------------------------------------------

test('a personality belongs to its ring, until it is disposed', async () => {
  const ring = openRing();
  const other = openRing();
  const personality = ring.registerPersonality();
  expect(personality.id).toBeGreaterThan(0);
  await ring.nop({ personality });
  expect(() => other.nop({ personality })).toThrow('belongs to another ring');
  // The word that names it names buffers too.
  using buffers = ring.provideBuffers({ count: 2, size: 16 });
  const mapping = Mapping.anonymous({ size: 4096 });
  using _registered = ring.registerBuffers([mapping]);
  const fixed = op.readFixed(openWith('abc'), mapping.bytes, { offset: 0, personality });
  expect(await ring.run(fixed)).toBe(3);
  expect(buffers.group).toBe(0);
  const operation = op.nop({ personality });
  personality.dispose();
  personality.dispose();
  expect(personality.id).toBe(0);
  expect(() => ring.run(operation)).toThrow('has been disposed');
  expectRefusal(() => ring.nop({ personality }), TYPE, '"personality"');
  expectRefusal(() => ring.nop({ personality: 1 as never }), TYPE, '"personality"');
});

// --- eventfd -------------------------------------------------------------------------------------

test('an eventfd is signalled for completions of a ring with a loop of its own', async () => {
  const signals = new BigUint64Array(1);
  for (const async of [false, true]) {
    const ring = openRing({ loop: 'own' });
    using eventfd = OwnedFd.adopt(native.eventfd2(0, abi.EFD_CLOEXEC | abi.EFD_NONBLOCK));
    const registration = ring.registerEventfd(eventfd, { async });
    expect(() => ring.registerEventfd(eventfd)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    // Those asked for as `async` are told of where a worker thread has completed them.
    const done = later(ring.nop({ async: true }));
    await new Promise<void>((resolve) => {
      setImmediate(() => {
        ring.runLoop();
        resolve();
      });
    });
    await done;
    expect(native.read(eventfd.fd, signals)).toBe(8);
    registration.dispose();
    registration.dispose();
    ring.registerEventfd(eventfd).dispose();
  }
  const ring = openRing();
  expect(() => ring.registerEventfd(asFd(0))).toThrow("loop: 'own'");
  expectRefusal(() => ring.registerEventfd(3 as never), TYPE, '"fd"');
  expectRefusal(() => ring.registerEventfd(asFd(0), { async: 1 as never }), TYPE, '"async"');
});

// --- workers -------------------------------------------------------------------------------------

test('worker threads are limited, and told of', async () => {
  needs('register:IOWQ_MAX_WORKERS');
  const ring = openRing();
  const first = ring.registerIowqMaxWorkers();
  expect(first.bounded).toBeGreaterThan(0);
  expect(ring.registerIowqMaxWorkers({ bounded: 2, unbounded: 3 })).toEqual(first);
  expect(ring.registerIowqMaxWorkers({ bounded: 1 })).toEqual({ bounded: 2, unbounded: 3 });
  expect(ring.registerIowqMaxWorkers()).toEqual({ bounded: 1, unbounded: 3 });
  expectRefusal(() => ring.registerIowqMaxWorkers({ bounded: 0 }), RANGE, '"bounded"');
  expectRefusal(() => ring.registerIowqMaxWorkers({ bound: 1 } as never), VALUE, '"bounded"');
});

test('worker threads run where they are told to', async () => {
  needs('register:IOWQ_AFF');
  const allowed = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
  const cpu = Number(allowed?.[1]);
  const ring = openRing();
  const registration = ring.registerIowqAff([cpu]);
  await ring.nop({ async: true });
  registration.dispose();
  expectRefusal(() => ring.registerIowqAff([]), VALUE, '"cpus"');
  expectRefusal(() => ring.registerIowqAff([-1]), RANGE, '"cpus[0]"');
  expectRefusal(() => ring.registerIowqAff([8191]), RANGE, '"cpus[0]"');
});

// --- cancelling ----------------------------------------------------------------------------------

test('syncCancel returns when what was found has ended', async () => {
  needs('register:SYNC_CANCEL', 'linux:6.6');
  const ring = openRing();
  const [one, other] = [pipe(), pipe()];
  const waiting = [one, one, other].map((ends) => later(ring.read(ends, new Uint8Array(1))));
  expect(ring.syncCancel(one)).toBe(true);
  await expect(waiting[0]).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(waiting[1]).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.syncCancel(one)).toBe(false);
  expect(ring.stats.inFlight).toBe(1);
  const fixed = ring.registerFiles([other]).files[0]!;
  const direct = later(ring.read(fixed, new Uint8Array(1)));
  expect(ring.syncCancel(fixed, { timeoutMs: 1000 })).toBe(true);
  await expect(direct).rejects.toMatchObject({ code: 'ECANCELED' });
  const sleeping = later(ring.timeout(3_600_000));
  expect(ring.syncCancel({ opcode: 'timeout' })).toBe(true);
  await expect(sleeping).rejects.toMatchObject({ code: 'ECANCELED' });
  expect(ring.syncCancel('any', { all: false })).toBe(true);
  await expect(waiting[2]).rejects.toMatchObject({ code: 'ECANCELED' });
  expectRefusal(() => ring.syncCancel(one, { timeoutMs: -1 }), RANGE, '"timeoutMs"');
  expectRefusal(() => ring.syncCancel(one, { timeout: 1 } as never), VALUE, '"timeoutMs"');
  expectRefusal(() => ring.syncCancel(5 as never), TYPE, 'target');
});

// --- clocks, busy polling, cards -----------------------------------------------------------------

test('the clock by which a ring waits is chosen', async () => {
  needs('register:CLOCK');
  for (const clock of ['boottime', 'monotonic'] as const) {
    const ring = openRing();
    ring.registerClock(clock);
    await ring.timeout(1);
    const raw = RawRing.open({ entries: 4 });
    raw.registerClock(clock);
    expect(raw.submit(1, { timeoutMs: 1 })).toBe(0);
    raw.close();
  }
  expectRefusal(() => openRing().registerClock('realtime' as never), VALUE, '"clock"');
});

test('a waiting ring polls network cards', async () => {
  needs('register:NAPI');
  const ring = openRing();
  const registration = ring.registerNapi({ busyPollTo: 20, preferBusyPoll: true });
  await ring.nop();
  expect(() => registration.addNapiId(1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  registration.dispose();
  expectRefusal(() => ring.registerNapi({ busyPollTo: -1 }), RANGE, '"busyPollTo"');
  expectRefusal(() => ring.registerNapi({ tracking: 'none' as never }), VALUE, '"tracking"');
  expectRefusal(() => registration.addNapiId(0), RANGE, '"id"');
  if (kernel.atLeast('6.13')) ring.registerNapi({ tracking: 'static' }).dispose();
  else {
    const refused = { name: 'UnsupportedError', since: '6.13' };
    expect(() => ring.registerNapi({ tracking: 'static' })).toThrow(
      expect.objectContaining(refused),
    );
  }
});

test('a receive queue of a card is asked for, and refused without a card', async () => {
  using area = Mapping.anonymous({ size: 65_536 });
  using refill = Mapping.anonymous({ size: 8192 });
  const options = { interfaceIndex: 1, queue: 3, refillEntries: 64, area, refill };
  const words = new Int32Array((96 + 48 + 64) / 4);
  encodeZcrx(words, options as never, (offset) => [offset, 7]);
  expect([...words.subarray(0, 8)]).toEqual([1, 3, 64, 0, 96, 7, 144, 7]);
  const [there, back] = [area, refill].map((mapping) => [
    (mapping.address % 2 ** 32) | 0,
    Math.floor(mapping.address / 2 ** 32),
  ]);
  expect([...words.subarray(24, 28)]).toEqual([...there!, 65_536, 0]);
  expect([...words.subarray(36, 41)]).toEqual([...back!, 8192, 0, 1]);
  const ring = openRing({ cqe32: true });
  const refused = { code: expect.stringMatching(/ENODEV|EOPNOTSUPP|EINVAL|EPERM|ERR_/) };
  expect(() => ring.registerZcrxIfq(options)).toThrow(expect.objectContaining(refused));
  expect(() => openRing().registerZcrxIfq(options)).toThrow('cqe32');
  const wrong = (change: object) => () => ring.registerZcrxIfq({ ...options, ...change });
  expectRefusal(wrong({ refillEntries: 3 }), VALUE, '"refillEntries"');
  expectRefusal(wrong({ interfaceIndex: 0 }), RANGE, '"interfaceIndex"');
  expectRefusal(wrong({ area: new Uint8Array(1) }), TYPE, '"area"');
});

// --- buffers of another ring ---------------------------------------------------------------------

test('a ring without registered buffers gets all that another has', async () => {
  needs('register:CLONE_BUFFERS');
  const source = openRing({ bufferSlots: 2 });
  const mappings = [1, 2].map(() => Mapping.anonymous({ size: 4096 }));
  using _original = source.registerBuffers(mappings);
  const target = openRing({ bufferSlots: 2 });
  using _shared = target.cloneBuffers(source);
  const file = openWith('shared');
  const read = (index: number) => target.readFixed(file, mappings[index]!.bytes, { offset: index });
  expect([await read(0), await read(1)]).toEqual([6, 5]);
  if (kernel.atLeast('6.13')) return;
  const refused = { name: 'UnsupportedError', since: '6.13' };
  const again = (options?: CloneOptions) => () => openRing().cloneBuffers(source, options);
  expect(() => target.cloneBuffers(source)).toThrow(expect.objectContaining(refused));
  for (const options of [{ offset: 1 }, { sourceOffset: 1 }, { count: 1 }]) {
    expect(again(options)).toThrow(expect.objectContaining(refused));
  }
});

test('registered buffers are shared with another ring, in parts too', async () => {
  needs('register:CLONE_BUFFERS', 'linux:6.13');
  const source = openRing({ bufferSlots: 4 });
  const mappings = [1, 2, 3].map(() => Mapping.anonymous({ size: 4096 }));
  using original = source.registerBuffers(mappings);
  const target = openRing({ bufferSlots: 8 });
  const file = openWith('shared');
  const first = target.cloneBuffers(source);
  const read = (index: number) => target.readFixed(file, mappings[index]!.bytes, { offset: index });
  expect([await read(0), await read(1), await read(2)]).toEqual([6, 5, 4]);
  original.dispose();
  // The kernel keeps them for this ring.
  expect(await read(1)).toBe(5);
  expect(text(mappings[1]!.bytes.subarray(0, 5))).toBe('hared');
  expect(() => source.readFixed(file, mappings[1]!.bytes)).toThrow('not registered');
  first.dispose();
  expect(() => read(0)).toThrow('not registered');
  using again = source.registerBuffers(mappings);
  using part = target.cloneBuffers(source, { sourceOffset: 1, offset: 5, count: 2 });
  expect([await read(1), await read(2)]).toEqual([5, 4]);
  expect(() => read(0)).toThrow('not registered');
  expect([again.disposed, part.disposed]).toEqual([false, false]);
  // What takes the place of another's slots stays when that one is disposed.
  using whole = target.cloneBuffers(source, { offset: 4 });
  part.dispose();
  expect([await read(0), await read(1), await read(2)]).toEqual([6, 5, 4]);
  expect(whole.disposed).toBe(false);
  expectRefusal(() => target.cloneBuffers(target), VALUE, 'another ring');
  expectRefusal(() => target.cloneBuffers({} as never), TYPE, '"source"');
  expectRefusal(() => target.cloneBuffers(source, { count: 0 }), RANGE, '"count"');
  expect(() => target.cloneBuffers(openRing())).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/ENXIO|EINVAL/) }),
  );
});

// --- resizing ------------------------------------------------------------------------------------

test('queues are resized in use, and nothing is lost', async () => {
  needs('register:RESIZE_RINGS');
  const ring = openRing({ entries: 8, completionEntries: 16 });
  const ends = pipe();
  const waiting = Array.from({ length: 40 }, () => ring.read(ends, new Uint8Array(1)));
  await ring.nop();
  const sizes = [
    [256, 512],
    [8, 64],
    [2048, 8192],
    [16, 64],
  ] as const;
  for (const [entries, completionEntries] of sizes) {
    const queued = Array.from({ length: 6 }, () => ring.nop());
    ring.resizeRings({ entries, completionEntries });
    await Promise.all(queued);
    expect(await Promise.all(Array.from({ length: 300 }, () => ring.nop()))).toHaveLength(300);
  }
  await ring.write(ends, new Uint8Array(40));
  expect(await Promise.all(waiting)).toEqual(Array(40).fill(1));
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('a handler may resize the queues that it is called from', async () => {
  needs('register:RESIZE_RINGS');
  const ring = openRing({ entries: 64, completionEntries: 128 });
  const seen: number[] = [];
  let resized = 0;
  // What is queued or waits in the kernel at that moment may be more than fits the new queues.
  const resize = (entries: number): void => {
    try {
      ring.resizeRings({ entries });
      resized++;
    } catch (error) {
      expect(error).toMatchObject({ code: 'EOVERFLOW' });
    }
  };
  const handler = ring.handler((tag) => {
    if (tag % 50 === 0) resize(tag % 100 === 0 ? 512 : 64);
    seen.push(tag);
  });
  for (let tag = 0; tag < 500; tag++) ring.start(op.nop(), handler, tag);
  await until(() => seen.length === 500);
  expect(new Set(seen).size).toBe(500);
  expect(resized).toBeGreaterThan(0);
});

test('a ring that was resized from within a turn rests when all is done', async () => {
  needs('register:RESIZE_RINGS');
  const ring = openRing({ entries: 16, completionEntries: 32 });
  const ends = pipe();
  const waiting = ring.read(ends, new Uint8Array(8));
  const all = Array.from({ length: 40 }, async (_, index) => {
    await ring.nop();
    if (index === 3) ring.resizeRings({ entries: 32, completionEntries: 64 });
  });
  await Promise.all(all);
  for (let count = 0; count < 10; count++) await turn();
  const { enters } = ring.stats;
  for (let count = 0; count < 100; count++) await turn();
  expect(ring.stats.enters - enters).toBeLessThan(10);
  await ring.write(ends, new Uint8Array(1));
  expect(await waiting).toBe(1);
});

test('what does not fit is refused, and the ring goes on', async () => {
  needs('register:RESIZE_RINGS');
  const ring = openRing({ entries: 64 });
  const wrong = (options: unknown) => () => ring.resizeRings(options as never);
  expectRefusal(wrong({ entries: 0 }), RANGE, '"entries"');
  expectRefusal(wrong({ entries: 64, completionEntries: 8 }), RANGE, '"completionEntries"');
  expectRefusal(wrong({ entrys: 64 }), VALUE, '"entries"');
  expect(() => openRing({ deferTaskrun: false }).resizeRings({ entries: 8 })).toThrow(
    'deferTaskrun',
  );
  await ring.nop();
  if (native.seam === undefined) return;
  // Without its new queues the ring is lost: all on it ends, with a warning.
  const pending = later(ring.read(pipe(), new Uint8Array(1)));
  await ring.nop();
  const warned = new Promise((resolve) => process.once('warning', resolve));
  native.seam.fail(abi.SYS_mmap, 1, 1, abi.ENOMEM);
  expect(wrong({ entries: 128 })).toThrow(expect.objectContaining({ code: 'ENOTRECOVERABLE' }));
  native.seam.reset();
  await expect(pending).rejects.toBeDefined();
  await warned;
});

// --- waiting -------------------------------------------------------------------------------------

test('a raw ring waits for a span, until a time, or for a few of many', () => {
  const raw = RawRing.open({ entries: 8 });
  raw.push(op.nop(), 1);
  expect(raw.submit(1, { timeoutMs: 1000 })).toBe(1);
  expect(raw.reap(() => undefined)).toBe(1);
  // Nothing comes: the time ends the wait.
  expect(raw.submit(1, { timeoutMs: 1 })).toBe(0);
  expectRefusal(() => raw.submit(1, {}), VALUE, '"limits"');
  expectRefusal(() => raw.submit(1, { timeoutMs: 1, until: 1n }), VALUE, '"limits"');
  expectRefusal(() => raw.submit(1, { until: 5 as never }), TYPE, '"until"');
  if (features.get('ring:MIN_TIMEOUT')?.supported) {
    expect(raw.submit(1, { until: process.hrtime.bigint() + 1_000_000n })).toBe(0);
    raw.push(op.nop(), 2);
    // Two are asked for, and after a moment one will do.
    expect(raw.submit(2, { timeoutMs: 60_000, minWaitUs: 500 })).toBe(1);
    expect(raw.reap(() => undefined)).toBe(1);
  } else needs('ring:MIN_TIMEOUT');
  raw.close();
});

test('the owning loop waits for several, with arguments that the kernel knows', async () => {
  needs('program:strace');
  const { stderr, stdout, code } = await runFixture('ring-own', [], {
    under: ['strace', '-f', '-qq', '-e', 'trace=io_uring_enter', '-e', 'signal=none'],
  });
  expect({ stdout, code }).toEqual({ stdout: '32 timeouts, 8 at a time\n', code: 0 });
  const waits = [...stderr.matchAll(/io_uring_enter\(\d+, \d+, 8, (\S+?), (\S+), (\d+)\)/g)];
  expect(waits.length).toBeGreaterThan(0);
  if (features.get('register:MEM_REGION')?.supported) {
    // Where the arguments are in the page, and IORING_ENTER_EXT_ARG_REG.
    expect(waits[0]?.slice(2)).toEqual(['0x400', '64']);
  }
  if (features.get('ring:NO_IOWAIT')?.supported) expect(waits[0]?.[1]).toMatch(/NO_IOWAIT|0x/);
});
