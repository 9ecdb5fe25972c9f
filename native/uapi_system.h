// The other numbers of Linux that TypeScript needs, as two tables: names that every supported
// system header has, whose value the compiler fills in, and newer ones, stated with their value.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

// clang-format off
#define NEARMETAL_SOCKET_NAMES(X)                                                                  \
  X(AF_UNSPEC) X(AF_UNIX) X(AF_INET) X(AF_INET6) X(AF_NETLINK) X(AF_PACKET) X(AF_VSOCK)            \
  X(SOCK_STREAM) X(SOCK_DGRAM) X(SOCK_RAW) X(SOCK_SEQPACKET) X(SOCK_CLOEXEC) X(SOCK_NONBLOCK)      \
  X(IPPROTO_IP) X(IPPROTO_TCP) X(IPPROTO_UDP) X(IPPROTO_IPV6) X(SHUT_RD) X(SHUT_WR) X(SHUT_RDWR)   \
  X(SOL_SOCKET) X(SO_REUSEADDR) X(SO_TYPE) X(SO_ERROR) X(SO_BROADCAST) X(SO_SNDBUF) X(SO_RCVBUF)   \
  X(SO_SNDBUFFORCE) X(SO_RCVBUFFORCE) X(SO_KEEPALIVE) X(SO_LINGER) X(SO_REUSEPORT) X(SO_PASSCRED)  \
  X(SO_PEERCRED) X(SO_RCVLOWAT) X(SO_SNDLOWAT) X(SO_RCVTIMEO) X(SO_SNDTIMEO) X(SO_ACCEPTCONN)      \
  X(SO_BINDTODEVICE) X(SO_TIMESTAMPNS) X(SO_TIMESTAMPING) X(SO_PROTOCOL) X(SO_DOMAIN)              \
  X(SO_RXQ_OVFL) X(SO_PRIORITY) X(SO_MARK) X(SO_BUSY_POLL) X(SO_INCOMING_CPU)                      \
  X(SO_ATTACH_REUSEPORT_CBPF) X(SO_ZEROCOPY) X(SO_INCOMING_NAPI_ID) X(SO_MAX_PACING_RATE)          \
  X(SO_PREFER_BUSY_POLL) X(SO_BUSY_POLL_BUDGET) X(SO_COOKIE) X(SCM_RIGHTS) X(SOMAXCONN)            \
  X(SO_DETACH_REUSEPORT_BPF)                                                                       \
  X(TCP_NODELAY) X(TCP_MAXSEG) X(TCP_CORK) X(TCP_KEEPIDLE) X(TCP_KEEPINTVL) X(TCP_KEEPCNT)         \
  X(TCP_SYNCNT) X(TCP_LINGER2) X(TCP_DEFER_ACCEPT) X(TCP_WINDOW_CLAMP) X(TCP_INFO) X(TCP_QUICKACK) \
  X(TCP_CONGESTION) X(TCP_USER_TIMEOUT) X(TCP_FASTOPEN) X(TCP_FASTOPEN_CONNECT)                    \
  X(TCP_NOTSENT_LOWAT) X(TCP_ZEROCOPY_RECEIVE)                                                     \
  X(IP_TOS) X(IP_TTL) X(IP_PKTINFO) X(IP_RECVERR) X(IP_RECVTOS) X(IP_MTU_DISCOVER) X(IP_MTU)       \
  X(IP_FREEBIND) X(IP_BIND_ADDRESS_NO_PORT) X(IP_MULTICAST_TTL) X(IP_MULTICAST_LOOP)               \
  X(IP_MULTICAST_IF) X(IP_ADD_MEMBERSHIP) X(IP_DROP_MEMBERSHIP)                                    \
  X(IPV6_V6ONLY) X(IPV6_RECVERR) X(IPV6_RECVPKTINFO) X(IPV6_PKTINFO) X(IPV6_TCLASS)                \
  X(IPV6_RECVTCLASS) X(IPV6_UNICAST_HOPS) X(IPV6_MULTICAST_IF) X(IPV6_MULTICAST_HOPS)              \
  X(IPV6_MULTICAST_LOOP) X(IPV6_JOIN_GROUP) X(IPV6_LEAVE_GROUP)                                    \
  X(MSG_OOB) X(MSG_PEEK) X(MSG_DONTROUTE) X(MSG_CTRUNC) X(MSG_TRUNC) X(MSG_DONTWAIT) X(MSG_EOR)    \
  X(MSG_WAITALL) X(MSG_CONFIRM) X(MSG_ERRQUEUE) X(MSG_NOSIGNAL) X(MSG_MORE) X(MSG_WAITFORONE)      \
  X(MSG_ZEROCOPY) X(MSG_FASTOPEN) X(MSG_CMSG_CLOEXEC)                                              \
  X(SO_EE_ORIGIN_NONE) X(SO_EE_ORIGIN_LOCAL) X(SO_EE_ORIGIN_ICMP) X(SO_EE_ORIGIN_ZEROCOPY)         \
  X(SO_EE_CODE_ZEROCOPY_COPIED)                                                                    \
  X(SO_TIMESTAMP) X(SCM_CREDENTIALS) X(IPV6_HOPLIMIT) X(IPV6_RECVHOPLIMIT)         \
  X(IP_RECVTTL) X(MCAST_JOIN_GROUP) X(MCAST_LEAVE_GROUP) X(MCAST_JOIN_SOURCE_GROUP)                \
  X(MCAST_LEAVE_SOURCE_GROUP)

