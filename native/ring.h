// A ring as the native side sees it: what it maps, what it keeps mapped, and how it ends.
#pragma once

#include <linux/io_uring.h>
#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "region.h"

namespace nearmetal {

struct EnvState;

// user_data as `lib/ring/slots.ts` writes it: slot and this flag in the low word, generation above.
constexpr uint64_t kSlotMask = (1u << 23) - 1;
constexpr uint64_t kYieldsFd = 1u << 23;
constexpr int kOpcodeShift = 24;
// No operation has this opcode or a higher one: tags of registrations, and messages.
constexpr uint64_t kFirstUnsolicited = 0xf0;
// Low words of messages (`lib/ring/mailbox.ts`), which come to rings with a user's own user_data
// too.
constexpr uint32_t kMessageLow = 0xfe7f'ffff;
constexpr uint32_t kFileMessageLow = 0xfd7f'ffff;

// Where the kernel writes both descriptors of a pipe (`lib/ring/pairs.ts`); -1 where there is none.
struct PairPage {
  const PairPage* before;
  int32_t pairs[511][2];
};
static_assert(sizeof(PairPage) == 4096);

// The control page, shared with JavaScript (`lib/ring/control.ts`): what the native side must know
// when the thread ends, and the arguments of `enter`, which cost less there than in a call.
struct Control {
  uint32_t completed;  // last completions that JavaScript has taken, modulo 2^32
  uint32_t to_submit;
  uint32_t min_complete;
  uint32_t flags;
  double timeout_ns;  // negative: without one
  uint32_t tagged;    // user_data is as `lib/ring/slots.ts` writes it, and not a user's own
  int32_t result;     // what `enter` answered
  const PairPage* pairs;  // the newest page, or none
  uint32_t min_wait_us;  // how long to wait for all that was asked for before one is enough
};
static_assert(offsetof(Control, timeout_ns) == 16);
static_assert(offsetof(Control, pairs) == 32);
static_assert(offsetof(Control, min_wait_us) == 40);

constexpr size_t kControlBytes = 4096;
// Where in the control page the arguments of a wait are, when the kernel reads them itself.
constexpr size_t kWaitOffset = 1024;

// A ring made with IORING_SETUP_REGISTERED_FD_ONLY has no descriptor: it goes by its number in the
// table of its thread, with this bit.
constexpr int kWithoutDescriptor = 1 << 30;

inline bool without_descriptor(int ring) { return ring >= kWithoutDescriptor; }

// Where the message of an operation is that may bring descriptors (`lib/ring/message-table.ts`), by
// the operation's slot.
struct MessageEntry {
  uint64_t header;   // its msghdr
  uint64_t buffers;  // or 0; the kernel picks one, which begins with io_uring_recvmsg_out
  uint32_t buffer_bytes;
  uint32_t unused[3];
};
static_assert(sizeof(MessageEntry) == 32);

// What the `enter` function of a ring needs; it may be called after the ring is gone.
struct Enter {
  int fd;  // the descriptor, or its number in the thread's table of registered rings; -1 when gone
  uint32_t flags;
  bool registered_wait;  // the kernel knows the control page
  Control* control;
};

// io_uring_register(2), by descriptor or by number.
long ring_register(int ring, uint32_t opcode, long argument, uint32_t count);

struct Ring {
  int fd = -1;
  napi_env env = nullptr;
  EnvState* state = nullptr;
  uint32_t setup_flags = 0;
  uint32_t features = 0;
  uint32_t cqe_bytes = 16;
  Region* rings = nullptr;
  Region* sqes = nullptr;
  Region* control = nullptr;
  Region* messages = nullptr;  // MessageEntry by slot; null until the first that may be needed
  std::shared_ptr<Enter> enter = std::make_shared<Enter>(Enter{-1, 0, false, nullptr});
  uint32_t* sq_head = nullptr;
  uint32_t* sq_tail = nullptr;
  uint32_t sq_mask = 0;
  const uint8_t* entries = nullptr;  // of the submission queue
  uint32_t* cq_head = nullptr;
  uint32_t* cq_tail = nullptr;
  uint32_t cq_mask = 0;
  uint8_t* cqes = nullptr;
  std::vector<Region*> held;

  Control* page() const { return static_cast<Control*>(control->base); }

  // The queues and the control page; `given` is the memory of a ring with IORING_SETUP_NO_MMAP. All
  // three answer 0 or -errno.
  long map_queues(const io_uring_params& params, Region* given);
  long remap_queues(const io_uring_params& params);
  long register_wait();
  void drop_queues();

  // Spares the kernel a look-up of the descriptor at every enter; a thread may do so for 16 rings.
  void register_descriptor();
  void unregister_descriptor() const;

  // Cancels what is in flight and waits for the kernel to let go; false when it did not in time.
  bool drain();
  // Owns what came in memory and JavaScript has not been told of, so that it is closed too.
  void own_pairs() const;
  // Owns what operations were to close that the kernel has not taken, for the same reason.
  void own_unclosed() const;
  // Closes the descriptor and drops every count, or, with `leak`, keeps held memory mapped for
  // good.
  long shut(bool leak);
  // Ends the struct itself, before the thread ends.
  void finish();

 private:
  uint32_t reap(uint32_t pending);
  void adopt(const io_uring_cqe& cqe) const;
  void adopt_control(const uint8_t* control, size_t length) const;
  uint32_t unsubmitted() const;
};

// The thread ends with this ring open.
void on_thread_end(void* ring);

}  // namespace nearmetal
