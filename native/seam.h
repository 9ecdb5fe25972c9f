// The fault schedule of the test build: which system calls fail, and what happens to completions.
#pragma once

#include <linux/io_uring.h>

#include <memory>

#include "region.h"

namespace nearmetal::seam {

// Puts a copy of the queues between JavaScript and the kernel; `rings` is exchanged for the copy.
long shadow(int fd, const io_uring_params& params, const std::shared_ptr<RegionCounters>& counters,
            Region** rings);

// Shows the kernel all that JavaScript has published, before its queues are resized.
void settle(int fd);

// As `shadow`, for queues that were resized: what JavaScript has yet to see goes along.
long shadow_again(int fd, const io_uring_params& params,
                  const std::shared_ptr<RegionCounters>& counters, Region** rings);

// Shows what has happened since, to a thread that was woken by `event_fd` or is about to sleep on
// it.
void refresh(int event_fd);

}  // namespace nearmetal::seam