#define NEARMETAL_FILE_NAMES(X)                                                                    \
  X(O_RDONLY) X(O_WRONLY) X(O_RDWR) X(O_ACCMODE) X(O_CREAT) X(O_EXCL) X(O_NOCTTY) X(O_TRUNC)       \
  X(O_APPEND) X(O_NONBLOCK) X(O_DSYNC) X(O_SYNC) X(O_DIRECT) X(O_DIRECTORY) X(O_NOFOLLOW)          \
  X(O_NOATIME) X(O_CLOEXEC) X(O_PATH) X(O_TMPFILE)                                                 \
  X(AT_FDCWD) X(AT_SYMLINK_NOFOLLOW) X(AT_REMOVEDIR) X(AT_SYMLINK_FOLLOW) X(AT_NO_AUTOMOUNT)       \
  X(AT_EMPTY_PATH) X(AT_STATX_SYNC_AS_STAT) X(AT_STATX_FORCE_SYNC) X(AT_STATX_DONT_SYNC)           \
  X(AT_EACCESS) X(RESOLVE_NO_XDEV) X(RESOLVE_NO_MAGICLINKS) X(RESOLVE_NO_SYMLINKS)                 \
  X(RESOLVE_BENEATH) X(RESOLVE_IN_ROOT) X(RESOLVE_CACHED)                                          \
  X(STATX_TYPE) X(STATX_MODE) X(STATX_NLINK) X(STATX_UID) X(STATX_GID) X(STATX_ATIME)              \
  X(STATX_MTIME) X(STATX_CTIME) X(STATX_INO) X(STATX_SIZE) X(STATX_BLOCKS) X(STATX_BASIC_STATS)    \
  X(STATX_BTIME) X(STATX_ALL) X(STATX_MNT_ID) X(STATX_ATTR_COMPRESSED) X(STATX_ATTR_IMMUTABLE)     \
  X(STATX_ATTR_APPEND) X(STATX_ATTR_NODUMP) X(STATX_ATTR_ENCRYPTED) X(STATX_ATTR_AUTOMOUNT)        \
  X(STATX_ATTR_MOUNT_ROOT) X(STATX_ATTR_VERITY) X(STATX_ATTR_DAX)                                  \
  X(S_IFMT) X(S_IFREG) X(S_IFDIR) X(S_IFLNK) X(S_IFCHR) X(S_IFBLK) X(S_IFIFO) X(S_IFSOCK)          \
  X(F_DUPFD_CLOEXEC) X(F_GETFD) X(F_SETFD) X(F_GETFL) X(F_SETFL) X(F_SETPIPE_SZ) X(F_GETPIPE_SZ)   \
  X(F_ADD_SEALS) X(F_GET_SEALS) X(F_SEAL_SEAL) X(F_SEAL_SHRINK) X(F_SEAL_GROW) X(F_SEAL_WRITE)     \
  X(F_SEAL_FUTURE_WRITE) X(FD_CLOEXEC)                                                             \
  X(FALLOC_FL_KEEP_SIZE) X(FALLOC_FL_PUNCH_HOLE) X(FALLOC_FL_COLLAPSE_RANGE)                       \
  X(FALLOC_FL_ZERO_RANGE) X(FALLOC_FL_INSERT_RANGE) X(FALLOC_FL_UNSHARE_RANGE)                     \
  X(POSIX_FADV_NORMAL) X(POSIX_FADV_RANDOM) X(POSIX_FADV_SEQUENTIAL) X(POSIX_FADV_WILLNEED)        \
  X(POSIX_FADV_DONTNEED) X(POSIX_FADV_NOREUSE) X(RWF_HIPRI) X(RWF_DSYNC) X(RWF_SYNC)               \
  X(RWF_NOWAIT) X(RWF_APPEND) X(SYNC_FILE_RANGE_WAIT_BEFORE) X(SYNC_FILE_RANGE_WRITE)              \
  X(SYNC_FILE_RANGE_WAIT_AFTER) X(SPLICE_F_MOVE) X(SPLICE_F_NONBLOCK) X(SPLICE_F_MORE)             \
  X(SPLICE_F_GIFT) X(SPLICE_F_FD_IN_FIXED)

