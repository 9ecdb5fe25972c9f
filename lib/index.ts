/**
 * The few names that most programs need; the rest is under `nearmetal/ring`, `/memory`, `/net` and
 * so on.
 */
export { SystemError, UnsupportedError } from './errors.js';
export { asFd, type FdLike, OwnedFd } from './fd/fd.js';
export { features } from './features.js';
export { Mapping } from './memory/mapping.js';
export type { MappingOptions } from './memory/options.js';
export * as op from './ring/ops/index.js';
export type { RingOptions } from './ring/options.js';
export { Ring } from './ring/ring.js';
export { addressOf, type ListenOptions, listen } from './socket/listen.js';
