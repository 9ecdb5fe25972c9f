/**
 * What io_uring consists of, in the order of the kernel's numbers, with the kernel that brought
 * each.
 */

/** Name and first kernel; the index is the opcode. */
// biome-ignore format: a dense table reads better
export const OPCODES: readonly (readonly [name: string, since: string])[] = [
  ['NOP', '5.1'], ['READV', '5.1'], ['WRITEV', '5.1'], ['FSYNC', '5.1'], ['READ_FIXED', '5.1'],
  ['WRITE_FIXED', '5.1'], ['POLL_ADD', '5.1'], ['POLL_REMOVE', '5.1'], ['SYNC_FILE_RANGE', '5.2'],
  ['SENDMSG', '5.3'], ['RECVMSG', '5.3'], ['TIMEOUT', '5.4'], ['TIMEOUT_REMOVE', '5.5'],
  ['ACCEPT', '5.5'], ['ASYNC_CANCEL', '5.5'], ['LINK_TIMEOUT', '5.5'], ['CONNECT', '5.5'],
  ['FALLOCATE', '5.6'], ['OPENAT', '5.6'], ['CLOSE', '5.6'], ['FILES_UPDATE', '5.6'],
  ['STATX', '5.6'], ['READ', '5.6'], ['WRITE', '5.6'], ['FADVISE', '5.6'], ['MADVISE', '5.6'],
  ['SEND', '5.6'], ['RECV', '5.6'], ['OPENAT2', '5.6'], ['EPOLL_CTL', '5.6'], ['SPLICE', '5.7'],
  ['PROVIDE_BUFFERS', '5.7'], ['REMOVE_BUFFERS', '5.7'], ['TEE', '5.8'], ['SHUTDOWN', '5.11'],
  ['RENAMEAT', '5.11'], ['UNLINKAT', '5.11'], ['MKDIRAT', '5.15'], ['SYMLINKAT', '5.15'],
  ['LINKAT', '5.15'], ['MSG_RING', '5.18'], ['FSETXATTR', '5.19'], ['SETXATTR', '5.19'],
  ['FGETXATTR', '5.19'], ['GETXATTR', '5.19'], ['SOCKET', '5.19'], ['URING_CMD', '5.19'],
  ['SEND_ZC', '6.0'], ['SENDMSG_ZC', '6.1'], ['READ_MULTISHOT', '6.7'], ['WAITID', '6.7'],
  ['FUTEX_WAIT', '6.7'], ['FUTEX_WAKE', '6.7'], ['FUTEX_WAITV', '6.7'],
  ['FIXED_FD_INSTALL', '6.8'], ['FTRUNCATE', '6.9'], ['BIND', '6.11'], ['LISTEN', '6.11'],
  ['RECV_ZC', '6.15'], ['EPOLL_WAIT', '6.15'], ['READV_FIXED', '6.15'], ['WRITEV_FIXED', '6.15'],
  ['PIPE', '6.16'], ['NOP128', '6.19'], ['URING_CMD128', '6.19'],
];

/** Name and first kernel; the index is the bit. */
// biome-ignore format: a dense table reads better
export const SETUP_FLAGS: readonly (readonly [name: string, since: string])[] = [
  ['IOPOLL', '5.1'], ['SQPOLL', '5.1'], ['SQ_AFF', '5.1'], ['CQSIZE', '5.5'], ['CLAMP', '5.6'],
  ['ATTACH_WQ', '5.6'], ['R_DISABLED', '5.10'], ['SUBMIT_ALL', '5.18'], ['COOP_TASKRUN', '5.19'],
  ['TASKRUN_FLAG', '5.19'], ['SQE128', '5.19'], ['CQE32', '5.19'], ['SINGLE_ISSUER', '6.0'],
  ['DEFER_TASKRUN', '6.1'], ['NO_MMAP', '6.5'], ['REGISTERED_FD_ONLY', '6.5'],
  ['NO_SQARRAY', '6.6'], ['HYBRID_IOPOLL', '6.13'], ['CQE_MIXED', '6.18'], ['SQE_MIXED', '6.19'],
  ['SQ_REWIND', '7.0'],
];

/** Name and first kernel; the index is the bit of `params.features`. */
// biome-ignore format: a dense table reads better
export const RING_FEATURES: readonly (readonly [name: string, since: string])[] = [
  ['SINGLE_MMAP', '5.4'], ['NODROP', '5.5'], ['SUBMIT_STABLE', '5.5'], ['RW_CUR_POS', '5.6'],
  ['CUR_PERSONALITY', '5.6'], ['FAST_POLL', '5.7'], ['POLL_32BITS', '5.9'],
  ['SQPOLL_NONFIXED', '5.11'], ['EXT_ARG', '5.11'], ['NATIVE_WORKERS', '5.12'],
  ['RSRC_TAGS', '5.13'], ['CQE_SKIP', '5.17'], ['LINKED_FILE', '5.17'], ['REG_REG_RING', '6.3'],
  ['RECVSEND_BUNDLE', '6.10'], ['MIN_TIMEOUT', '6.12'], ['RW_ATTR', '6.14'],
  ['NO_IOWAIT', '6.15'],
];

