/** What `nearmetal/memory` exports. */
export type { Advice } from './advice.js';
export { Arena, ArenaScope } from './arena.js';
export { BufferLease, BufferPool, type BufferPoolOptions } from './buffer-pool.js';
export { Mapping, type SyncOptions } from './mapping.js';
export type {
  AnonymousOptions,
  CommonMappingOptions,
  FileMappingOptions,
  MappingOptions,
  MemfdOptions,
  Protection,
  RangeOptions,
  Seal,
} from './options.js';
export type { Backing, HugePage, HugePageFallback } from './pages.js';
export {
  type HugepagePool,
  HugepageReservation,
  hugepagePools,
  type ReserveOptions,
  reserveHugepages,
} from './pools.js';
export {
  type LockAllOptions,
  lockAll,
  type PageFaults,
  pageFaults,
  setTransparentHugepages,
  type ThpState,
  transparentHugepages,
  unlockAll,
} from './process.js';
export { type Residency, residency } from './residency.js';
export { Slab, type SlabOptions } from './slab.js';
