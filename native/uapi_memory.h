// The layout of PAGEMAP_SCAN (Linux 6.7), which older system headers do not have.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nearmetal {

struct PagemapScan {
  uint64_t size;
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;
  uint64_t vec;
  uint64_t vec_len;
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
};
static_assert(sizeof(PagemapScan) == 96 && offsetof(PagemapScan, return_mask) == 88);

// One answer: start, end, categories.
constexpr size_t kPageRegionBytes = 24;

// _IOWR('f', 16, struct pm_scan_arg)
constexpr long kPagemapScan = 0xC0606610;

}  // namespace nearmetal
