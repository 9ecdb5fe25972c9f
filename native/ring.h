// A ring as the native side sees it: what it maps, what it keeps mapped, and how it ends.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "region.h"

namespace nearmetal {

struct EnvState;
class Watch;

// user_data as `lib/ring/slots.ts` writes it: slot and this flag in the low word, generation above.
constexpr uint64_t kYieldsFd = 1u << 23;

// Words of the control page, which JavaScript keeps up to date (`lib/ring/control.ts`).
constexpr size_t kInFlightWord = 0;

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
  uint32_t* sq_head = nullptr;
  uint32_t* sq_tail = nullptr;
  uint32_t* cq_head = nullptr;
  uint32_t* cq_tail = nullptr;
  uint32_t cq_mask = 0;
  uint8_t* cqes = nullptr;
  std::vector<Region*> held;
  Watch* watch = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;

  // Cancels what is in flight and waits for the kernel to let go; false when it did not in time.
  bool drain();
  // Closes the descriptor and drops every count, or, with `leak`, keeps held memory mapped for good.
  long shut(bool leak);
  // Ends the wake-ups, then the struct itself.
  void finish();
  void watch_closed();

 private:
  uint32_t reap(uint32_t pending);
  uint32_t unsubmitted() const;
};

// The thread ends with this ring open.
void on_thread_end(napi_async_cleanup_hook_handle handle, void* data);

}  // namespace nearmetal
