// Where the queues of a ring are: mapped from its descriptor, or in memory that was given to it,
// and mapped anew when they are resized.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "ring.h"
#include "sys.h"
#ifdef NEARMETAL_SEAM
#include "seam.h"
#endif

namespace nearmetal {

namespace {

constexpr uint32_t kSetupNoMmap = 1u << 14;
constexpr uint32_t kRegisterResizeRings = 33;
constexpr uint32_t kRegisterMemRegion = 34;
constexpr uint32_t kSqTaskrun = 1u << 2;  // kernel 5.19

// `struct io_uring_region_desc` of kernel 6.13.
struct RegionDescription {
  uint64_t user_address;
  uint64_t size;
  uint32_t flags;
  uint32_t id;
  uint64_t mmap_offset;
  uint64_t reserved[4];
};
static_assert(sizeof(RegionDescription) == 64);

// `struct io_uring_mem_region_reg`.
struct MemRegion {
  uint64_t region;
  uint64_t flags;
  uint64_t reserved[2];
};
static_assert(sizeof(MemRegion) == 32);

uint32_t* word(const Region* region, uint32_t offset) {
  return reinterpret_cast<uint32_t*>(static_cast<uint8_t*>(region->base) + offset);
}

// One mapping serves both queues (IORING_FEAT_SINGLE_MMAP), another the entries.
long map_from_descriptor(const Ring& ring, const io_uring_params& params, Region** rings,
                         Region** sqes) {
  if ((params.features & IORING_FEAT_SINGLE_MMAP) == 0) return -EOPNOTSUPP;
  const auto& counters = ring.state->counters;
  const size_t sqe_bytes = (params.flags & IORING_SETUP_SQE128) != 0 ? 128 : 64;
  const size_t sq_bytes = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  const size_t cq_bytes = params.cq_off.cqes + size_t{params.cq_entries} * ring.cqe_bytes;
  const long result = Region::map_file(counters, std::max(sq_bytes, cq_bytes), ring.fd,
                                       IORING_OFF_SQ_RING, rings);
  if (result < 0) return result;
  return Region::map_file(counters, params.sq_entries * sqe_bytes, ring.fd, IORING_OFF_SQES, sqes);
}

// Where JavaScript put the entries (IORING_SETUP_NO_MMAP): `sq_off.user_addr`, which older headers
// have under another name.
const uint8_t* given_entries(const io_uring_params& params) {
  static_assert(sizeof params.sq_off == 40);
  uint64_t address = 0;
  memcpy(&address, reinterpret_cast<const uint8_t*>(&params.sq_off) + 32, sizeof address);
  return reinterpret_cast<const uint8_t*>(address);
}

void locate(Ring& ring, const io_uring_params& params) {
  const bool given = (params.flags & kSetupNoMmap) != 0;
  ring.entries = given ? given_entries(params) : static_cast<const uint8_t*>(ring.sqes->base);
  ring.sq_head = word(ring.rings, params.sq_off.head);
  ring.sq_tail = word(ring.rings, params.sq_off.tail);
  ring.sq_mask = params.sq_entries - 1;
  ring.cq_head = word(ring.rings, params.cq_off.head);
  ring.cq_tail = word(ring.rings, params.cq_off.tail);
  ring.cq_mask = params.cq_entries - 1;
  ring.cqes = static_cast<uint8_t*>(ring.rings->base) + params.cq_off.cqes;
}

// The kernel moves the bit that tells of deferred work, and may have done the work before: then
// nothing takes the bit away any more, and whoever goes by it never rests. In this order, so that
// work which comes meanwhile is done here or sets it again.
void settle_work(const Ring& ring, uint32_t* flags) {
  __atomic_fetch_and(flags, ~kSqTaskrun, __ATOMIC_SEQ_CST);
  sys::call(SYS_io_uring_enter, ring.enter->fd, 0, 0, IORING_ENTER_GETEVENTS | ring.enter->flags,
            0, 0);
}

void drop(Region* region) {
  if (region != nullptr) region->drop();
}

}  // namespace

long Ring::map_queues(const io_uring_params& params, Region* given) {
  setup_flags = params.flags;
  features = params.features;
  cqe_bytes = (params.flags & IORING_SETUP_CQE32) != 0 ? 32 : 16;
  long result = 0;
  if ((params.flags & kSetupNoMmap) == 0) {
    result = map_from_descriptor(*this, params, &rings, &sqes);
  } else if (given == nullptr) {
    result = -EINVAL;
  } else {
    // One piece of memory has both, each with a count of its own.
    given->hold();
    given->hold();
    rings = given;
    sqes = given;
  }
  if (result == 0) {
    result = Region::map(state->counters, kControlBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, &control);
  }
#ifdef NEARMETAL_SEAM
  if (result == 0 && !without_descriptor(fd)) {
    result = seam::shadow(fd, params, state->counters, &rings);
  }
#endif
  if (result == 0) locate(*this, params);
  return result;
}

void Ring::drop_queues() {
  drop(rings);
  drop(sqes);
  drop(control);
}

// The kernel has moved what was queued; only what JavaScript and we look at has to follow.
long Ring::remap_queues(const io_uring_params& params) {
  Region* new_rings = nullptr;
  Region* new_sqes = nullptr;
  long result = map_from_descriptor(*this, params, &new_rings, &new_sqes);
  if (result == 0) settle_work(*this, word(new_rings, params.sq_off.flags));
#ifdef NEARMETAL_SEAM
  if (result == 0) result = seam::shadow_again(fd, params, state->counters, &new_rings);
#endif
  if (result < 0) {
    drop(new_rings);
    drop(new_sqes);
    return result;
  }
  rings->drop();
  sqes->drop();
  rings = new_rings;
  sqes = new_sqes;
  locate(*this, params);
  return 0;
}

// Lets the kernel read the arguments of waits straight from the control page, which it pins.
long Ring::register_wait() {
  constexpr uint32_t kUserMemory = 1u << 0;
  constexpr uint64_t kWaitArguments = 1u << 0;
  RegionDescription description{};
  description.user_address = reinterpret_cast<uint64_t>(control->base);
  // Whole pages, which may be larger than what is used of them.
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  description.size = std::max(kControlBytes, page);
  description.flags = kUserMemory;
  MemRegion region{};
  region.region = reinterpret_cast<uint64_t>(&description);
  region.flags = kWaitArguments;
  const long result = ring_register(fd, kRegisterMemRegion, sys::pointer(&region), 1);
  if (result == 0) enter->registered_wait = true;
  return result;
}

namespace {

// `params` names the new sizes, and tells afterwards where everything is.
napi_value ring_resize(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Ring* ring = EnvState::of(env)->ring(args.integer(0));
  const Bytes bytes = args.bytes(1);
  if (!args.ok() || bytes.length < sizeof(io_uring_params)) return small_number(env, -EINVAL);
  if (ring == nullptr) return small_number(env, -EBADF);
  auto* params = reinterpret_cast<io_uring_params*>(bytes.data);
#ifdef NEARMETAL_SEAM
  seam::settle(ring->fd);
#endif
  const long result = ring_register(ring->fd, kRegisterResizeRings, sys::pointer(params), 1);
  if (result < 0) return small_number(env, result);
  params->flags = ring->setup_flags;
  params->features = ring->features;
  // The old queues are no more: without the new ones the ring is lost.
  return small_number(env, ring->remap_queues(*params) < 0 ? -ENOTRECOVERABLE : 0);
}

napi_value ring_register_wait(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Ring* ring = EnvState::of(env)->ring(args.integer(0));
  if (!args.ok() || ring == nullptr) return small_number(env, -EBADF);
  return small_number(env, ring->register_wait());
}

constexpr Method kMethods[] = {
    {"ringResize", ring_resize},
    {"ringRegisterWait", ring_register_wait},
};

}  // namespace

void init_ring_queues(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