#define NEARMETAL_EVENT_NAMES(X)                                                                   \
  X(EPOLL_CTL_ADD) X(EPOLL_CTL_DEL) X(EPOLL_CTL_MOD) X(EPOLL_CLOEXEC) X(EPOLLIN) X(EPOLLPRI)       \
  X(EPOLLOUT) X(EPOLLERR) X(EPOLLHUP) X(EPOLLRDNORM) X(EPOLLRDBAND) X(EPOLLWRNORM)                 \
  X(EPOLLWRBAND) X(EPOLLMSG) X(EPOLLRDHUP) X(EPOLLEXCLUSIVE) X(EPOLLWAKEUP) X(EPOLLONESHOT)        \
  X(EPOLLET) X(EFD_SEMAPHORE) X(EFD_CLOEXEC) X(EFD_NONBLOCK)                                       \
  X(POLLIN) X(POLLPRI) X(POLLOUT) X(POLLERR) X(POLLHUP) X(POLLNVAL) X(POLLRDNORM) X(POLLRDBAND)    \
  X(POLLWRNORM) X(POLLWRBAND) X(POLLMSG) X(POLLREMOVE) X(POLLRDHUP)                                \
  X(TFD_CLOEXEC) X(TFD_NONBLOCK) X(TFD_TIMER_ABSTIME) X(TFD_TIMER_CANCEL_ON_SET)                   \
  X(CLOCK_REALTIME) X(CLOCK_MONOTONIC) X(CLOCK_PROCESS_CPUTIME_ID) X(CLOCK_THREAD_CPUTIME_ID)      \
  X(CLOCK_MONOTONIC_RAW) X(CLOCK_REALTIME_COARSE) X(CLOCK_MONOTONIC_COARSE) X(CLOCK_BOOTTIME)      \
  X(CLOCK_TAI) X(FUTEX_WAIT) X(FUTEX_WAKE) X(FUTEX_PRIVATE_FLAG) X(FUTEX_CLOCK_REALTIME)           \
  X(FUTEX_WAIT_BITSET) X(FUTEX_WAKE_BITSET)

