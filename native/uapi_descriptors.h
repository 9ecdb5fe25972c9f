// The numbers of the descriptors that belong to readiness: timers, signals, processes, watched
// files, locks, and what goes over Unix sockets. Two tables, as in uapi_system.h.
#pragma once

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

// clang-format off
#define NEARMETAL_DESCRIPTOR_NAMES(X)                                                              \
  X(CLOCK_REALTIME_ALARM) X(CLOCK_BOOTTIME_ALARM)                                                  \
  X(SFD_CLOEXEC) X(SFD_NONBLOCK) X(SIG_BLOCK) X(SIG_UNBLOCK) X(SIG_SETMASK)                        \
  X(F_OFD_GETLK) X(F_OFD_SETLK) X(F_OFD_SETLKW) X(F_RDLCK) X(F_WRLCK) X(F_UNLCK) X(F_GETLEASE)     \
  X(F_SETLEASE)                                                                                    \
  X(IN_CLOEXEC) X(IN_NONBLOCK) X(IN_ACCESS) X(IN_MODIFY) X(IN_ATTRIB) X(IN_CLOSE_WRITE)            \
  X(IN_CLOSE_NOWRITE) X(IN_OPEN) X(IN_MOVED_FROM) X(IN_MOVED_TO) X(IN_CREATE) X(IN_DELETE)         \
  X(IN_DELETE_SELF) X(IN_MOVE_SELF) X(IN_UNMOUNT) X(IN_Q_OVERFLOW) X(IN_IGNORED) X(IN_ONLYDIR)     \
  X(IN_DONT_FOLLOW) X(IN_EXCL_UNLINK) X(IN_MASK_CREATE) X(IN_MASK_ADD) X(IN_ISDIR) X(IN_ONESHOT)   \
  X(FAN_CLOEXEC) X(FAN_NONBLOCK) X(FAN_CLASS_NOTIF) X(FAN_UNLIMITED_QUEUE) X(FAN_UNLIMITED_MARKS)  \
  X(FAN_REPORT_FID) X(FAN_REPORT_TID) X(FAN_MARK_ADD) X(FAN_MARK_REMOVE) X(FAN_MARK_DONT_FOLLOW)   \
  X(FAN_MARK_ONLYDIR) X(FAN_MARK_FLUSH) X(FAN_MARK_INODE) X(FAN_MARK_MOUNT) X(FAN_ACCESS)          \
  X(FAN_MODIFY) X(FAN_CLOSE_WRITE) X(FAN_CLOSE_NOWRITE) X(FAN_OPEN) X(FAN_Q_OVERFLOW)              \
  X(FAN_ONDIR) X(FAN_EVENT_ON_CHILD) X(FAN_NOFD)                                                   \
  X(SYS_rt_sigprocmask) X(SYS_socketpair) X(SYS_pread64) X(SYS_pwrite64) X(SYS_fstatfs)            \
  X(SYS_waitid) X(SYS_inotify_init1) X(SYS_inotify_add_watch) X(SYS_inotify_rm_watch)              \
  X(SYS_timerfd_gettime) X(SYS_fanotify_init) X(SYS_fanotify_mark) X(SYS_open_by_handle_at)        \
  X(SYS_kcmp) X(FUTEX_CMP_REQUEUE) X(SYS_fadvise64)

#define NEARMETAL_DESCRIPTOR_NEW(X)                                                                \
  X(FICLONE, 0x40049409) X(SEEK_DATA, 3) X(SEEK_HOLE, 4)                                           \
  X(PIDFD_THREAD, 0200) X(F_DUPFD_QUERY, 1027) X(KCMP_FILE, 0)                                     \
  X(SYS_close_range, 436) X(CLOSE_RANGE_UNSHARE, 2) X(CLOSE_RANGE_CLOEXEC, 4)                      \
  X(FAN_REPORT_DIR_FID, 0x400) X(FAN_REPORT_NAME, 0x800) X(FAN_REPORT_TARGET_FID, 0x1000)          \
  X(FAN_MARK_FILESYSTEM, 0x100) X(FAN_MARK_EVICTABLE, 0x200) X(FAN_ATTRIB, 4)                      \
  X(FAN_MOVED_FROM, 0x40) X(FAN_MOVED_TO, 0x80) X(FAN_CREATE, 0x100) X(FAN_DELETE, 0x200)          \
  X(FAN_DELETE_SELF, 0x400) X(FAN_MOVE_SELF, 0x800) X(FAN_OPEN_EXEC, 0x1000)                       \
  X(FAN_FS_ERROR, 0x8000) X(FAN_RENAME, 0x10000000) X(FAN_EVENT_INFO_TYPE_FID, 1)                  \
  X(FAN_EVENT_INFO_TYPE_DFID_NAME, 2) X(FAN_EVENT_INFO_TYPE_DFID, 3)                               \
  X(FAN_EVENT_INFO_TYPE_ERROR, 5) X(FAN_EVENT_INFO_TYPE_OLD_DFID_NAME, 10)                         \
  X(FAN_EVENT_INFO_TYPE_NEW_DFID_NAME, 12)
// clang-format on
