// The numbers of io_uring as far as kernel 6.18 and a little beyond, stated by us: the system's
// header is often years older than the kernel. They are ABI, so they never change.
// `X(SETUP_NO_MMAP, 1u << 14)` reads: the kernel's IORING_SETUP_NO_MMAP, here
// `nearmetal::uapi::SETUP_NO_MMAP`. Each table comes twice: what <linux/io_uring.h> of 5.15 (the
// oldest that we build with) has, which uapi_check.cc compares with it, and what is newer.
#pragma once

#include <linux/io_uring.h>

// clang-format off
#define NEARMETAL_OPCODES_OLD(X)                                                                   \
  X(OP_NOP, 0) X(OP_READV, 1) X(OP_WRITEV, 2) X(OP_FSYNC, 3) X(OP_READ_FIXED, 4)                   \
  X(OP_WRITE_FIXED, 5) X(OP_POLL_ADD, 6) X(OP_POLL_REMOVE, 7) X(OP_SYNC_FILE_RANGE, 8)             \
  X(OP_SENDMSG, 9) X(OP_RECVMSG, 10) X(OP_TIMEOUT, 11) X(OP_TIMEOUT_REMOVE, 12) X(OP_ACCEPT, 13)   \
  X(OP_ASYNC_CANCEL, 14) X(OP_LINK_TIMEOUT, 15) X(OP_CONNECT, 16) X(OP_FALLOCATE, 17)              \
  X(OP_OPENAT, 18) X(OP_CLOSE, 19) X(OP_FILES_UPDATE, 20) X(OP_STATX, 21) X(OP_READ, 22)           \
  X(OP_WRITE, 23) X(OP_FADVISE, 24) X(OP_MADVISE, 25) X(OP_SEND, 26) X(OP_RECV, 27)                \
  X(OP_OPENAT2, 28) X(OP_EPOLL_CTL, 29) X(OP_SPLICE, 30) X(OP_PROVIDE_BUFFERS, 31)                 \
  X(OP_REMOVE_BUFFERS, 32) X(OP_TEE, 33) X(OP_SHUTDOWN, 34) X(OP_RENAMEAT, 35) X(OP_UNLINKAT, 36)  \
  X(OP_MKDIRAT, 37) X(OP_SYMLINKAT, 38) X(OP_LINKAT, 39)

#define NEARMETAL_OPCODES_NEW(X)                                                                   \
  X(OP_MSG_RING, 40) X(OP_FSETXATTR, 41) X(OP_SETXATTR, 42) X(OP_FGETXATTR, 43)                    \
  X(OP_GETXATTR, 44) X(OP_SOCKET, 45) X(OP_URING_CMD, 46) X(OP_SEND_ZC, 47) X(OP_SENDMSG_ZC, 48)   \
  X(OP_READ_MULTISHOT, 49) X(OP_WAITID, 50) X(OP_FUTEX_WAIT, 51) X(OP_FUTEX_WAKE, 52)              \
  X(OP_FUTEX_WAITV, 53) X(OP_FIXED_FD_INSTALL, 54) X(OP_FTRUNCATE, 55) X(OP_BIND, 56)              \
  X(OP_LISTEN, 57) X(OP_RECV_ZC, 58) X(OP_EPOLL_WAIT, 59) X(OP_READV_FIXED, 60)                    \
  X(OP_WRITEV_FIXED, 61) X(OP_PIPE, 62) X(OP_NOP128, 63) X(OP_URING_CMD128, 64)

#define NEARMETAL_REGISTRATIONS_OLD(X)                                                             \
  X(REGISTER_BUFFERS, 0) X(UNREGISTER_BUFFERS, 1) X(REGISTER_FILES, 2) X(UNREGISTER_FILES, 3)      \
  X(REGISTER_EVENTFD, 4) X(UNREGISTER_EVENTFD, 5) X(REGISTER_FILES_UPDATE, 6)                      \
  X(REGISTER_EVENTFD_ASYNC, 7) X(REGISTER_PROBE, 8) X(REGISTER_PERSONALITY, 9)                     \
  X(UNREGISTER_PERSONALITY, 10) X(REGISTER_RESTRICTIONS, 11) X(REGISTER_ENABLE_RINGS, 12)          \
  X(REGISTER_FILES2, 13) X(REGISTER_FILES_UPDATE2, 14) X(REGISTER_BUFFERS2, 15)                    \
  X(REGISTER_BUFFERS_UPDATE, 16) X(REGISTER_IOWQ_AFF, 17) X(UNREGISTER_IOWQ_AFF, 18)               \
  X(REGISTER_IOWQ_MAX_WORKERS, 19) X(REGISTER_FILES_SKIP, -2)

