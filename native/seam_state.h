// What the seam remembers for one thread: the rules in force, the random source, the shadowed
// rings.
#pragma once

#include <linux/io_uring.h>

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "region.h"
#include "sys.h"

namespace nearmetal::seam {

// From the `first` to the `last` call (counted from 1 since the rule was made).
struct Rule {
  long number;
  uint64_t first;
  uint64_t last;
  uint64_t seen;
  sys::Fate fate;
};

// In thousandths.
struct Chaos {
  uint32_t error = 0;
  uint32_t partial = 0;
  uint32_t delay = 0;
  uint32_t reorder = 0;
  uint32_t duplicate = 0;
};

// struct io_uring_cqe, with the second half that some have.
struct Completion {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
  uint64_t extra[2];
};

struct Held {
  Completion cqe;
  uint32_t enters_left;
};

// One ring: the kernel's own queues, the copy that JavaScript sees, and what is held back between.
struct ShadowRing {
  io_uring_params params;
  Region* real;
  Region* copy;
  uint32_t limit;
  int event_fd = -1;
  std::deque<Held> held;
};

struct State {
  std::vector<Rule> rules;
  std::unordered_map<long, uint64_t> calls;
  std::unordered_map<int, ShadowRing> rings;
  Chaos chaos;
  uint64_t random = 0;
  uint32_t completion_limit = 0;

  // xorshift64*: the same seed gives the same schedule.
  uint32_t next() {
    random ^= random >> 12;
    random ^= random << 25;
    random ^= random >> 27;
    return static_cast<uint32_t>((random * 0x2545F4914F6CDD1Dull) >> 32);
  }
  bool chance(uint32_t permille) { return permille != 0 && next() % 1000 < permille; }
};

State& state();

// io_uring_enter on a shadowed ring.
long enter(ShadowRing& ring, int fd, uint32_t to_submit, long min_complete, long flags,
           long argument, long size);

}  // namespace nearmetal::seam
