/** What `nearmetal/workers` exports. */
export { type WorkerContext, workerContext } from './context.js';
export { WorkerError } from './errors.js';
export {
  type FinishOptions,
  type GroupEvents,
  launch,
  type ReloadOptions,
  type StatsOptions,
  type WorkerGroup,
} from './group.js';
export type { ChannelToOptions } from './lines.js';
export type { LaunchOptions, RestartOptions, WorkerThreadOptions } from './options.js';
export { type RendezvousNode, rendezvousOf, type ShardKey, shardOf } from './shard.js';
export type { SupervisedWorker, WorkerState, WorkerStats } from './supervised.js';
export type { WorkerExit } from './thread.js';
