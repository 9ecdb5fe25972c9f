/**
 * System calls outside io_uring that may be missing or forbidden, each with arguments that change
 * nothing.
 */
import * as abi from '../abi.js';

/**
 * Where the call is known it answers anything but ENOSYS, and where it is allowed anything but
 * EPERM.
 */
export interface SystemCallProbe {
  readonly name: string;
  readonly since: string;
  readonly number: number;
  readonly integers: readonly number[];
  /** The answer of a kernel that has the call but not this use of it; ENOSYS if not given. */
  readonly missing?: number;
}

const advise = (name: string, since: string, advice: number): SystemCallProbe => ({
  name: `madvise_${name}`,
  since,
  number: abi.SYS_madvise,
  // Nothing at address 0: known advice answers 0, other EINVAL.
  integers: [0, 0, advice],
  missing: abi.EINVAL,
});

export const SYSTEM_CALLS: readonly SystemCallProbe[] = [
  { name: 'mbind', since: '2.6.7', number: abi.SYS_mbind, integers: [0, 0, 0, 0, 0, 0] },
  { name: 'set_mempolicy', since: '2.6.7', number: abi.SYS_set_mempolicy, integers: [-1, 0, 0] },
  {
    name: 'get_mempolicy',
    since: '2.6.7',
    number: abi.SYS_get_mempolicy,
    integers: [0, 0, 0, 0, -1],
  },
  {
    name: 'set_mempolicy_home_node',
    since: '5.17',
    number: abi.SYS_set_mempolicy_home_node,
    integers: [0, 0, 0, 1],
  },
  { name: 'move_pages', since: '2.6.18', number: abi.SYS_move_pages, integers: [0, 0, 0, 0, 0, 0] },
  {
    name: 'migrate_pages',
    since: '2.6.16',
    number: abi.SYS_migrate_pages,
    integers: [-1, 0, 0, 0],
  },
  {
    name: 'sched_setaffinity',
    since: '2.5.8',
    number: abi.SYS_sched_setaffinity,
    integers: [-1, 0, 0],
  },
  {
    name: 'sched_setscheduler',
    since: '2.0',
    number: abi.SYS_sched_setscheduler,
    integers: [-1, 0, 0],
  },
  { name: 'sched_setattr', since: '3.14', number: abi.SYS_sched_setattr, integers: [0, 0, 1] },
  { name: 'ioprio_set', since: '2.6.13', number: abi.SYS_ioprio_set, integers: [-1, 0, 0] },
  { name: 'mlock', since: '2.0', number: abi.SYS_mlock, integers: [0, 0] },
  { name: 'mlock2', since: '4.4', number: abi.SYS_mlock2, integers: [0, 0, -1] },
  { name: 'memfd_create', since: '3.17', number: abi.SYS_memfd_create, integers: [0, -1] },
  {
    name: 'process_madvise',
    since: '5.10',
    number: abi.SYS_process_madvise,
    integers: [-1, 0, 0, 0, -1],
  },
  { name: 'mseal', since: '6.10', number: abi.SYS_mseal, integers: [0, 0, 1] },
  { name: 'cachestat', since: '6.5', number: abi.SYS_cachestat, integers: [-1, 0, 0, 1] },
  { name: 'userfaultfd', since: '4.3', number: abi.SYS_userfaultfd, integers: [-1] },
  { name: 'membarrier', since: '4.3', number: abi.SYS_membarrier, integers: [0, 0, 0] },
  { name: 'epoll_create1', since: '2.6.27', number: abi.SYS_epoll_create1, integers: [-1] },
  {
    name: 'epoll_pwait2',
    since: '5.11',
    number: abi.SYS_epoll_pwait2,
    integers: [-1, 0, 0, 0, 0, 0],
  },
  { name: 'eventfd2', since: '2.6.27', number: abi.SYS_eventfd2, integers: [0, -1] },
  { name: 'timerfd_create', since: '2.6.25', number: abi.SYS_timerfd_create, integers: [-1, 0] },
  { name: 'signalfd4', since: '2.6.27', number: abi.SYS_signalfd4, integers: [-1, 0, 8, -1] },
  { name: 'pidfd_open', since: '5.3', number: abi.SYS_pidfd_open, integers: [-1, 0] },
  {
    name: 'pidfd_send_signal',
    since: '5.1',
    number: abi.SYS_pidfd_send_signal,
    integers: [-1, 0, 0, 0],
  },
  { name: 'pidfd_getfd', since: '5.6', number: abi.SYS_pidfd_getfd, integers: [-1, 0, 1] },
  { name: 'waitid', since: '2.6.9', number: abi.SYS_waitid, integers: [-1, 0, 0, 0, 0] },
  { name: 'inotify_init1', since: '2.6.27', number: abi.SYS_inotify_init1, integers: [-1] },
  {
    name: 'fanotify_init',
    since: '5.9',
    number: abi.SYS_fanotify_init,
    integers: [abi.FAN_REPORT_DIR_FID | abi.FAN_REPORT_NAME, -1],
  },
  { name: 'pipe2', since: '2.6.27', number: abi.SYS_pipe2, integers: [0, -1] },
  { name: 'close_range', since: '5.9', number: abi.SYS_close_range, integers: [1, 0, 0] },
  { name: 'futex_waitv', since: '5.16', number: abi.SYS_futex_waitv, integers: [0, 0, 0, 0, 0] },
  { name: 'splice', since: '2.6.17', number: abi.SYS_splice, integers: [-1, 0, -1, 0, 0, 0] },
  { name: 'tee', since: '2.6.17', number: abi.SYS_tee, integers: [-1, -1, 0, -1] },
  { name: 'vmsplice', since: '2.6.17', number: abi.SYS_vmsplice, integers: [-1, 0, 0, -1] },
  { name: 'sendfile', since: '2.2', number: abi.SYS_sendfile, integers: [-1, -1, 0, 0] },
  {
    name: 'copy_file_range',
    since: '4.5',
    number: abi.SYS_copy_file_range,
    integers: [-1, 0, -1, 0, 0, 1],
  },
  { name: 'openat2', since: '5.6', number: abi.SYS_openat2, integers: [-1, 0, 0, 0] },
  advise('HUGEPAGE', '2.6.38', abi.MADV_HUGEPAGE),
  advise('FREE', '4.5', abi.MADV_FREE),
  advise('COLD', '5.4', abi.MADV_COLD),
  advise('PAGEOUT', '5.4', abi.MADV_PAGEOUT),
  advise('POPULATE_WRITE', '5.14', abi.MADV_POPULATE_WRITE),
  advise('COLLAPSE', '6.1', abi.MADV_COLLAPSE),
  advise('GUARD_INSTALL', '6.13', abi.MADV_GUARD_INSTALL),
];