#define NEARMETAL_REGISTRATIONS_NEW(X)                                                             \
  X(REGISTER_RING_FDS, 20) X(UNREGISTER_RING_FDS, 21) X(REGISTER_PBUF_RING, 22)                    \
  X(UNREGISTER_PBUF_RING, 23) X(REGISTER_SYNC_CANCEL, 24) X(REGISTER_FILE_ALLOC_RANGE, 25)         \
  X(REGISTER_PBUF_STATUS, 26) X(REGISTER_NAPI, 27) X(UNREGISTER_NAPI, 28) X(REGISTER_CLOCK, 29)    \
  X(REGISTER_CLONE_BUFFERS, 30) X(REGISTER_SEND_MSG_RING, 31) X(REGISTER_ZCRX_IFQ, 32)             \
  X(REGISTER_RESIZE_RINGS, 33) X(REGISTER_MEM_REGION, 34) X(REGISTER_QUERY, 35)                    \
  X(REGISTER_ZCRX_CTRL, 36) X(REGISTER_BPF_FILTER, 37) X(REGISTER_USE_REGISTERED_RING, 1u << 31)   \
  X(REGISTER_SRC_REGISTERED, 1u << 0) X(REGISTER_DST_REPLACE, 1u << 1)                             \
  X(RSRC_REGISTER_SPARSE, 1u << 0) X(MEM_REGION_TYPE_USER, 1u << 0)                                \
  X(MEM_REGION_REG_WAIT_ARG, 1u << 0) X(REG_WAIT_TS, 1u << 0)

#define NEARMETAL_SETUP_OLD(X)                                                                     \
  X(SETUP_IOPOLL, 1u << 0) X(SETUP_SQPOLL, 1u << 1) X(SETUP_SQ_AFF, 1u << 2)                       \
  X(SETUP_CQSIZE, 1u << 3) X(SETUP_CLAMP, 1u << 4) X(SETUP_ATTACH_WQ, 1u << 5)                     \
  X(SETUP_R_DISABLED, 1u << 6)

#define NEARMETAL_SETUP_NEW(X)                                                                     \
  X(SETUP_SUBMIT_ALL, 1u << 7) X(SETUP_COOP_TASKRUN, 1u << 8) X(SETUP_TASKRUN_FLAG, 1u << 9)       \
  X(SETUP_SQE128, 1u << 10) X(SETUP_CQE32, 1u << 11) X(SETUP_SINGLE_ISSUER, 1u << 12)              \
  X(SETUP_DEFER_TASKRUN, 1u << 13) X(SETUP_NO_MMAP, 1u << 14)                                      \
  X(SETUP_REGISTERED_FD_ONLY, 1u << 15) X(SETUP_NO_SQARRAY, 1u << 16)                              \
  X(SETUP_HYBRID_IOPOLL, 1u << 17) X(SETUP_CQE_MIXED, 1u << 18) X(SETUP_SQE_MIXED, 1u << 19)       \
  X(SETUP_SQ_REWIND, 1u << 20)

#define NEARMETAL_FEATURES_OLD(X)                                                                  \
  X(FEAT_SINGLE_MMAP, 1u << 0) X(FEAT_NODROP, 1u << 1) X(FEAT_SUBMIT_STABLE, 1u << 2)              \
  X(FEAT_RW_CUR_POS, 1u << 3) X(FEAT_CUR_PERSONALITY, 1u << 4) X(FEAT_FAST_POLL, 1u << 5)          \
  X(FEAT_POLL_32BITS, 1u << 6) X(FEAT_SQPOLL_NONFIXED, 1u << 7) X(FEAT_EXT_ARG, 1u << 8)           \
  X(FEAT_NATIVE_WORKERS, 1u << 9) X(FEAT_RSRC_TAGS, 1u << 10)

#define NEARMETAL_FEATURES_NEW(X)                                                                  \
  X(FEAT_CQE_SKIP, 1u << 11) X(FEAT_LINKED_FILE, 1u << 12) X(FEAT_REG_REG_RING, 1u << 13)          \
  X(FEAT_RECVSEND_BUNDLE, 1u << 14) X(FEAT_MIN_TIMEOUT, 1u << 15) X(FEAT_RW_ATTR, 1u << 16)        \
  X(FEAT_NO_IOWAIT, 1u << 17)

#define NEARMETAL_RING_FLAGS_OLD(X)                                                                \
  X(ENTER_GETEVENTS, 1u << 0) X(ENTER_SQ_WAKEUP, 1u << 1) X(ENTER_SQ_WAIT, 1u << 2)                \
  X(ENTER_EXT_ARG, 1u << 3) X(SQ_NEED_WAKEUP, 1u << 0) X(SQ_CQ_OVERFLOW, 1u << 1)                  \
  X(CQ_EVENTFD_DISABLED, 1u << 0) X(CQE_F_BUFFER, 1u << 0) X(CQE_F_MORE, 1u << 1)                  \
  X(CQE_BUFFER_SHIFT, 16) X(OFF_SQ_RING, 0) X(OFF_CQ_RING, 0x8000000) X(OFF_SQES, 0x10000000)      \
  X(RESTRICTION_REGISTER_OP, 0) X(RESTRICTION_SQE_OP, 1) X(RESTRICTION_SQE_FLAGS_ALLOWED, 2)       \
  X(RESTRICTION_SQE_FLAGS_REQUIRED, 3)

