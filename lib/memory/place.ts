/** Carries a plan out: maps, advises, fetches, locks and names; what fails half-way is undone. */
import {
  EINVAL,
  F_ADD_SEALS,
  F_SEAL_SHRINK,
  MADV_HUGEPAGE,
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_HUGETLB,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB,
  MLOCK_ONFAULT,
  PROT_NONE,
  SYS_ftruncate,
} from '../abi.js';
import { check, SystemError, systemError, UnsupportedError } from '../errors.js';
import { OwnedFd } from '../fd/fd.js';
import { native, type RegionId } from '../native.js';
import { readTransparentHugepages } from '../proc/machine.js';
import { alignUp } from '../units.js';
import { type Manner, type Plan, PROTECTIONS } from './options.js';
import { type Pages, TRANSPARENT_BYTES } from './pages.js';
import { type PopulateFailure, populate } from './populate.js';

/** Mapped memory, before it is a Mapping. */
export interface Placed {
  readonly region: RegionId;
  readonly size: number;
  readonly pages: Pages;
  readonly fd: OwnedFd | undefined;
  /** The kernel keeps its name. */
  readonly named: boolean;
}

/** Tries one way after the other; the first that the kernel agrees to is it. */
function firstOf(ways: readonly Pages[], attempt: (pages: Pages) => Placed): Placed {
  for (const [index, pages] of ways.entries()) {
    try {
      return attempt(pages);
    } catch (error) {
      const known = SystemError.is(error) || error instanceof UnsupportedError;
      if (!known || index === ways.length - 1) throw error;
    }
  }
  throw new TypeError('unreachable');
}

export function placeAnonymous(plan: Plan, share: 'private' | 'shared'): Placed {
  const kind = MAP_ANONYMOUS | (share === 'shared' ? MAP_SHARED : MAP_PRIVATE);
  return firstOf(plan.ways, (pages) => {
    if (pages.backing === 'transparent') needTransparent(share === 'shared' ? 'shmem' : 'enabled');
    return place(plan, pages, kind, undefined);
  });
}

export function placeMemfd(plan: Plan, seals: number): Placed {
  return firstOf(plan.ways, (pages) => {
    if (pages.backing === 'transparent') needTransparent('shmem');
    const size = alignUp(plan.size, pages.size);
    const fd = OwnedFd.adopt(makeMemfd(plan.name, pages));
    try {
      check(native.syscall(SYS_ftruncate, fd.fd, size), 'ftruncate');
      const placed = place(plan, pages, MAP_SHARED, fd);
      try {
        check(native.fcntl(fd.fd, F_ADD_SEALS, seals | F_SEAL_SHRINK), 'fcntl');
      } catch (error) {
        native.regionRelease(placed.region, true);
        throw error;
      }
      return placed;
    } catch (error) {
      fd.close();
      throw error;
    }
  });
}

function makeMemfd(name: string, pages: Pages): number {
  const huge = pages.flags === 0 ? 0 : (pages.flags & ~MAP_HUGETLB) | MFD_HUGETLB;
  const flags = (MFD_CLOEXEC | MFD_ALLOW_SEALING | huge) >>> 0;
  const facts = { flags: pages.flags };
  return check(native.memfdCreate(name || 'nearmetal', flags), 'memfd_create', { facts });
}

function place(plan: Plan, pages: Pages, kind: number, fd: OwnedFd | undefined): Placed {
  const size = alignUp(plan.size, pages.size);
  const hint = pages.backing === 'transparent' ? alignedHint(size) : 0;
  const protection = PROTECTIONS.readwrite;
  const request = { size, pages, protection, flags: kind, hint, fd: fd?.fd ?? -1 };
  const region = mapPages(plan, request);
  const facts = { flags: pages.flags, bytes: size };
  try {
    if (pages.backing === 'transparent') {
      const result = native.regionAdvise(region, 0, size, MADV_HUGEPAGE);
      if (result === -EINVAL) throw noTransparent('the kernel was built without them');
      check(result, 'madvise');
    }
    if (plan.populate) fail(populate(region, 0, size, pages.size, true), facts);
    lock(region, size, plan);
    const named =
      plan.name !== '' && fd === undefined && native.regionName(region, plan.name) === 0;
    return { region, size, pages, fd, named: named || (fd !== undefined && plan.name !== '') };
  } catch (error) {
    native.regionRelease(region, true);
    throw error;
  }
}

/** One mmap(2). */
export interface Request {
  readonly size: number;
  readonly pages: Pages;
  readonly protection: number;
  readonly flags: number;
  /** Where it may go, unless the manner says where it must. */
  readonly hint?: number;
  readonly fd?: number;
  readonly offset?: number;
}

/** Maps what `request` says, in the way that every kind of mapping can be asked for. */
export function mapPages(manner: Manner, request: Request): RegionId {
  const { size, pages, protection, hint = 0, fd = -1, offset = 0 } = request;
  let flags = request.flags | (fd === -1 ? pages.flags : 0);
  if (manner.noreserve) flags |= MAP_NORESERVE;
  if (manner.address !== 0) flags |= MAP_FIXED_NOREPLACE;
  const at = manner.address || hint;
  const region = native.regionMap(at, size, protection, flags >>> 0, fd, offset);
  // The pages of a file are those of the file: only the hint is told of them.
  return check(region, 'mmap', { facts: { flags: (flags | pages.flags) >>> 0, bytes: size } });
}

/** mlock2(2), which unlike MAP_LOCKED says when it could not. */
export function lock(region: RegionId, size: number, { locked }: Pick<Manner, 'locked'>): void {
  if (locked === false) return;
  const flags = locked === 'onfault' ? MLOCK_ONFAULT : 0;
  check(native.regionLock(region, 0, size, flags), 'mlock2', { facts: { bytes: size } });
}

export function fail(
  failure: PopulateFailure | undefined,
  facts: Readonly<Record<string, number>>,
): void {
  if (failure !== undefined) throw systemError(failure.result, failure.syscall, { facts });
}

/** An address where whole huge pages fit, and where nothing is as long as nobody else maps. */
function alignedHint(size: number): number {
  const room = size + TRANSPARENT_BYTES;
  const kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const probe = native.regionMap(0, room, PROT_NONE, kind, -1, 0);
  if (probe < 0) return 0;
  const address = alignUp(native.regionAddress(probe), TRANSPARENT_BYTES);
  native.regionRelease(probe, true);
  return address;
}

/** The kernel takes the advice and ignores it where the switch says never. */
function needTransparent(which: 'enabled' | 'shmem'): void {
  const found = readTransparentHugepages()[which];
  if (found === undefined) throw noTransparent('the kernel was built without them');
  if (found !== 'never' && found !== 'deny') return;
  const file = which === 'shmem' ? 'shmem_enabled' : 'enabled';
  const value = which === 'shmem' ? 'advise' : 'madvise';
  throw noTransparent(
    `${file} is ${found}`,
    `\`echo ${value} > /sys/kernel/mm/transparent_hugepage/${file}\` (as root), or ` +
      "`orElse: 'ordinary'`",
  );
}

function noTransparent(reason: string, hint = "`orElse: 'ordinary'`"): UnsupportedError {
  return new UnsupportedError({ feature: 'transparent hugepages', reason, hint });
}
