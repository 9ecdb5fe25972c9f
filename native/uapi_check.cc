// Nothing but assertions: the sizes and offsets that TypeScript relies on, and our numbers against
// the system's header as far as that goes. A platform where one does not hold must not compile.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <linux/time_types.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>

#include <bit>
#include <cstddef>
#include <cstdint>

// It includes <sys/stat.h>, which does not go with <linux/stat.h> in musl.
#if defined(__GLIBC__) && __has_include(<uv.h>)
#include <uv.h>
#endif

#include "uapi.h"

static_assert(std::endian::native == std::endian::little, "64-bit fields are written as low, high");
static_assert(sizeof(void*) == 8, "addresses are pairs of 32-bit words");

// Our numbers are the system's.
#define NEARMETAL_SAME(name, value)                                          \
  static_assert(static_cast<int64_t>(IORING_##name) == int64_t{value} &&     \
                    static_cast<int64_t>(nearmetal::uapi::name) == int64_t{value}, \
                #name);
NEARMETAL_IO_URING_OLD(NEARMETAL_SAME)
#ifdef IORING_SETUP_DEFER_TASKRUN
static_assert(IORING_OP_SENDMSG_ZC == nearmetal::uapi::OP_SENDMSG_ZC);
static_assert(IORING_REGISTER_FILE_ALLOC_RANGE == nearmetal::uapi::REGISTER_FILE_ALLOC_RANGE);
static_assert(IORING_SETUP_DEFER_TASKRUN == nearmetal::uapi::SETUP_DEFER_TASKRUN);
#endif
// Not in 6.1 when it came out; its later releases have them.
#ifdef IORING_ASYNC_CANCEL_OP
static_assert(IORING_ASYNC_CANCEL_OP == nearmetal::uapi::ASYNC_CANCEL_OP);
#endif
#ifdef IORING_OFF_MMAP_MASK
static_assert(IORING_OFF_MMAP_MASK == nearmetal::uapi::OFF_MMAP_MASK);
#endif

#define NEARMETAL_SIZE(type, size) static_assert(sizeof(type) == (size), #type)
#define NEARMETAL_AT(type, field, offset) \
  static_assert(offsetof(type, field) == (offset), #type "." #field)

NEARMETAL_SIZE(io_uring_sqe, 64);
NEARMETAL_AT(io_uring_sqe, opcode, 0);
NEARMETAL_AT(io_uring_sqe, flags, 1);
NEARMETAL_AT(io_uring_sqe, ioprio, 2);
NEARMETAL_AT(io_uring_sqe, fd, 4);
NEARMETAL_AT(io_uring_sqe, off, 8);
NEARMETAL_AT(io_uring_sqe, addr2, 8);
NEARMETAL_AT(io_uring_sqe, addr, 16);
NEARMETAL_AT(io_uring_sqe, splice_off_in, 16);
NEARMETAL_AT(io_uring_sqe, len, 24);
NEARMETAL_AT(io_uring_sqe, rw_flags, 28);
NEARMETAL_AT(io_uring_sqe, msg_flags, 28);
NEARMETAL_AT(io_uring_sqe, poll32_events, 28);
NEARMETAL_AT(io_uring_sqe, user_data, 32);
NEARMETAL_AT(io_uring_sqe, buf_index, 40);
NEARMETAL_AT(io_uring_sqe, buf_group, 40);
NEARMETAL_AT(io_uring_sqe, personality, 42);
NEARMETAL_AT(io_uring_sqe, splice_fd_in, 44);
NEARMETAL_AT(io_uring_sqe, file_index, 44);

NEARMETAL_SIZE(io_uring_cqe, 16);
NEARMETAL_AT(io_uring_cqe, user_data, 0);
NEARMETAL_AT(io_uring_cqe, res, 8);
NEARMETAL_AT(io_uring_cqe, flags, 12);

NEARMETAL_SIZE(io_uring_params, 120);
NEARMETAL_AT(io_uring_params, sq_entries, 0);
NEARMETAL_AT(io_uring_params, cq_entries, 4);
NEARMETAL_AT(io_uring_params, flags, 8);
NEARMETAL_AT(io_uring_params, sq_thread_cpu, 12);
NEARMETAL_AT(io_uring_params, sq_thread_idle, 16);
NEARMETAL_AT(io_uring_params, features, 20);
NEARMETAL_AT(io_uring_params, wq_fd, 24);
NEARMETAL_AT(io_uring_params, sq_off, 40);
NEARMETAL_AT(io_uring_params, sq_off.head, 40);
NEARMETAL_AT(io_uring_params, sq_off.tail, 44);
NEARMETAL_AT(io_uring_params, sq_off.ring_mask, 48);
NEARMETAL_AT(io_uring_params, sq_off.ring_entries, 52);
NEARMETAL_AT(io_uring_params, sq_off.flags, 56);
NEARMETAL_AT(io_uring_params, sq_off.dropped, 60);
NEARMETAL_AT(io_uring_params, sq_off.array, 64);
NEARMETAL_AT(io_uring_params, cq_off, 80);
NEARMETAL_AT(io_uring_params, cq_off.head, 80);
NEARMETAL_AT(io_uring_params, cq_off.tail, 84);
NEARMETAL_AT(io_uring_params, cq_off.ring_mask, 88);
NEARMETAL_AT(io_uring_params, cq_off.ring_entries, 92);
NEARMETAL_AT(io_uring_params, cq_off.overflow, 96);
NEARMETAL_AT(io_uring_params, cq_off.cqes, 100);
NEARMETAL_AT(io_uring_params, cq_off.flags, 104);

NEARMETAL_SIZE(io_uring_probe, 16);
NEARMETAL_AT(io_uring_probe, ops_len, 1);
NEARMETAL_SIZE(io_uring_probe_op, 8);
NEARMETAL_AT(io_uring_probe_op, flags, 2);
NEARMETAL_SIZE(io_uring_restriction, 16);
NEARMETAL_SIZE(io_uring_getevents_arg, 24);
NEARMETAL_AT(io_uring_getevents_arg, ts, 16);
NEARMETAL_SIZE(io_uring_files_update, 16);
NEARMETAL_AT(io_uring_files_update, fds, 8);
NEARMETAL_SIZE(io_uring_rsrc_register, 32);
NEARMETAL_AT(io_uring_rsrc_register, data, 16);
NEARMETAL_AT(io_uring_rsrc_register, tags, 24);
NEARMETAL_SIZE(io_uring_rsrc_update, 16);
NEARMETAL_AT(io_uring_rsrc_update, data, 8);
NEARMETAL_SIZE(io_uring_rsrc_update2, 32);
NEARMETAL_AT(io_uring_rsrc_update2, data, 8);
NEARMETAL_AT(io_uring_rsrc_update2, tags, 16);
NEARMETAL_AT(io_uring_rsrc_update2, nr, 24);

#ifdef IORING_SETUP_DEFER_TASKRUN  // headers of 6.1 and newer
NEARMETAL_AT(io_uring_sqe, addr_len, 44);
NEARMETAL_AT(io_uring_sqe, addr3, 48);
NEARMETAL_SIZE(io_uring_buf, 16);
NEARMETAL_AT(io_uring_buf, addr, 0);
NEARMETAL_AT(io_uring_buf, len, 8);
NEARMETAL_AT(io_uring_buf, bid, 12);
NEARMETAL_AT(io_uring_buf_ring, tail, 14);
NEARMETAL_SIZE(io_uring_buf_reg, 40);
NEARMETAL_AT(io_uring_buf_reg, ring_addr, 0);
NEARMETAL_AT(io_uring_buf_reg, ring_entries, 8);
NEARMETAL_AT(io_uring_buf_reg, bgid, 12);
NEARMETAL_SIZE(io_uring_sync_cancel_reg, 64);
NEARMETAL_AT(io_uring_sync_cancel_reg, fd, 8);
NEARMETAL_AT(io_uring_sync_cancel_reg, flags, 12);
NEARMETAL_AT(io_uring_sync_cancel_reg, timeout, 16);
NEARMETAL_SIZE(io_uring_file_index_range, 16);
NEARMETAL_SIZE(io_uring_recvmsg_out, 16);
#endif

NEARMETAL_SIZE(__kernel_timespec, 16);
NEARMETAL_AT(__kernel_timespec, tv_nsec, 8);
NEARMETAL_SIZE(iovec, 16);
NEARMETAL_AT(iovec, iov_len, 8);
NEARMETAL_SIZE(msghdr, 56);
NEARMETAL_AT(msghdr, msg_name, 0);
NEARMETAL_AT(msghdr, msg_namelen, 8);
NEARMETAL_AT(msghdr, msg_iov, 16);
NEARMETAL_AT(msghdr, msg_iovlen, 24);
NEARMETAL_AT(msghdr, msg_control, 32);
NEARMETAL_AT(msghdr, msg_controllen, 40);
NEARMETAL_AT(msghdr, msg_flags, 48);

NEARMETAL_SIZE(cmsghdr, 16);
NEARMETAL_AT(cmsghdr, cmsg_level, 8);
NEARMETAL_AT(cmsghdr, cmsg_type, 12);
NEARMETAL_SIZE(ucred, 12);
NEARMETAL_SIZE(in_pktinfo, 12);
NEARMETAL_AT(in_pktinfo, ipi_spec_dst, 4);
NEARMETAL_AT(in_pktinfo, ipi_addr, 8);
NEARMETAL_SIZE(in6_pktinfo, 20);
NEARMETAL_AT(in6_pktinfo, ipi6_ifindex, 16);

#ifdef FUTEX_32  // headers of 5.16 and newer
NEARMETAL_SIZE(futex_waitv, 24);
NEARMETAL_AT(futex_waitv, uaddr, 8);
NEARMETAL_AT(futex_waitv, flags, 16);
#endif
NEARMETAL_SIZE(siginfo_t, 128);
NEARMETAL_AT(siginfo_t, si_code, 8);
NEARMETAL_AT(siginfo_t, si_pid, 16);
NEARMETAL_AT(siginfo_t, si_uid, 20);
NEARMETAL_AT(siginfo_t, si_status, 24);

NEARMETAL_SIZE(sockaddr_in, 16);
NEARMETAL_AT(sockaddr_in, sin_port, 2);
NEARMETAL_AT(sockaddr_in, sin_addr, 4);
NEARMETAL_SIZE(sockaddr_in6, 28);
NEARMETAL_AT(sockaddr_in6, sin6_port, 2);
NEARMETAL_AT(sockaddr_in6, sin6_flowinfo, 4);
NEARMETAL_AT(sockaddr_in6, sin6_addr, 8);
NEARMETAL_AT(sockaddr_in6, sin6_scope_id, 24);
NEARMETAL_SIZE(sockaddr_un, 110);
NEARMETAL_AT(sockaddr_un, sun_path, 2);
NEARMETAL_SIZE(sockaddr_storage, 128);

NEARMETAL_SIZE(struct statx, 256);
NEARMETAL_AT(struct statx, stx_mask, 0);
NEARMETAL_AT(struct statx, stx_blksize, 4);
NEARMETAL_AT(struct statx, stx_attributes, 8);
NEARMETAL_AT(struct statx, stx_nlink, 16);
NEARMETAL_AT(struct statx, stx_uid, 20);
NEARMETAL_AT(struct statx, stx_gid, 24);
NEARMETAL_AT(struct statx, stx_mode, 28);
NEARMETAL_AT(struct statx, stx_ino, 32);
NEARMETAL_AT(struct statx, stx_size, 40);
NEARMETAL_AT(struct statx, stx_blocks, 48);
NEARMETAL_AT(struct statx, stx_attributes_mask, 56);
NEARMETAL_AT(struct statx, stx_atime, 64);
NEARMETAL_AT(struct statx, stx_btime, 80);
NEARMETAL_AT(struct statx, stx_ctime, 96);
NEARMETAL_AT(struct statx, stx_mtime, 112);
NEARMETAL_AT(struct statx, stx_rdev_major, 128);
NEARMETAL_AT(struct statx, stx_rdev_minor, 132);
NEARMETAL_AT(struct statx, stx_dev_major, 136);
NEARMETAL_AT(struct statx, stx_dev_minor, 140);
NEARMETAL_AT(struct statx, stx_mnt_id, 144);
NEARMETAL_SIZE(statx_timestamp, 16);

NEARMETAL_SIZE(itimerspec, 32);
NEARMETAL_AT(itimerspec, it_value, 16);
NEARMETAL_SIZE(struct flock, 32);
NEARMETAL_AT(struct flock, l_whence, 2);
NEARMETAL_AT(struct flock, l_start, 8);
NEARMETAL_AT(struct flock, l_len, 16);
NEARMETAL_AT(struct flock, l_pid, 24);
NEARMETAL_SIZE(signalfd_siginfo, 128);
NEARMETAL_AT(signalfd_siginfo, ssi_code, 8);
NEARMETAL_AT(signalfd_siginfo, ssi_pid, 12);
NEARMETAL_AT(signalfd_siginfo, ssi_uid, 16);
NEARMETAL_AT(signalfd_siginfo, ssi_fd, 20);
NEARMETAL_AT(signalfd_siginfo, ssi_tid, 24);
NEARMETAL_AT(signalfd_siginfo, ssi_band, 28);
NEARMETAL_AT(signalfd_siginfo, ssi_overrun, 32);
NEARMETAL_AT(signalfd_siginfo, ssi_status, 40);
NEARMETAL_AT(signalfd_siginfo, ssi_int, 44);
NEARMETAL_AT(signalfd_siginfo, ssi_utime, 56);
NEARMETAL_AT(signalfd_siginfo, ssi_stime, 64);
NEARMETAL_SIZE(siginfo_t, 128);
NEARMETAL_AT(siginfo_t, si_signo, 0);
NEARMETAL_AT(siginfo_t, si_code, 8);
NEARMETAL_AT(siginfo_t, si_pid, 16);
NEARMETAL_AT(siginfo_t, si_uid, 20);
NEARMETAL_AT(siginfo_t, si_status, 24);
NEARMETAL_SIZE(inotify_event, 16);
NEARMETAL_AT(inotify_event, mask, 4);
NEARMETAL_AT(inotify_event, cookie, 8);
NEARMETAL_AT(inotify_event, len, 12);
NEARMETAL_SIZE(fanotify_event_metadata, 24);
NEARMETAL_AT(fanotify_event_metadata, vers, 4);
NEARMETAL_AT(fanotify_event_metadata, metadata_len, 6);
NEARMETAL_AT(fanotify_event_metadata, mask, 8);
NEARMETAL_AT(fanotify_event_metadata, fd, 16);
NEARMETAL_AT(fanotify_event_metadata, pid, 20);
NEARMETAL_SIZE(file_handle, 8);
NEARMETAL_SIZE(struct statfs, 120);
NEARMETAL_AT(struct statfs, f_fsid, 56);
NEARMETAL_SIZE(cmsghdr, 16);
NEARMETAL_AT(cmsghdr, cmsg_level, 8);
NEARMETAL_AT(cmsghdr, cmsg_type, 12);
NEARMETAL_SIZE(ucred, 12);

#if defined(__x86_64__)
NEARMETAL_SIZE(epoll_event, 12);  // packed here and nowhere else
#else
NEARMETAL_SIZE(epoll_event, 16);
#endif

#if defined(__GLIBC__) && __has_include(<uv.h>)
// The bridge to libuv finds its functions at run time, without the header: it states these itself.
static_assert(UV_POLL == 8);
static_assert(UV_READABLE == 1);
#endif