#define NEARMETAL_MEMORY_NAMES(X)                                                                  \
  X(PROT_NONE) X(PROT_READ) X(PROT_WRITE) X(PROT_EXEC) X(MAP_SHARED) X(MAP_PRIVATE)                \
  X(MAP_SHARED_VALIDATE) X(MAP_FIXED) X(MAP_FIXED_NOREPLACE) X(MAP_ANONYMOUS) X(MAP_NORESERVE)     \
  X(MAP_LOCKED) X(MAP_POPULATE) X(MAP_NONBLOCK) X(MAP_STACK) X(MAP_HUGETLB) X(MAP_SYNC)            \
  X(MADV_NORMAL) X(MADV_RANDOM) X(MADV_SEQUENTIAL) X(MADV_WILLNEED) X(MADV_DONTNEED) X(MADV_FREE)  \
  X(MADV_REMOVE) X(MADV_DONTFORK) X(MADV_DOFORK) X(MADV_MERGEABLE) X(MADV_UNMERGEABLE)             \
  X(MADV_HUGEPAGE) X(MADV_NOHUGEPAGE) X(MADV_DONTDUMP) X(MADV_DODUMP) X(MADV_WIPEONFORK)           \
  X(MADV_KEEPONFORK) X(MADV_COLD) X(MADV_PAGEOUT) X(MREMAP_MAYMOVE) X(MREMAP_FIXED)                \
  X(MS_ASYNC) X(MS_SYNC) X(MS_INVALIDATE) X(MCL_CURRENT) X(MCL_FUTURE) X(MFD_CLOEXEC)              \
  X(MFD_ALLOW_SEALING) X(MFD_HUGETLB)                                                              \
  X(MPOL_DEFAULT) X(MPOL_PREFERRED) X(MPOL_BIND) X(MPOL_INTERLEAVE) X(MPOL_LOCAL)                  \
  X(MPOL_F_STATIC_NODES) X(MPOL_F_RELATIVE_NODES) X(MPOL_F_NODE) X(MPOL_F_ADDR)                    \
  X(MPOL_F_MEMS_ALLOWED) X(MPOL_MF_STRICT) X(MPOL_MF_MOVE) X(MPOL_MF_MOVE_ALL)                     \
  X(SCHED_OTHER) X(SCHED_FIFO) X(SCHED_RR) X(SCHED_BATCH) X(SCHED_IDLE) X(SCHED_RESET_ON_FORK)     \
  X(PRIO_PROCESS) X(RLIMIT_MEMLOCK) X(RLIMIT_NOFILE) X(RLIMIT_RTPRIO) X(RLIMIT_NICE)             \
  X(RUSAGE_SELF) X(PR_SET_THP_DISABLE) X(PR_GET_THP_DISABLE)

#define NEARMETAL_SYSCALL_NAMES(X)                                                                 \
  X(SYS_read) X(SYS_write) X(SYS_close) X(SYS_mmap) X(SYS_munmap) X(SYS_mprotect) X(SYS_madvise)   \
  X(SYS_mremap) X(SYS_mincore) X(SYS_msync) X(SYS_mlock) X(SYS_mlock2) X(SYS_munlock)              \
  X(SYS_mlockall) X(SYS_munlockall) X(SYS_process_vm_readv) X(SYS_process_vm_writev)               \
  X(SYS_ftruncate) X(SYS_getrusage) X(SYS_geteuid) X(SYS_getegid) X(SYS_getgroups)                \
  X(SYS_setresuid) X(SYS_setresgid)                                                                \
  X(SYS_mbind) X(SYS_set_mempolicy) X(SYS_get_mempolicy) X(SYS_move_pages) \
  X(SYS_migrate_pages) X(SYS_memfd_create) X(SYS_sched_setaffinity) X(SYS_sched_getaffinity)       \
  X(SYS_sched_setscheduler) X(SYS_sched_getscheduler) X(SYS_sched_setattr) X(SYS_sched_getattr)    \
  X(SYS_setpriority) X(SYS_getpriority) X(SYS_ioprio_set) X(SYS_ioprio_get) X(SYS_getcpu)          \
  X(SYS_gettid) X(SYS_membarrier) X(SYS_futex) X(SYS_perf_event_open) X(SYS_userfaultfd)           \
  X(SYS_dup3) X(SYS_epoll_create1) X(SYS_epoll_ctl) X(SYS_epoll_pwait)                  \
  X(SYS_ppoll) X(SYS_pselect6) X(SYS_eventfd2) X(SYS_timerfd_create)                               \
  X(SYS_timerfd_settime) X(SYS_signalfd4) X(SYS_pidfd_open) X(SYS_pidfd_send_signal)               \
  X(SYS_pidfd_getfd) X(SYS_socket) X(SYS_bind) X(SYS_listen) X(SYS_accept4) X(SYS_connect)         \
  X(SYS_setsockopt) X(SYS_getsockopt) X(SYS_getsockname) X(SYS_getpeername) X(SYS_shutdown)        \
  X(SYS_sendto) X(SYS_recvfrom) X(SYS_sendmsg) X(SYS_recvmsg) X(SYS_sendmmsg) X(SYS_recvmmsg)      \
  X(SYS_sendfile) X(SYS_splice) X(SYS_tee) X(SYS_vmsplice) X(SYS_copy_file_range) X(SYS_pipe2)     \
  X(SYS_fcntl) X(SYS_ioctl) X(SYS_openat) X(SYS_openat2) X(SYS_statx) X(SYS_preadv2)               \
  X(SYS_pwritev2) X(SYS_fallocate) X(SYS_fchmod) X(SYS_fsync) X(SYS_fdatasync)                     \
  X(SYS_prlimit64) X(SYS_prctl)                                                                    \
  X(SYS_clock_gettime) X(SYS_io_uring_setup) X(SYS_io_uring_enter) X(SYS_io_uring_register)

