/** Mappings of hugepages: what they got, and that an empty pool is an error and no signal. */
import { Mapping } from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { native } from '../../lib/native.js';
import { alone, poolCount, withHugepages } from '../support/hugepages.js';
import { expectRefusal, RANGE, TYPE, VALUE } from '../support/ring.js';

const MiB = 2 ** 20;
const HUGE = 2 * MiB;
const thrownBy = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};

test('maps pages of a pool, in whole ones', async (context) => {
  await withHugepages(context, HUGE, 4, () => {
    using mapping = Mapping.anonymous({ size: 3 * MiB, hugePage: '2MiB' });
    expect(mapping).toMatchObject({ size: 4 * MiB, backing: '2MiB', pageSize: HUGE, pageCount: 2 });
    expect(mapping.address % HUGE).toBe(0);
    expect(poolCount(HUGE, 'free_hugepages')).toBe(2);
    mapping.bytes[4 * MiB - 1] = 9;
    expect(mapping.bytes.at(-1)).toBe(9);
    using same = Mapping.anonymous({ size: 1, hugePage: HUGE });
    expect(same.backing).toBe('2MiB');
  });
});

test('gives the pages back', async (context) => {
  await withHugepages(context, HUGE, 2, async () => {
    for (let round = 0; round < 20; round++) {
      Mapping.anonymous({ size: 4 * MiB, hugePage: '2MiB' }).dispose();
      await new Promise(setImmediate);
    }
    expect(poolCount(HUGE, 'free_hugepages')).toBe(2);
  });
});

test('an empty pool is an error that says what to type', async (context) => {
  await withHugepages(context, HUGE, 1, () => {
    const before = native.regionStats();
    const error = thrownBy(() => Mapping.anonymous({ size: 4 * MiB, hugePage: '2MiB' }));
    expect(error).toMatchObject({ code: 'ENOMEM', syscall: 'mmap' });
    expect(String(error)).toContain('1 of 1 hugepages of 2 MiB are free, 2 wanted');
    expect(String(error)).toContain('sysctl -w vm.nr_hugepages=2');
    expect(native.regionStats()).toEqual(before);
  });
});

test('falls back only when asked to, and says so', async (context) => {
  await withHugepages(context, HUGE, 0, () => {
    const size = 4 * MiB;
    using transparent = Mapping.anonymous({ size, hugePage: '2MiB', orElse: 'transparent' });
    expect(transparent.backing).toBe('transparent');
    expect(transparent.address % HUGE).toBe(0);
    using ordinary = Mapping.anonymous({ size, hugePage: '2MiB', orElse: 'ordinary' });
    expect(ordinary).toMatchObject({ backing: 'ordinary', pageSize: 4096 });
    ordinary.bytes.fill(1);
  });
});

test('unreserved pages that cannot be had are an error, not a signal', async (context) => {
  await withHugepages(context, HUGE, 1, () => {
    const asked = { size: 4 * MiB, hugePage: '2MiB', noreserve: true } as const;
    const error = thrownBy(() => Mapping.anonymous(asked));
    expect(error).toMatchObject({ code: 'EFAULT', syscall: 'madvise' });
    expect(String(error)).toContain('2 wanted');
    using later = Mapping.anonymous({ ...asked, populate: false });
    expect(() => later.bytes).toThrow('not there yet');
    expect(thrownBy(() => later.populate())).toMatchObject({ code: 'EFAULT' });
    expect(() => later.bytes).toThrow(expect.objectContaining({ code: 'ERR_NEARMETAL_UNSAFE' }));
    later.populate({ length: HUGE });
    expect(() => later.bytes).toThrow('not there yet');
    expect(later.write(new Uint8Array([5]))).toBe(1);
    expect(() => later.write(new Uint8Array([5]), { offset: HUGE })).toThrow('EFAULT');
  });
});

test('discarded hugepages are not touched before they are back', async (context) => {
  await withHugepages(context, HUGE, 1, () => {
    using mapping = Mapping.anonymous({ size: HUGE, hugePage: '2MiB' });
    const { bytes } = mapping;
    bytes.fill(3);
    mapping.advise('dontneed');
    expect(bytes.length).toBe(0);
    expect(() => mapping.bytes).toThrow('not there yet');
    mapping.populate();
    expect(mapping.bytes.every((byte) => byte === 0)).toBe(true);
  });
});

test('a memfd of hugepages is shared', async (context) => {
  await withHugepages(context, HUGE, 1, () => {
    using mapping = Mapping.memfd({ size: HUGE, hugePage: '2MiB', name: 'shared' });
    using other = Mapping.file(mapping.fd as never, { protection: 'readwrite' });
    expect(other).toMatchObject({ backing: '2MiB', pageSize: HUGE, size: HUGE });
    mapping.bytes[HUGE - 1] = 77;
    expect(other.bytes[HUGE - 1]).toBe(77);
    const more = thrownBy(() => Mapping.memfd({ size: HUGE, hugePage: '2MiB' }));
    expect(more).toMatchObject({ code: 'ENOMEM', syscall: 'mmap' });
    expect(String(more)).toContain('0 of 1 hugepages');
  });
});

test('1 GiB pages', async (context) => {
  await withHugepages(context, 1024 * MiB, 1, () => {
    using mapping = Mapping.anonymous({ size: 5, hugePage: '1GiB' });
    expect(mapping).toMatchObject({ size: 1024 * MiB, backing: '1GiB', pageCount: 1 });
    mapping.bytes[2 ** 30 - 1] = 1;
  });
});

test('a size that the kernel has no pages of', async () => {
  await alone(() => {
    const before = native.regionStats();
    for (const make of [Mapping.anonymous, Mapping.memfd]) {
      const error = thrownBy(() => make({ size: 1, hugePage: '16MiB' }));
      expect(error).toMatchObject({ code: expect.stringMatching(/EINVAL|ENODEV/) });
      expect(String(error)).toContain('no 16 MiB hugepages (sizes: 2 MiB');
    }
    using got = Mapping.anonymous({ size: 1, hugePage: '16MiB', orElse: 'ordinary' });
    expect(got.backing).toBe('ordinary');
    expect(native.regionStats().regions).toBe(before.regions + 1);
  });
});

test('transparent hugepages', () => {
  using mapping = Mapping.anonymous({ size: 8 * MiB, hugePage: 'transparent' });
  expect(mapping.backing).toBe('transparent');
  expect(mapping.address % HUGE).toBe(0);
  const smaps = Mapping.memfd.bind(undefined, { size: HUGE, hugePage: 'transparent' });
  const shared = thrownBy(smaps);
  if (shared instanceof Error) expect(String(shared)).toContain('shmem_enabled is never');
  else (shared as Mapping).dispose();
});

test('what is no page size is refused', () => {
  const refused = (options: object) => () => Mapping.anonymous({ size: 1, ...options });
  expectRefusal(refused({ hugePage: '3MiB' }), VALUE, '"hugePage"');
  expectRefusal(refused({ hugePage: 'big' }), VALUE, '"hugePage"');
  expectRefusal(refused({ hugePage: 4096 }), VALUE, '"hugePage"');
  expectRefusal(refused({ hugePage: Number.NaN }), VALUE, '"hugePage"');
  expectRefusal(refused({ hugePage: true }), TYPE, '"hugePage"');
  expectRefusal(refused({ hugePage: '2MiB', orElse: 'small' }), VALUE, '"orElse"');
  expectRefusal(refused({ size: -1, hugePage: '2MiB' }), RANGE, '"size"');
  expectRefusal(refused({ address: 4096, hugePage: '2MiB' }), VALUE, '"address"');
});
