/** What `nearmetal/memory` exports. */
export type { Advice } from './advice.js';
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
