// mmap, mremap, munmap, and the ArrayBuffers that show a region to JavaScript.
#include "region.h"

#include <sys/mman.h>

#include <utility>

#include "args.h"
#include "env_state.h"
#include "sys.h"

namespace nearmetal {

const std::shared_ptr<RegionCounters>& RegionCounters::of_process() {
  static const auto instance = std::make_shared<RegionCounters>();
  return instance;
}

Region::Region(void* base_, size_t length_, std::shared_ptr<RegionCounters> counters)
    : base(base_), length(length_), counters_(std::move(counters)) {
  counters_->regions.fetch_add(1, std::memory_order_relaxed);
  counters_->bytes.fetch_add(static_cast<long>(length), std::memory_order_relaxed);
}

namespace {

bool failed(long address) { return address < 0 && address > -4096; }

long map_pages(long hint, size_t length, int protection, int flags, int fd, long offset) {
  const long address =
      sys::call(SYS_mmap, hint, static_cast<long>(length), protection, flags, fd, offset);
  if (failed(address)) return address;
  // A forked child that keeps a copy-on-write reference makes direct reads land in the wrong page.
  const long kept = sys::call(SYS_madvise, address, static_cast<long>(length), MADV_DONTFORK);
  if (kept == 0) return address;
  sys::call(SYS_munmap, address, static_cast<long>(length));
  return kept;
}

}  // namespace

long Region::map(const std::shared_ptr<RegionCounters>& counters, size_t length, int protection,
                 int flags, Region** result) {
  return map_at(counters, 0, length, protection, flags, -1, 0, result);
}

long Region::map_at(const std::shared_ptr<RegionCounters>& counters, long hint, size_t length,
                    int protection, int flags, int fd, long offset, Region** result) {
  const long address = map_pages(hint, length, protection, flags, fd, offset);
  if (failed(address)) return address;
  *result = new Region(reinterpret_cast<void*>(address), length, counters);
  return 0;
}

long Region::map_file(const std::shared_ptr<RegionCounters>& counters, size_t length, int fd,
                      long offset, Region** result) {
  return map_at(counters, 0, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset,
                result);
}

long Region::remap(size_t new_length, int flags) {
  const long address = sys::call(SYS_mremap, sys::pointer(base), static_cast<long>(length),
                                 static_cast<long>(new_length), flags);
  if (failed(address)) return address;
  counters_->bytes.fetch_add(static_cast<long>(new_length) - static_cast<long>(length),
                             std::memory_order_relaxed);
  base = reinterpret_cast<void*>(address);
  length = new_length;
  return address;
}

void Region::unmap() {
  sys::call(SYS_munmap, sys::pointer(base), static_cast<long>(length));
  counters_->regions.fetch_sub(1, std::memory_order_relaxed);
  counters_->bytes.fetch_sub(static_cast<long>(length), std::memory_order_relaxed);
  base = nullptr;
}

void Region::unmap_if_unheld() {
  // In this order: a finalizer on another thread gives up its place among the buffers before its
  // count, so that one seen half-way makes the difference larger.
  const long count = count_.load(std::memory_order_acquire);
  if (base != nullptr && count - buffers_.load(std::memory_order_acquire) <= 1) unmap();
}

void Region::drop_buffer() {
  buffers_.fetch_sub(1, std::memory_order_release);
  drop();
}

void Region::drop() {
  if (count_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (base != nullptr) unmap();
  delete this;
}

long Region::to_array_buffer(napi_env env, napi_value* result) {
  hold();
  buffers_.fetch_add(1, std::memory_order_relaxed);
  // SAFETY: the finalizer only drops a count and calls nothing of Node-API, because it may run
  // inside `transfer()`, or on another thread, while the kernel still writes to the memory.
  const napi_status status = napi_create_external_arraybuffer(
      env, base, length,
      [](napi_env, void*, void* hint) { static_cast<Region*>(hint)->drop_buffer(); }, this, result);
  if (status == napi_ok) return 0;
  drop_buffer();
  return status == napi_no_external_buffers_allowed ? -EOPNOTSUPP : -ENOMEM;
}

namespace {

napi_value region_map(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const int64_t address = args.wide(0);
  const int64_t length = args.wide(1);
  const int32_t protection = args.integer(2);
  const int64_t flags = args.wide(3);
  const int32_t fd = args.integer(4);
  const int64_t offset = args.wide(5);
  // MAP_FIXED would replace memory that is somebody's: there is no safe use of it from here.
  if (!args.ok() || length <= 0 || (flags & MAP_FIXED) != 0) return number(env, -EINVAL);
  EnvState* state = EnvState::of(env);
  Region* region = nullptr;
  const long result = Region::map_at(state->counters, address, static_cast<size_t>(length),
                                     protection, static_cast<int>(flags), fd, offset, &region);
  return number(env, result < 0 ? result : state->add(region));
}

napi_value region_buffer(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Region* region = EnvState::of(env)->region(args.integer(0));
  if (!args.ok() || region == nullptr) return number(env, -EBADF);
  napi_value buffer = nullptr;
  const long result = region->to_array_buffer(env, &buffer);
  return result < 0 ? number(env, result) : buffer;
}

napi_value region_address(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const Region* region = EnvState::of(env)->region(args.integer(0));
  if (!args.ok() || region == nullptr) return number(env, -EBADF);
  return number(env, sys::pointer(region->base));
}

napi_value region_remap(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  Region* region = EnvState::of(env)->region(args.integer(0));
  const int64_t length = args.wide(1);
  const int32_t flags = args.integer(2);
  if (!args.ok() || region == nullptr) return number(env, -EBADF);
  // MREMAP_FIXED replaces what is there, MREMAP_DONTUNMAP leaves memory that nobody owns.
  if (length <= 0 || (flags & ~MREMAP_MAYMOVE) != 0) return number(env, -EINVAL);
  return number(env, region->remap(static_cast<size_t>(length), flags));
}

napi_value region_release(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  EnvState* state = EnvState::of(env);
  const int32_t id = args.integer(0);
  const bool emptied = args.boolean(1);
  Region* region = state->region(id);
  if (!args.ok() || region == nullptr) return number(env, -EBADF);
  if (emptied) region->unmap_if_unheld();
  state->regions[static_cast<size_t>(id)] = nullptr;
  state->free_regions.push_back(static_cast<uint32_t>(id));
  region->drop();
  return number(env, 0);
}

napi_value region_stats(napi_env env, napi_callback_info) {
  const EnvState* state = EnvState::of(env);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "regions", number(env, state->counters->regions.load()));
  napi_set_named_property(env, result, "bytes", number(env, state->counters->bytes.load()));
  return result;
}

napi_value detach(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  bool detachable = false;
  if (!args.ok() || napi_is_arraybuffer(env, args.raw(0), &detachable) != napi_ok || !detachable) {
    return number(env, -EINVAL);
  }
  return number(env, napi_detach_arraybuffer(env, args.raw(0)) == napi_ok ? 0 : -EBUSY);
}

constexpr Method kMethods[] = {
    {"regionMap", region_map},         {"regionBuffer", region_buffer},
    {"regionAddress", region_address}, {"regionRemap", region_remap},
    {"regionRelease", region_release}, {"regionStats", region_stats},
    {"detach", detach},
};

}  // namespace

void init_region(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