#define NEARMETAL_SYSTEM_NEW(X)                                                                    \
  X(IOSQE_FIXED_FILE, 1u << 0) X(IOSQE_IO_DRAIN, 1u << 1) X(IOSQE_IO_LINK, 1u << 2)                \
  X(IOSQE_IO_HARDLINK, 1u << 3) X(IOSQE_ASYNC, 1u << 4) X(IOSQE_BUFFER_SELECT, 1u << 5)            \
  X(IOSQE_CQE_SKIP_SUCCESS, 1u << 6) X(IOU_PBUF_RING_MMAP, 1u << 0) X(IOU_PBUF_RING_INC, 1u << 1)  \
  X(IO_URING_OP_SUPPORTED, 1u << 0) X(IO_URING_NAPI_REGISTER_OP, 0)                                \
  X(IO_URING_NAPI_STATIC_ADD_ID, 1) X(IO_URING_NAPI_STATIC_DEL_ID, 2)                              \
  X(IO_URING_NAPI_TRACKING_DYNAMIC, 0) X(IO_URING_NAPI_TRACKING_STATIC, 1)                         \
  X(IO_URING_NAPI_TRACKING_INACTIVE, 255) X(SOCKET_URING_OP_SIOCINQ, 0)                            \
  X(SOCKET_URING_OP_SIOCOUTQ, 1) X(SOCKET_URING_OP_GETSOCKOPT, 2) X(SOCKET_URING_OP_SETSOCKOPT, 3) \
  X(SOCKET_URING_OP_TX_TIMESTAMP, 4) X(SOCKET_URING_OP_GETSOCKNAME, 5)                             \
  X(SIOCGIFINDEX, 0x8933) X(SOF_TIMESTAMPING_RX_HARDWARE, 4) X(SOF_TIMESTAMPING_RX_SOFTWARE, 8)    \
  X(SOF_TIMESTAMPING_SOFTWARE, 16) X(SOF_TIMESTAMPING_RAW_HARDWARE, 64)                            \
  X(SOL_TCP, 6) X(SOL_UDP, 17) X(UDP_SEGMENT, 103) X(UDP_GRO, 104) X(SO_TXTIME, 61)                \
  X(SO_RCVMARK, 75) X(SCM_TXTIME, 61) X(TCP_TX_DELAY, 37) X(TCP_ULP, 31)                           \
  X(O_LARGEFILE, NEARMETAL_KERNEL_O_LARGEFILE) X(AT_RECURSIVE, 0x8000) X(RENAME_NOREPLACE, 1)      \
  X(RENAME_EXCHANGE, 2) X(RENAME_WHITEOUT, 4) X(STATX_DIOALIGN, 0x2000)                            \
  X(FALLOC_FL_WRITE_ZEROES, 0x80) X(XATTR_CREATE, 1) X(XATTR_REPLACE, 2)                           \
  X(STATX_ATTR_WRITE_ATOMIC, 0x400000)                                                             \
  X(STATX_MNT_ID_UNIQUE, 0x4000) X(STATX_SUBVOL, 0x8000) X(STATX_WRITE_ATOMIC, 0x10000)            \
  X(STATX_DIO_READ_ALIGN, 0x20000) X(RWF_NOAPPEND, 0x20) X(RWF_ATOMIC, 0x40)                       \
  X(RWF_DONTCACHE, 0x80) X(MAP_HUGE_SHIFT, 26) X(MAP_HUGE_64KB, 16u << 26)                         \
  X(MAP_HUGE_2MB, 21u << 26) X(MAP_HUGE_32MB, 25u << 26) X(MAP_HUGE_512MB, 29u << 26)              \
  X(MAP_HUGE_1GB, 30u << 26) X(MAP_DROPPABLE, 8) X(MADV_POPULATE_READ, 22)                         \
  X(MADV_POPULATE_WRITE, 23) X(MADV_DONTNEED_LOCKED, 24) X(MADV_COLLAPSE, 25)                      \
  X(MADV_GUARD_INSTALL, 102) X(MADV_GUARD_REMOVE, 103) X(MREMAP_DONTUNMAP, 4)                      \
  X(MLOCK_ONFAULT, 1) X(MCL_ONFAULT, 4) X(MFD_NOEXEC_SEAL, 8) X(MFD_EXEC, 0x10)                    \
  X(F_SEAL_EXEC, 0x20) X(MPOL_PREFERRED_MANY, 5) X(MPOL_WEIGHTED_INTERLEAVE, 6)                    \
  X(MPOL_F_NUMA_BALANCING, 1 << 13) X(SCHED_DEADLINE, 6) X(SCHED_EXT, 7)                           \
  X(FUTEX2_SIZE_U32, 2) X(FUTEX2_PRIVATE, 128) X(FUTEX_BITSET_MATCH_ANY, 0xffffffffu)              \
  X(FUTEX_WAITV_MAX, 128) X(P_ALL, 0) X(P_PID, 1) X(P_PGID, 2) X(P_PIDFD, 3) X(WNOHANG, 1)         \
  X(WSTOPPED, 2) X(WEXITED, 4) X(WCONTINUED, 8) X(WNOWAIT, 0x01000000) X(CLD_EXITED, 1)            \
  X(CLD_KILLED, 2) X(CLD_DUMPED, 3) X(CLD_TRAPPED, 4) X(CLD_STOPPED, 5) X(CLD_CONTINUED, 6)        \
  X(PR_SET_CHILD_SUBREAPER, 36) X(SO_PASSPIDFD, 76) X(SCM_PIDFD, 4)                                \
  X(EPIOCSPARAMS, 0x40088a01)                                                                      \
  X(EPIOCGPARAMS, 0x80088a02) X(PR_SET_VMA, 0x53564d41) X(PR_SET_VMA_ANON_NAME, 0)                 \
  X(RUSAGE_THREAD, 1) X(PAGE_IS_PRESENT, 1 << 3) X(PAGE_IS_SWAPPED, 1 << 4)                        \
  X(PAGE_IS_HUGE, 1 << 6)                                                                          \
  X(IOPRIO_CLASS_SHIFT, 13) X(SYS_process_madvise, 440) X(SYS_epoll_pwait2, 441)                   \
  X(SYS_futex_waitv, 449) X(SYS_set_mempolicy_home_node, 450) X(SYS_cachestat, 451)                \
  X(SYS_futex_wake, 454) X(SYS_futex_wait, 455) X(SYS_mseal, 462)
// clang-format on

// glibc says 0, because its own wrappers add the flag; io_uring and openat2 see the kernel's value.
#if defined(__aarch64__)
#define NEARMETAL_KERNEL_O_LARGEFILE 0400000
#else
#define NEARMETAL_KERNEL_O_LARGEFILE 0100000
#endif
