/** What `nearmetal/zerocopy` exports: bytes that never visit JavaScript. */
export { Pipe, type PipeOptions, pipeSize, setPipeSize } from '../fd/pipe.js';
export {
  type CopyRangeOptions,
  copyFileRangeSync,
  type SendfileOptions,
  type SpliceOptions,
  sendfileSync,
  spliceSync,
  type TeeOptions,
  teeSync,
  vmspliceSync,
} from '../splice/calls.js';
export { PipePool, type PipePoolOptions } from '../splice/pipe-pool.js';
export {
  type CopyRangeMoveOptions,
  copyFileRange,
  type SendfileMoveOptions,
  type SpliceMoveOptions,
  sendfile,
  splice,
  tee,
  vmsplice,
} from './calls.js';
export { type FanOutOptions, type FanOutResult, fanOut } from './fan-out.js';
export type { MoveOptions } from './moving.js';
export { type ProxyCounts, type ProxyError, type ProxyOptions, proxy } from './proxy.js';
export {
  type FileTarget,
  type SendFileError,
  type SendFileOptions,
  sendFile,
} from './send-file.js';
