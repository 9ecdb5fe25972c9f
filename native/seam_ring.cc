// Completions between the kernel and JavaScript: held back, swapped, doubled, or made to overflow.
#include <errno.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "seam.h"
#include "seam_state.h"
#include "sys.h"

namespace nearmetal::seam {

namespace {

constexpr uint32_t kOverflow = 1u << 1;  // IORING_SQ_CQ_OVERFLOW
constexpr uint32_t kNoSqArray = 1u << 16;  // IORING_SETUP_NO_SQARRAY

uint32_t* at(const Region* region, uint32_t offset) {
  return reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(region->base) + offset);
}

uint32_t load(const Region* region, uint32_t offset) {
  return __atomic_load_n(at(region, offset), __ATOMIC_ACQUIRE);
}

void store(const Region* region, uint32_t offset, uint32_t value) {
  __atomic_store_n(at(region, offset), value, __ATOMIC_RELEASE);
}

constexpr uint32_t kCqeSkip = 1u << 5;
constexpr uint32_t kCqe32 = 1u << 15;

size_t cqe_bytes(const ShadowRing& ring) {
  return (ring.params.flags & IORING_SETUP_CQE32) != 0 ? 32 : 16;
}

uint32_t* completion_at(const ShadowRing& ring, const Region* region, uint32_t position) {
  const size_t index = position & (ring.params.cq_entries - 1);
  return at(region, ring.params.cq_off.cqes + static_cast<uint32_t>(index * cqe_bytes(ring)));
}

// Only whole requests change places: the order within one is the kernel's promise.
bool may_swap(const Completion& left, const Completion& right) {
  return left.user_data != right.user_data;
}

// Reads the completion at `head`, which may take two places; false for a filler.
bool take(const ShadowRing& ring, const Region* region, uint32_t& head, Completion& cqe) {
  std::memcpy(&cqe, completion_at(ring, region, head), 16);
  if ((cqe.flags & kCqeSkip) != 0) return false;
  if ((cqe.flags & kCqe32) == 0 && cqe_bytes(ring) == 16) return true;
  std::memcpy(&cqe, completion_at(ring, region, head), sizeof cqe);
  if (cqe_bytes(ring) == 16) head++;
  return true;
}

void pull(State& now, ShadowRing& ring) {
  const auto& offsets = ring.params.cq_off;
  uint32_t head = load(ring.real, offsets.head);
  const uint32_t tail = load(ring.real, offsets.tail);
  for (; head != tail; head++) {
    Held held{};
    if (!take(ring, ring.real, head, held.cqe)) continue;
    if (now.chance(now.chaos.delay)) held.enters_left = 1 + now.next() % 3;
    ring.held.push_back(held);
    const bool last = (held.cqe.flags & IORING_CQE_F_MORE) == 0;
    if (last && now.chance(now.chaos.duplicate)) ring.held.push_back(held);
    const size_t count = ring.held.size();
    if (count > 1 && now.chance(now.chaos.reorder) &&
        may_swap(ring.held[count - 1].cqe, ring.held[count - 2].cqe)) {
      std::swap(ring.held[count - 1], ring.held[count - 2]);
    }
  }
  store(ring.real, offsets.head, head);
}

void push(ShadowRing& ring) {
  const auto& offsets = ring.params.cq_off;
  uint32_t tail = load(ring.copy, offsets.tail);
  const uint32_t head = load(ring.copy, offsets.head);
  const uint32_t room = ring.limit != 0 ? std::min(ring.limit, ring.params.cq_entries)
                                        : ring.params.cq_entries;
  // A held completion holds back all behind it: order within a request must stay.
  while (!ring.held.empty() && ring.held.front().enters_left == 0 && tail - head < room) {
    const Completion& next = ring.held.front().cqe;
    const bool mixed = (next.flags & kCqe32) != 0 && cqe_bytes(ring) == 16;
    if (mixed && tail - head + 2 > room) break;
    // A double one never wraps round: a filler takes the last place.
    if (mixed && (tail & (ring.params.cq_entries - 1)) == ring.params.cq_entries - 1) {
      const Completion filler{0, 0, kCqeSkip, {}};
      std::memcpy(completion_at(ring, ring.copy, tail), &filler, 16);
      tail++;
      continue;
    }
    const size_t bytes = mixed || cqe_bytes(ring) == 32 ? 32 : 16;
    std::memcpy(completion_at(ring, ring.copy, tail), &next, bytes);
    ring.held.pop_front();
    tail += mixed ? 2 : 1;
  }
  store(ring.copy, offsets.tail, tail);
  uint32_t flags = load(ring.real, ring.params.sq_off.flags);
  const bool overflows = !ring.held.empty() && tail - head >= room;
  if (overflows) flags |= kOverflow;
  store(ring.copy, ring.params.sq_off.flags, flags);
  if (ring.held.empty() || ring.event_fd < 0) return;
  if (ring.held.front().enters_left > 0) ring.held.front().enters_left--;
  // What is held back still has to wake somebody.
  const uint64_t one = 1;
  sys::kernel(SYS_write, ring.event_fd, sys::pointer(&one), sizeof one);
}

// What JavaScript may look at without a system call: new completions, and the kernel's flags.
void show(State& now, ShadowRing& ring) {
  pull(now, ring);
  push(ring);
}

int chaos_error(State& now) {
  constexpr int kErrors[] = {EAGAIN, EBUSY, EINTR};
  return now.chance(now.chaos.error) ? kErrors[now.next() % 3] : 0;
}

}  // namespace

