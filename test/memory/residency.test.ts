/** What is in memory, as the kernel tells; pools, locks and counts of the whole process. */
import {
  hugepagePools,
  lockAll,
  Mapping,
  pageFaults,
  reserveHugepages,
  residency,
  setTransparentHugepages,
  transparentHugepages,
} from 'nearmetal/memory';
import { expect, test } from 'vitest';
import { SYS_ioctl, SYS_move_pages } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { readMappedAreas, readNodePages } from '../../lib/proc/smaps.js';
import { poolCount, withHugepages } from '../support/hugepages.js';
import { evaluate } from '../support/nouring.js';
import { expectRefusal, openWith, pattern, RANGE, TYPE, VALUE } from '../support/ring.js';

const PAGE = 4096;
const MiB = 2 ** 20;
const HUGE = 2 * MiB;

test('counts what was touched, page by page', () => {
  using mapping = Mapping.anonymous({ size: 64 * PAGE, populate: false });
  mapping.advise('nohugepage');
  expect(residency(mapping)).toMatchObject({ resident: 0, swapped: 0, locked: 0, exact: true });
  for (const page of [0, 7, 63]) mapping.bytes[page * PAGE] = 1;
  const found = residency(mapping);
  expect(found.size).toBe(64 * PAGE);
  expect(found.resident).toBe(3 * PAGE);
  expect([...found.pageSizes]).toEqual([[PAGE, 3 * PAGE]]);
  expect([...found.nodes.values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(3 * PAGE);
  mapping.advise('dontneed', { offset: 7 * PAGE, length: PAGE });
  expect(residency(mapping).resident).toBe(2 * PAGE);
});

test('tells locked memory', () => {
  using mapping = Mapping.anonymous({ size: 8 * PAGE, locked: true });
  expect(residency(mapping)).toMatchObject({ resident: 8 * PAGE, locked: 8 * PAGE });
  mapping.unlock();
  expect(residency(mapping).locked).toBe(0);
  using later = Mapping.anonymous({ size: 8 * PAGE, locked: 'onfault', populate: false });
  later.bytes[0] = 1;
  expect(residency(later)).toMatchObject({ resident: PAGE, locked: PAGE });
  later.unlock();
  later.lock();
  expect(residency(later).locked).toBe(8 * PAGE);
});

test('tells transparent hugepages from ordinary ones', () => {
  using mapping = Mapping.anonymous({ size: 4 * HUGE, populate: false });
  mapping.advise('nohugepage');
  mapping.populate();
  expect([...residency(mapping).pageSizes.keys()]).toEqual([PAGE]);
  mapping.advise('hugepage');
  try {
    mapping.collapse();
  } catch (error) {
    // No free hugepage at this moment, or a kernel before 6.1.
    expect((error as { code: string }).code).toMatch(/EAGAIN|ENOMEM|UNSUPPORTED/);
    return;
  }
  const { pageSizes, exact } = residency(mapping);
  expect(pageSizes.get(HUGE)).toBeGreaterThanOrEqual(3 * HUGE);
  expect(exact).toBe(true);
});

test('tells pages of a pool', async (context) => {
  await withHugepages(context, HUGE, 3, () => {
    using mapping = Mapping.anonymous({ size: 3 * HUGE, hugePage: '2MiB', populate: false });
    expect(residency(mapping).resident).toBe(0);
    mapping.populate({ length: 2 * HUGE });
    const found = residency(mapping);
    expect(found).toMatchObject({ resident: 2 * HUGE, exact: true });
    expect([...found.pageSizes]).toEqual([[HUGE, 2 * HUGE]]);
    expect(found.nodes.get(0)).toBe(2 * HUGE);
  });
});

test('pages of a file', () => {
  using mapping = Mapping.file(openWith(pattern(5 * PAGE - 100)), { populate: true });
  expect(residency(mapping)).toMatchObject({ size: 5 * PAGE - 100, resident: 5 * PAGE });
});

test('without move_pages and PAGEMAP_SCAN it says that it is not exact, or is', () => {
  const seam = native.seam;
  if (seam === undefined) return;
  using mapping = Mapping.anonymous({ size: 2 * HUGE, hugePage: 'transparent' });
  const exact = residency(mapping);
  seam.fail(SYS_move_pages, 1, 1e6, 1);
  seam.fail(SYS_ioctl, 1, 1e6, 25);
  try {
    const found = residency(mapping);
    expect(found.resident).toBe(exact.resident);
    if (found.exact) expect(found).toEqual(exact);
  } finally {
    seam.reset();
  }
});

test('readers of smaps and numa_maps', () => {
  const smaps = `7f0000000000-7f0000400000 rw-p 00000000 00:00 0 [anon:mine]
Rss: 4096 kB
AnonHugePages:      2048 kB
Private_Hugetlb:       0 kB
Locked:             2048 kB
VmFlags: rd wr mr mw me lo dc
7f0000400000-7f0000401000 r--p 00000000 fe:00 12 /a file with spaces
FilePmdMapped:        64 kB
VmFlags: rd mr
`;
  const numa = '7f0000000000 default anon=1024 N0=2 N1=1 kernelpagesize_kB=2048\n';
  const reader = {
    text: (path: string) => (path.endsWith('smaps') ? smaps : numa),
    names: () => [],
  };
  const start = 0x7f0000000000;
  expect(readMappedAreas(start, start + 1, reader)).toEqual([
    { start, end: start + 4 * MiB, name: '[anon:mine]', hugeBytes: 2 * MiB, locked: true },
  ]);
  expect(readMappedAreas(start + 4 * MiB, start + 5 * MiB, reader)).toMatchObject([
    { name: '/a file with spaces', hugeBytes: 65_536, locked: false },
  ]);
  expect([...readNodePages(start, reader)]).toEqual([
    [0, 4 * MiB],
    [1, 2 * MiB],
  ]);
});

test('page faults are counted, of the process and of the thread', () => {
  const before = pageFaults({ thread: true });
  using mapping = Mapping.anonymous({ size: 512 * PAGE, populate: false });
  mapping.advise('nohugepage');
  for (let page = 0; page < 512; page++) mapping.bytes[page * PAGE] = 1;
  const after = pageFaults({ thread: true });
  expect(after.minor - before.minor).toBeGreaterThanOrEqual(512);
  expect(pageFaults().minor).toBeGreaterThanOrEqual(after.minor);
});

test('pools, and more of one until it is disposed', async (context) => {
  const sizes = hugepagePools().map(({ size }) => size);
  expect(sizes).toContain(HUGE);
  await withHugepages(context, HUGE, 2, () => {
    const pool = hugepagePools().find(({ size }) => size === HUGE);
    expect(pool).toEqual({ size: HUGE, total: 2, free: 2, reserved: 0, surplus: 0 });
    expect(hugepagePools({ node: 0 }).find(({ size }) => size === HUGE)?.total).toBe(2);
    {
      using _more = reserveHugepages({ size: '2MiB', count: 5 });
      expect(poolCount(HUGE)).toBe(5);
      using _enough = reserveHugepages({ size: HUGE, count: 3, node: 0 });
      expect(poolCount(HUGE)).toBe(5);
    }
    expect(poolCount(HUGE)).toBe(2);
  });
});

test('transparent hugepages can be switched off for the process', async () => {
  const before = transparentHugepages();
  expect(before.enabled).toMatch(/always|madvise|never/);
  setTransparentHugepages(false);
  try {
    expect(transparentHugepages().process).toBe(false);
  } finally {
    setTransparentHugepages(before.process);
  }
  expect(transparentHugepages()).toEqual(before);
});

test('all memory can be locked', () => {
  // In a process of its own: V8 ends it when its next memory cannot be locked.
  const source = `
    import { lockAll, Mapping, residency, unlockAll } from 'nearmetal/memory';
    lockAll({ future: true, onfault: true });
    const mapping = Mapping.anonymous({ size: 4096 });
    const before = residency(mapping).locked;
    unlockAll();
    console.log(JSON.stringify([before, residency(mapping).locked]));
  `;
  expect(evaluate(source)).toEqual([PAGE, 0]);
});

test('a limit that is too small is an error that says so', () => {
  const source = `
    import { lockAll, Mapping } from 'nearmetal/memory';
    const attempt = (call) => { try { call(); return 'done'; } catch (error) {
      return [error.code, error.syscall, error.hint]; } };
    const mapping = Mapping.anonymous({ size: 1 << 20 });
    console.log(JSON.stringify([
      attempt(() => Mapping.anonymous({ size: 1 << 20, locked: true })),
      attempt(() => mapping.lock()), attempt(() => lockAll()), attempt(() => mapping.unlock()),
    ]));
  `;
  const errors = evaluate(source, { memlock: 65_536 }) as [string, string, string][];
  expect(errors[0]?.slice(0, 2)).toEqual(['ENOMEM', 'mlock2']);
  expect(errors[0]?.[2]).toContain('RLIMIT_MEMLOCK is 64 KiB, and 1 MiB were asked for');
  expect(errors[1]?.[2]).toContain('ulimit -l');
  expect(errors[2]?.slice(0, 2)).toEqual(['ENOMEM', 'mlockall']);
  expect(errors[3]).toBe('done');
  const none = evaluate(source, { memlock: 0 }) as [string, string, string][];
  expect(none[1]?.slice(0, 2)).toEqual(['EPERM', 'mlock2']);
  expect(none[1]?.[2]).toContain('CAP_IPC_LOCK');
});

test('wrong arguments', () => {
  expectRefusal(() => residency({} as never), TYPE, '"mapping"');
  expectRefusal(() => hugepagePools({ node: -1 }), RANGE, '"node"');
  expect(hugepagePools({ node: 1000 })).toEqual([]);
  expectRefusal(() => reserveHugepages({ size: '3MiB', count: 1 }), RANGE, '"size"');
  expectRefusal(() => reserveHugepages({ size: 'x' as never, count: 1 }), TYPE, '"size"');
  expectRefusal(() => reserveHugepages({ size: '2MiB', count: 0 }), RANGE, '"count"');
  expectRefusal(() => lockAll({ current: false }), VALUE, '"current"');
  expectRefusal(() => setTransparentHugepages(1 as never), TYPE, '"allowed"');
  expectRefusal(() => pageFaults({ thread: 1 as never }), TYPE, '"thread"');
});
