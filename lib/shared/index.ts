/** What `nearmetal/shared` exports. */
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
