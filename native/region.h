// Memory that the kernel may write to: counted, and unmapped when the last count goes, on any
// thread.
#pragma once

#include <node_api.h>

#include <atomic>
#include <cstddef>
#include <memory>

namespace nearmetal {

struct RegionCounters {
  std::atomic<long> regions{0};
  std::atomic<long> bytes{0};

  // One for all threads, which outlives them: memory is given back after its thread has ended.
  static const std::shared_ptr<RegionCounters>& of_process();
};

// One count for the JavaScript owner, one per ArrayBuffer, one per ring that may still write to it.
struct Region {
  void* base;
  size_t length;

  // All answer 0 or -errno; the caller holds the one count of the new region.
  static long map(const std::shared_ptr<RegionCounters>& counters, size_t length, int protection,
                  int flags, Region** result);
  static long map_at(const std::shared_ptr<RegionCounters>& counters, long address, size_t length,
                     int protection, int flags, int fd, long offset, Region** result);
  static long map_file(const std::shared_ptr<RegionCounters>& counters, size_t length, int fd,
                       long offset, Region** result);

  // Whether `range` bytes from `offset` on all lie within it.
  bool covers(int64_t offset, int64_t range) const {
    return offset >= 0 && range >= 0 && static_cast<size_t>(offset) <= length &&
           static_cast<size_t>(range) <= length - static_cast<size_t>(offset);
  }

  // Answers the new address or -errno. No view may show it, and no system call may know it.
  long remap(size_t new_length, int flags);

  // Unmaps now, if nobody has a count but its owner and buffers that have been emptied, whose
  // finalizers may be a turn away.
  void unmap_if_unheld();

  void hold() { count_.fetch_add(1, std::memory_order_relaxed); }
  void drop();

  long to_array_buffer(napi_env env, napi_value* result);

 private:
  Region(void* base_, size_t length_, std::shared_ptr<RegionCounters> counters);
  ~Region() = default;

  void drop_buffer();
  void unmap();

  std::atomic<long> count_{1};
  std::atomic<long> buffers_{0};  // counts among these that belong to an ArrayBuffer
  std::shared_ptr<RegionCounters> counters_;
};

void init_region(napi_env env, napi_value exports);

}  // namespace nearmetal
