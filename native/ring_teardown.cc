// How a ring ends: drained when its thread ends under it, then unmapped, then closed, in that
// order.
#include <linux/io_uring.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>

#include "env_state.h"
#include "ring.h"
#include "sys.h"
#include "uapi.h"

namespace nearmetal {

namespace {

constexpr int64_t kDrainLimitNs = 5'000'000'000;
constexpr int64_t kWaitNs = 20'000'000;

int64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// `struct io_uring_sync_cancel_reg` of kernel 6.0, which older headers lack.
struct SyncCancel {
  uint64_t address;
  int32_t fd;
  uint32_t flags;
  __kernel_timespec timeout;
  uint8_t opcode;
  uint8_t pad[7];
  uint64_t pad2[3];
};
static_assert(sizeof(SyncCancel) == 64);

// Kernel 5.18, and 6.0 for the last.
constexpr uint32_t kRegisterRingFds = 20;
constexpr uint32_t kUnregisterRingFds = 21;
constexpr uint32_t kEnterRegisteredRing = 1u << 4;
constexpr uint32_t kRegisterSyncCancel = 24;
constexpr uint32_t kCqeSkip = 1u << 5;
constexpr uint32_t kCqe32 = 1u << 15;
constexpr uint32_t kCancelAll = 1u << 0;
constexpr uint32_t kCancelAny = 1u << 2;

// `struct io_uring_recvmsg_out` of kernel 6.0: in front of what a multishot receive puts into a
// buffer.
struct RecvmsgOut {
  uint32_t name_length;
  uint32_t control_length;
  uint32_t payload_length;
  uint32_t flags;
};
static_assert(sizeof(RecvmsgOut) == 16);

// Kernel 6.5.
constexpr int kScmPidfd = 4;

// Best effort: on a kernel without it (before 6.0) closing the descriptor cancels.
// Answers false where the kernel cannot.
bool cancel_everything(int fd) {
  SyncCancel cancel{};
  cancel.fd = -1;
  cancel.flags = kCancelAll | kCancelAny;
  cancel.timeout = {0, kWaitNs};
  const long result = ring_register(fd, kRegisterSyncCancel, sys::pointer(&cancel), 1);
  return result != -EINVAL;
}

}  // namespace

long ring_register(int ring, uint32_t opcode, long argument, uint32_t count) {
  constexpr uint32_t kByNumber = 1u << 31;
  if (!without_descriptor(ring)) {
    return sys::call(SYS_io_uring_register, ring, opcode, argument, count);
  }
  return sys::call(SYS_io_uring_register, ring & ~kWithoutDescriptor, opcode | kByNumber, argument,
                   count);
}

void Ring::register_descriptor() {
  if (without_descriptor(fd)) {
    enter->fd = fd & ~kWithoutDescriptor;
    enter->flags = kEnterRegisteredRing;
    return;
  }
  constexpr uint32_t kAnyNumber = ~0u;
  io_uring_rsrc_update update{};
  update.offset = kAnyNumber;
  update.data = static_cast<uint64_t>(fd);
  const long count = sys::call(SYS_io_uring_register, fd, kRegisterRingFds, sys::pointer(&update),
                               1);
  // Refused by older kernels, and to a thread's seventeenth ring: the descriptor itself will do.
  if (count == 1) {
    enter->fd = static_cast<int>(update.offset);
    enter->flags = kEnterRegisteredRing;
  }
}

// Must come before the close: a registered descriptor keeps the ring alive as an open one does. For
// a ring without another it is the close.
void Ring::unregister_descriptor() const {
  if (enter->flags != kEnterRegisteredRing) return;
  io_uring_rsrc_update update{};
  update.offset = static_cast<uint32_t>(enter->fd);
  ring_register(fd, kUnregisterRingFds, sys::pointer(&update), 1);
}

uint32_t Ring::unsubmitted() const {
  return __atomic_load_n(sq_tail, __ATOMIC_ACQUIRE) - __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);
}

// Descriptors that came with a completion are closed with the thread's others: that of a late
// accept or open, and those inside a message that nobody has seen.
void Ring::adopt(const io_uring_cqe& cqe) const {
  const uint64_t opcode = cqe.user_data >> kOpcodeShift & 0xff;
  // Those of a pipe are found in its page.
  if (opcode == uapi::OP_PIPE) return;
  if (opcode != uapi::OP_RECVMSG) {
    state->mark_owned(cqe.res);
    return;
  }
  const size_t slot = cqe.user_data & kSlotMask;
  if (messages == nullptr || slot >= messages->length / sizeof(MessageEntry)) return;
  const MessageEntry& entry = static_cast<const MessageEntry*>(messages->base)[slot];
  const auto& header = *reinterpret_cast<const msghdr*>(entry.header);
  if (entry.buffers == 0) {
    adopt_control(static_cast<const uint8_t*>(header.msg_control), header.msg_controllen);
  } else if ((cqe.flags & IORING_CQE_F_BUFFER) != 0) {
    const uint64_t id = cqe.flags >> IORING_CQE_BUFFER_SHIFT;
    const auto* buffer =
        reinterpret_cast<const uint8_t*>(entry.buffers + id * entry.buffer_bytes);
    const auto* out = reinterpret_cast<const RecvmsgOut*>(buffer);
    adopt_control(buffer + sizeof *out + header.msg_namelen,
                  std::min<size_t>(out->control_length, header.msg_controllen));
  }
}