/**
 * How to ask for a registration so that a kernel that knows it answers anything but EINVAL.
 * `bytes` is the size of the zeroed argument (none: a null pointer), `words` what is put into it
 * by index.
 */
export interface RegistrationProbe {
  readonly name: string;
  readonly since: string;
  readonly bytes?: number;
  readonly words?: Readonly<Record<number, number>>;
  readonly count?: number;
  /** Needs DEFER_TASKRUN. */
  readonly ring?: 'deferred';
  /**
   * Cannot be asked without a side effect on the thread, or a clear answer: known where this other
   * one is, which came with it or later.
   */
  readonly as?: string;
}

const NO_FD = 0xffffffff;

/** The index is the registration's number. */
export const REGISTRATIONS: readonly RegistrationProbe[] = [
  { name: 'BUFFERS', since: '5.1', count: 1 },
  { name: 'UNREGISTER_BUFFERS', since: '5.1' },
  { name: 'FILES', since: '5.1', count: 1 },
  { name: 'UNREGISTER_FILES', since: '5.1' },
  { name: 'EVENTFD', since: '5.2', count: 1 },
  { name: 'UNREGISTER_EVENTFD', since: '5.2' },
  { name: 'FILES_UPDATE', since: '5.5', count: 1 },
  { name: 'EVENTFD_ASYNC', since: '5.6', count: 1 },
  { name: 'PROBE', since: '5.6', bytes: 16 + 8, count: 1 },
  { name: 'PERSONALITY', since: '5.6' },
  { name: 'UNREGISTER_PERSONALITY', since: '5.6', as: 'PERSONALITY' },
  { name: 'RESTRICTIONS', since: '5.10' },
  { name: 'ENABLE_RINGS', since: '5.10' },
  { name: 'FILES2', since: '5.13', count: 32 },
  { name: 'FILES_UPDATE2', since: '5.13', count: 32 },
  { name: 'BUFFERS2', since: '5.13', count: 32 },
  { name: 'BUFFERS_UPDATE', since: '5.13', count: 32 },
  { name: 'IOWQ_AFF', since: '5.14', as: 'IOWQ_MAX_WORKERS' },
  { name: 'UNREGISTER_IOWQ_AFF', since: '5.14', as: 'IOWQ_MAX_WORKERS' },
  // Two zeros ask for the numbers without changing them.
  { name: 'IOWQ_MAX_WORKERS', since: '5.15', bytes: 8, count: 2 },
  { name: 'RING_FDS', since: '5.18', count: 1 },
  { name: 'UNREGISTER_RING_FDS', since: '5.18', count: 1, as: 'RING_FDS' },
  // One entry at address 0: EFAULT.
  { name: 'PBUF_RING', since: '5.19', bytes: 40, words: { 2: 1 }, count: 1 },
  { name: 'UNREGISTER_PBUF_RING', since: '5.19', bytes: 40, count: 1 },
  // Nothing has this user_data: ENOENT.
  {
    name: 'SYNC_CANCEL',
    since: '6.0',
    bytes: 64,
    words: { 0: 0xffffffff, 1: 0xffffffff },
    count: 1,
  },
  { name: 'FILE_ALLOC_RANGE', since: '6.0', bytes: 16 },
  { name: 'PBUF_STATUS', since: '6.8', bytes: 40, count: 1 },
  { name: 'NAPI', since: '6.9', bytes: 16, count: 1 },
  { name: 'UNREGISTER_NAPI', since: '6.9', bytes: 16, count: 1 },
  // CLOCK_MONOTONIC is 1, and what a ring has anyway.
  { name: 'CLOCK', since: '6.12', bytes: 16, words: { 0: 1 } },
  { name: 'CLONE_BUFFERS', since: '6.12', bytes: 32, words: { 0: NO_FD }, count: 1 },
  // Asked without a ring: 5.10 looks for one before it says that it does not know it.
  { name: 'SEND_MSG_RING', since: '6.13', as: 'MEM_REGION' },
  { name: 'ZCRX_IFQ', since: '6.15', bytes: 96, count: 1, ring: 'deferred' },
  {
    name: 'RESIZE_RINGS',
    since: '6.13',
    bytes: 120,
    words: { 0: 4, 1: 8 },
    count: 1,
    ring: 'deferred',
  },
  { name: 'MEM_REGION', since: '6.13', bytes: 32, count: 1 },
  { name: 'QUERY', since: '6.18' },
  { name: 'ZCRX_CTRL', since: '6.19' },
  { name: 'BPF_FILTER', since: '7.0', count: 1 },
];
