/** What `nearmetal/cpu` exports. */
export {
  allowedCpus,
  getAffinity,
  getcpu,
  gettid,
  setAffinity,
  type Whereabouts,
} from './affinity.js';
export type { Cache } from './caches.js';
export { nanoseconds, type TickCounter, tickCounter, ticks } from './clock.js';
export { type Irq, irqs, setIrqAffinity } from './irqs.js';
export type { CpuKind, Frequency } from './kinds.js';
export type { MemoryNode } from './nodes.js';
export {
  PerfCounters,
  type PerfEvent,
  type PerfOptions,
  type PerfReading,
  type PerfSupport,
  perfSupport,
} from './perf.js';
export { type PlacementOptions, type PlacementPolicy, place } from './placement.js';
export {
  type Autogroup,
  getAutogroup,
  getIoPriority,
  getNice,
  getTimerSlack,
  type IoClass,
  type IoPriority,
  setAutogroupNice,
  setIoPriority,
  setNice,
  setTimerSlack,
} from './priority.js';
export {
  getScheduler,
  type Policy,
  type SchedulerOptions,
  type SchedulerState,
  setScheduler,
} from './scheduler.js';
export { CpuSet, type CpuSetLike } from './set.js';
export type { Group } from './sysfs.js';
export type { ThreadOptions } from './thread-option.js';
export {
  type Evidence,
  type IdentifyOptions,
  identifyThreads,
  setRoleAffinity,
  type ThreadInfo,
  type ThreadRole,
  threads,
} from './threads.js';
export { type Cpu, type Topology, type TopologyOptions, topology } from './topology.js';
export { PinnedWorker, type PinnedWorkerOptions } from './worker.js';