void Ring::adopt_control(const uint8_t* bytes, size_t length) const {
  while (length >= sizeof(cmsghdr)) {
    const auto* message = reinterpret_cast<const cmsghdr*>(bytes);
    if (message->cmsg_len < sizeof *message || message->cmsg_len > length) return;
    if (message->cmsg_level == SOL_SOCKET &&
        (message->cmsg_type == SCM_RIGHTS || message->cmsg_type == kScmPidfd)) {
      const auto* fds = reinterpret_cast<const int32_t*>(message + 1);
      const size_t count = (message->cmsg_len - sizeof *message) / sizeof *fds;
      for (size_t index = 0; index < count; index++) state->mark_owned(fds[index]);
    }
    const size_t step = std::min(length, CMSG_ALIGN(message->cmsg_len));
    bytes += step;
    length -= step;
  }
}

// Takes completions off the queue; answers how many operations are still pending after them.
uint32_t Ring::reap(uint32_t pending) {
  uint32_t head = __atomic_load_n(cq_head, __ATOMIC_RELAXED);
  const uint32_t tail = __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE);
  // No more than there is room for, whatever the words in memory say.
  for (uint32_t left = std::min(tail - head, cq_mask + 1); left > 0;) {
    const auto* cqe =
        reinterpret_cast<const io_uring_cqe*>(cqes + size_t{head & cq_mask} * cqe_bytes);
    // Of two sizes in one queue (IORING_SETUP_CQE_MIXED): doubles take two places, and fillers one.
    const uint32_t places = std::min((cqe->flags & kCqe32) != 0 ? 2u : 1u, left);
    head += places;
    left -= places;
    if ((cqe->flags & kCqeSkip) != 0) continue;
    const auto low = static_cast<uint32_t>(cqe->user_data);
    if (low == kMessageLow || low == kFileMessageLow) continue;
    if (page()->tagged != 0) {
      // Tags of registrations: as with messages, nothing that was submitted ends here.
      if ((cqe->user_data >> kOpcodeShift & 0xff) >= kFirstUnsolicited) continue;
      if ((cqe->user_data & kYieldsFd) != 0 && cqe->res >= 0) adopt(*cqe);
    }
    if ((cqe->flags & IORING_CQE_F_MORE) == 0 && pending > 0) pending--;
  }
  __atomic_store_n(cq_head, head, __ATOMIC_RELEASE);
  return pending;
}

// What came in memory: pipes of which JavaScript had not been told yet.
void Ring::own_pairs() const {
  for (const PairPage* cells = page()->pairs; cells != nullptr; cells = cells->before) {
    for (const auto& pair : cells->pairs) {
      for (const int32_t each : pair) {
        if (each >= 0) state->mark_owned(each);
      }
    }
  }
}

void Ring::own_unclosed() const {
  // A user's own entries close what is the user's; and a kernel thread may yet take them.
  if (page()->tagged == 0 || (setup_flags & IORING_SETUP_SQPOLL) != 0) return;
  const size_t stride = (setup_flags & IORING_SETUP_SQE128) != 0 ? 128 : 64;
  const uint32_t head = __atomic_load_n(sq_head, __ATOMIC_ACQUIRE);
  const uint32_t count = std::min(unsubmitted(), sq_mask + 1);
  for (uint32_t index = 0; index < count; index++) {
    const auto* sqe =
        reinterpret_cast<const io_uring_sqe*>(entries + stride * ((head + index) & sq_mask));
    const bool direct = sqe->file_index != 0;
    if (sqe->opcode == IORING_OP_CLOSE && !direct && sqe->fd >= 0) state->mark_owned(sqe->fd);
  }
}

bool Ring::drain() {
  uint32_t pending = reap(__atomic_load_n(sq_tail, __ATOMIC_ACQUIRE) - page()->completed);
  const int64_t deadline = now_ns() + kDrainLimitNs;
  // What was queued and never submitted has no completion to wait for; but a kernel thread
  // (IORING_SETUP_SQPOLL) may be about to take it, and then it does.
  bool taken = (setup_flags & IORING_SETUP_SQPOLL) != 0;
  const uint32_t wake = taken ? IORING_ENTER_SQ_WAKEUP : 0;
  while (pending > (taken ? 0 : unsubmitted())) {
    if (now_ns() > deadline) return false;
    // Without it nothing would end by itself: closing the ring cancels, and the memory is kept.
    if (!cancel_everything(fd)) return false;
    __kernel_timespec wait{0, kWaitNs};
    io_uring_getevents_arg argument{};
    argument.ts = reinterpret_cast<uint64_t>(&wait);
    const uint32_t flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | wake | enter->flags;
    const long result = sys::call(SYS_io_uring_enter, enter->fd, 0, 1, flags,
                                  sys::pointer(&argument), sizeof argument);
    // It takes nothing before the ring is enabled, nor when it is gone itself.
    if (result == -EBADFD || result == -EOWNERDEAD) taken = false;
    pending = reap(pending);
  }
  return true;
}

long Ring::shut(bool leak) {
  state->rings.erase(fd);
  unregister_descriptor();
  *enter = {-1, 0, false, nullptr};
  // Unmap before close: the kernel cancels nothing while a mapping of the ring is left. Memory that
  // was given to the ring stays pinned by the kernel for as long as it needs it.
  drop_queues();
  if (messages != nullptr) messages->drop();
  if (!leak) {
    for (Region* region : held) region->drop();
  }
  held.clear();
  const long result = without_descriptor(fd) ? 0 : sys::call(SYS_close, fd);
  fd = -1;
  return result;
}

void Ring::finish() {
  napi_remove_env_cleanup_hook(env, on_thread_end, this);
  delete this;
}

// The hook is spent: Deno frees it twice where it is taken away from within.
void on_thread_end(void* data) {
  auto* ring = static_cast<Ring*>(data);
  const bool drained = ring->drain();
  ring->own_pairs();
  ring->own_unclosed();
  ring->shut(!drained);
  delete ring;
}

}  // namespace nearmetal
