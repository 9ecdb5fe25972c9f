/** Where the queues of a ring are, and what it takes to do without a descriptor. */
import { readdirSync, readFileSync } from 'node:fs';
import { features } from 'nearmetal/features';
import { op, RawRing, Ring, type RingOptions } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import * as abi from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { withHugepages } from '../support/hugepages.js';
import { needs } from '../support/needs.js';
import { runFixture } from '../support/process.js';
import {
  bytesOf,
  expectRefusal,
  later,
  openRing,
  openWith,
  pipe,
  TYPE,
  text,
  until,
  VALUE,
} from '../support/ring.js';

const SETUP = (name: string): number => Reflect.get(abi, `IORING_SETUP_${name}`) as number;
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** What any ring must do, and more than its queues hold. */
async function works(ring: Ring): Promise<void> {
  const target = new Uint8Array(5);
  expect(await ring.read(openWith('works'), target, { offset: 0 })).toBe(5);
  expect(text(target)).toBe('works');
  const ends = pipe();
  const waiting = ring.read(ends, target);
  await ring.write(ends, bytesOf('piped'));
  expect(await waiting).toBe(5);
  expect(await Promise.all(Array.from({ length: 500 }, () => ring.nop()))).toHaveLength(500);
  using files = ring.registerFiles([openWith('file')]);
  expect(await ring.read(files.files[0]!, target, { offset: 0 })).toBe(4);
}

const LARGE: RingOptions = { entries: 1024, completionEntries: 4096 };

test.each([
  ['small', { entries: 8, completionEntries: 16 }],
  ['of many pages', LARGE],
  ['with large entries', { entries: 64, sqe128: true, cqe32: true }],
  ['with an index array', { entries: 64, noSqarray: false }],
])('queues in memory of the library work: %s', async (_name, options) => {
  const supported = features.setup['NO_MMAP']?.supported === true;
  if (!supported) {
    expect(() => Ring.open({ noMmap: true })).toThrow('setup:NO_MMAP');
    return;
  }
  const before = native.regionStats();
  const ring = openRing({ ...options, noMmap: true });
  expect(ring.setupFlags & SETUP('NO_MMAP')).not.toBe(0);
  await works(ring);
  const pending = later(ring.read(pipe(), new Uint8Array(1)));
  await ring.nop();
  await ring.close();
  await expect(pending).rejects.toMatchObject({ code: 'ECANCELED' });
  // Less, when what an earlier test left was collected meanwhile.
  await until(() => native.regionStats().bytes <= before.bytes);
});

test('queues are on a hugepage if asked', async (context) => {
  needs('setup:NO_MMAP');
  await withHugepages(context, 2 ** 21, 1, async () => {
    const ring = openRing({ ...LARGE, noMmap: { hugePage: '2MiB' } });
    const smaps = readFileSync('/proc/self/smaps', 'utf8');
    expect(smaps).toMatch(/KernelPageSize: +2048 kB/);
    await works(ring);
    // There was one page: the error says so, and how to have more.
    const error = (() => {
      try {
        Ring.open({ noMmap: { hugePage: '2MiB' } });
      } catch (reason) {
        return reason as Error & { code: string; hint: string };
      }
      return undefined;
    })();
    expect(error?.code).toBe('ENOMEM');
    expect(error?.hint).toMatch(/hugepage|2 MiB|nr_hugepages/i);
    await ring.close();
  });
});

test('a ring may do without a descriptor', async () => {
  needs('setup:REGISTERED_FD_ONLY');
  const before = descriptors();
  for (let round = 0; round < 40; round++) {
    // A thread may have 16 such rings: each must give its place back.
    const ring = Ring.open({ ...LARGE, noMmap: true, registeredFdOnly: true, loop: 'own' });
    expect(ring.fd).toBe(-1);
    expect(descriptors()).toBe(before);
    await ring.close();
  }
  const ring = openRing({ noMmap: true, registeredFdOnly: true });
  await works(ring);
  using personality = ring.registerPersonality();
  await ring.nop({ personality });
  if (features.get('register:CLONE_BUFFERS')?.supported) {
    const { Mapping } = await import('nearmetal/ring');
    using mapping = Mapping.anonymous({ size: 4096 });
    using _registered = ring.registerBuffers([mapping]);
    const other = openRing();
    using _cloned = other.cloneBuffers(ring);
    expect(await other.readFixed(openWith('abc'), mapping.bytes, { offset: 0 })).toBe(3);
  }
  const pending = later(ring.read(pipe(), new Uint8Array(1)));
  await ring.nop();
  await ring.close();
  await expect(pending).rejects.toMatchObject({ code: 'ECANCELED' });
});

test('raw rings may do without, too', () => {
  needs('setup:REGISTERED_FD_ONLY');
  using raw = RawRing.open({ noMmap: true, registeredFdOnly: true });
  expect(raw.fd).toBe(-1);
  for (let index = 0; index < 100; index++) raw.push(op.nop(), index);
  expect(raw.submit(100)).toBe(100);
  let sum = 0;
  expect(raw.reap((userData) => (sum += userData))).toBe(100);
  expect(sum).toBe(4950);
});

test('such rings end with their worker, in flight or not', async () => {
  needs('setup:REGISTERED_FD_ONLY');
  const { stdout, stderr, code } = await runFixture('ring-end-of-thread');
  expect({ stdout, stderr, code }).toEqual({
    stdout:
      'queues in memory of the library: done\nwithout a descriptor: done\n' +
      'with a kernel thread: done\nwith a close queued: done\nwith a close refused: done\n',
    stderr: '',
    code: 0,
  });
});

test('options that make no sense are refused by name', () => {
  const open = (options: unknown) => () => Ring.open(options as RingOptions);
  expectRefusal(open({ registeredFdOnly: true }), VALUE, '"registeredFdOnly"');
  expectRefusal(open({ noMmap: 5 }), TYPE, '"noMmap"');
  expectRefusal(open({ noMmap: { hugepage: 1 } }), VALUE, '"hugePage"');
  expectRefusal(open({ noMmap: { hugePage: 'big' } }), VALUE, '"hugePage"');
  expect(open({ sqRewind: true })).toThrow(
    expect.objectContaining({ name: 'UnsupportedError', feature: 'setup:SQ_REWIND' }),
  );
  if (features.setup['SQE_MIXED']?.supported !== true) {
    expect(open({ sqeMixed: true })).toThrow('setup:SQE_MIXED');
  }
  const resize = () => openRing({ noMmap: true }).resizeRings({ entries: 8 });
  if (features.setup['NO_MMAP']?.supported && features.register['RESIZE_RINGS']?.supported) {
    expect(resize).toThrow('noMmap');
  }
});