long shadow(int fd, const io_uring_params& params, const std::shared_ptr<RegionCounters>& counters,
            Region** rings) {
  Region* copy = nullptr;
  const long result = Region::map(counters, (*rings)->length, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, &copy);
  if (result < 0) return result;
  std::memcpy(copy->base, (*rings)->base, copy->length);
  State& now = state();
  now.rings[fd] = ShadowRing{params, *rings, copy, now.completion_limit, -1, {}};
  *rings = copy;
  return 0;
}

void settle(int fd) {
  const auto found = state().rings.find(fd);
  if (found == state().rings.end()) return;
  const uint32_t tail = found->second.params.sq_off.tail;
  store(found->second.real, tail, load(found->second.copy, tail));
}

long shadow_again(int fd, const io_uring_params& params,
                  const std::shared_ptr<RegionCounters>& counters, Region** rings) {
  State& now = state();
  const auto found = now.rings.find(fd);
  if (found == now.rings.end()) return 0;
  const ShadowRing old = found->second;
  const long result = shadow(fd, params, counters, rings);
  if (result < 0) return result;
  ShadowRing& ring = now.rings[fd];
  ring.limit = old.limit;
  ring.event_fd = old.event_fd;
  const uint32_t head = load(old.copy, old.params.cq_off.head);
  const uint32_t tail = load(old.copy, old.params.cq_off.tail);
  // All that JavaScript has not taken is shown anew: as much of it as fits.
  for (uint32_t position = head; position != tail; position++) {
    Held seen{};
    if (take(old, old.copy, position, seen.cqe)) ring.held.push_back(seen);
  }
  ring.held.insert(ring.held.end(), old.held.begin(), old.held.end());
  store(ring.copy, params.cq_off.head, head);
  store(ring.copy, params.cq_off.tail, head);
  store(ring.copy, params.cq_off.flags, load(old.copy, old.params.cq_off.flags));
  old.real->drop();
  show(now, ring);
  return 0;
}

long enter(ShadowRing& ring, int fd, uint32_t to_submit, long min_complete, long flags,
           long argument, long size) {
  State& now = state();
  const int error = chaos_error(now);
  if (error != 0) return -error;
  const auto& offsets = ring.params.sq_off;
  store(ring.real, offsets.tail, load(ring.copy, offsets.tail));
  if ((ring.params.flags & kNoSqArray) == 0) {
    std::memcpy(at(ring.real, offsets.array), at(ring.copy, offsets.array),
                ring.params.sq_entries * sizeof(uint32_t));
  }
  if (to_submit > 0 && now.chance(now.chaos.partial)) to_submit = now.next() % to_submit;
  // What is held back here counts as completed: waiting for more could last for ever.
  if (!ring.held.empty()) min_complete = 0;
  const long result = sys::kernel(SYS_io_uring_enter, fd, to_submit, min_complete, flags, argument,
                                  size);
  store(ring.copy, offsets.head, load(ring.real, offsets.head));
  show(now, ring);
  return result;
}

void refresh(int event_fd) {
  State& now = state();
  for (auto& [fd, ring] : now.rings) {
    if (ring.event_fd == event_fd) show(now, ring);
  }
}

}  // namespace nearmetal::seam
