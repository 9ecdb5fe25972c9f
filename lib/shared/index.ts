/** What `nearmetal/shared` exports. */

export { Barrier } from './barrier.js';
export { BroadcastRing, type BroadcastRingOptions } from './broadcast.js';
export type { BroadcastReader, BroadcastWriter } from './broadcast-sides.js';
export { Channel, type ChannelOpenOptions, type ChannelOptions } from './channel.js';
export type { ChannelWaitOptions } from './channel-requests.js';
export { Condition } from './condition.js';
export { Counters } from './counters.js';
export { WorkDeque, type WorkOwner, type WorkThief } from './deque.js';
export { SharedError, type SharedErrorCode } from './errors.js';
export {
  type FutexOptions,
  type FutexRequeueOptions,
  type FutexTimes,
  type FutexWaited,
  type FutexWaiter,
  type FutexWakeOptions,
  type FutexWords,
  futexRequeue,
  futexWait,
  futexWaitv,
  futexWake,
} from './futex.js';
export { type HashMapOptions, type Key, SharedHashMap } from './hash-map.js';
export { Histogram } from './histogram.js';
export { SharedMemory, type SharedMemoryOptions } from './memory.js';
export type { MessageConsumer } from './message-consumer.js';
export type { Message, MessageProducer } from './message-producer.js';
export type { MpmcHandle } from './mpmc-handle.js';
export { MpmcQueue, type MpmcQueueOptions } from './mpmc-queue.js';
export type { LockState } from './mutex.js';
export { Mutex } from './mutex.js';
export { Once } from './once.js';
export type { RecordKind, RecordOf, RecordsOf } from './records.js';
export { Semaphore } from './semaphore.js';
export { SeqLock } from './seq-lock.js';
export type { SpscConsumer } from './spsc-consumer.js';
export { SpscMessages, type SpscMessagesOptions } from './spsc-messages.js';
export type { SpscProducer } from './spsc-producer.js';
export { SpscQueue, type SpscQueueOptions } from './spsc-queue.js';
export type { AsyncWaitOptions, BlockingWaitOptions } from './waiting.js';