#define NEARMETAL_RING_FLAGS_NEW(X)                                                                \
  X(ENTER_REGISTERED_RING, 1u << 4) X(ENTER_ABS_TIMER, 1u << 5) X(ENTER_EXT_ARG_REG, 1u << 6)      \
  X(ENTER_NO_IOWAIT, 1u << 7) X(SQ_TASKRUN, 1u << 2) X(CQE_F_SOCK_NONEMPTY, 1u << 2)               \
  X(CQE_F_NOTIF, 1u << 3) X(CQE_F_BUF_MORE, 1u << 4) X(CQE_F_SKIP, 1u << 5) X(CQE_F_32, 1u << 15)  \
  X(CQE_F_TSTAMP_HW, 1u << 16) X(OFF_PBUF_RING, 0x80000000u) X(OFF_PBUF_SHIFT, 16)                 \
  X(OFF_MMAP_MASK, 0xf8000000u)

#define NEARMETAL_OP_FLAGS_OLD(X)                                                                  \
  X(FSYNC_DATASYNC, 1u << 0) X(TIMEOUT_ABS, 1u << 0) X(TIMEOUT_UPDATE, 1u << 1)                    \
  X(TIMEOUT_BOOTTIME, 1u << 2) X(TIMEOUT_REALTIME, 1u << 3) X(LINK_TIMEOUT_UPDATE, 1u << 4)        \
  X(POLL_ADD_MULTI, 1u << 0) X(POLL_UPDATE_EVENTS, 1u << 1) X(POLL_UPDATE_USER_DATA, 1u << 2)

#define NEARMETAL_OP_FLAGS_NEW(X)                                                                  \
  X(TIMEOUT_ETIME_SUCCESS, 1u << 5) X(TIMEOUT_MULTISHOT, 1u << 6) X(POLL_ADD_LEVEL, 1u << 3)       \
  X(ASYNC_CANCEL_ALL, 1u << 0) X(ASYNC_CANCEL_FD, 1u << 1) X(ASYNC_CANCEL_ANY, 1u << 2)            \
  X(ASYNC_CANCEL_FD_FIXED, 1u << 3) X(ASYNC_CANCEL_USERDATA, 1u << 4) X(ASYNC_CANCEL_OP, 1u << 5)  \
  X(RECVSEND_POLL_FIRST, 1u << 0) X(RECV_MULTISHOT, 1u << 1) X(RECVSEND_FIXED_BUF, 1u << 2)        \
  X(SEND_ZC_REPORT_USAGE, 1u << 3) X(RECVSEND_BUNDLE, 1u << 4) X(SEND_VECTORIZED, 1u << 5)         \
  X(NOTIF_USAGE_ZC_COPIED, 1u << 31) X(ACCEPT_MULTISHOT, 1u << 0) X(ACCEPT_DONTWAIT, 1u << 1)      \
  X(ACCEPT_POLL_FIRST, 1u << 2) X(MSG_DATA, 0) X(MSG_SEND_FD, 1) X(MSG_RING_CQE_SKIP, 1u << 0)     \
  X(MSG_RING_FLAGS_PASS, 1u << 1) X(FIXED_FD_NO_CLOEXEC, 1u << 0) X(NOP_INJECT_RESULT, 1u << 0)    \
  X(NOP_FILE, 1u << 1) X(NOP_FIXED_FILE, 1u << 2) X(NOP_FIXED_BUFFER, 1u << 3) X(NOP_TW, 1u << 4)  \
  X(NOP_CQE32, 1u << 5) X(URING_CMD_FIXED, 1u << 0) X(URING_CMD_MULTISHOT, 1u << 1)                \
  X(FILE_INDEX_ALLOC, 0xffffffffu) X(RW_ATTR_FLAG_PI, 1u << 0)
// clang-format on

#define NEARMETAL_IO_URING_OLD(X)                                                                  \
  NEARMETAL_OPCODES_OLD(X)                                                                         \
  NEARMETAL_REGISTRATIONS_OLD(X)                                                                   \
  NEARMETAL_SETUP_OLD(X)                                                                           \
  NEARMETAL_FEATURES_OLD(X) NEARMETAL_RING_FLAGS_OLD(X) NEARMETAL_OP_FLAGS_OLD(X)

#define NEARMETAL_IO_URING_NEW(X)                                                                  \
  NEARMETAL_OPCODES_NEW(X)                                                                         \
  NEARMETAL_REGISTRATIONS_NEW(X)                                                                   \
  NEARMETAL_SETUP_NEW(X)                                                                           \
  NEARMETAL_FEATURES_NEW(X) NEARMETAL_RING_FLAGS_NEW(X) NEARMETAL_OP_FLAGS_NEW(X)

namespace nearmetal::uapi {
#define NEARMETAL_DECLARE(name, value) inline constexpr auto name = value;
NEARMETAL_IO_URING_OLD(NEARMETAL_DECLARE)
NEARMETAL_IO_URING_NEW(NEARMETAL_DECLARE)
#undef NEARMETAL_DECLARE
}  // namespace nearmetal::uapi
