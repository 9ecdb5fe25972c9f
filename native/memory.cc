// What the kernel can be told about mapped memory, and asked about it: one function, one call.
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"
#include "uapi_memory.h"

namespace nearmetal {

namespace {

// Part of a region, or null where the arguments (region, offset, length) name none.
struct Part {
  const Region* region = nullptr;
  long address = 0;
  int64_t length = 0;

  template <size_t Count>
  Part(napi_env env, Args<Count>& args) {
    const Region* found = EnvState::of(env)->region(args.integer(0));
    const int64_t offset = args.wide(1);
    length = args.wide(2);
    if (!args.ok() || found == nullptr || !found->covers(offset, length)) return;
    region = found;
    address = sys::pointer(found->base) + offset;
  }
};

// madvise, mprotect, msync and mlock2 have their arguments alike: address, length, a word.
template <long Number>
napi_value on_part(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const Part part(env, args);
  const int32_t word = args.integer(3);
  if (!args.ok() || part.region == nullptr) return small_number(env, -EINVAL);
  return small_number(env, sys::call(Number, part.address, part.length, word));
}

napi_value region_unlock(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const Part part(env, args);
  if (part.region == nullptr) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_munlock, part.address, part.length));
}

napi_value region_core(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const Part part(env, args);
  const Bytes pages = args.bytes(3);
  const int64_t page = sysconf(_SC_PAGESIZE);
  if (!args.ok() || part.region == nullptr ||
      static_cast<int64_t>(pages.length) < (part.length + page - 1) / page) {
    return small_number(env, -EINVAL);
  }
  return small_number(
      env, sys::call(SYS_mincore, part.address, part.length, sys::pointer(pages.data)));
}

napi_value region_name(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const Region* region = EnvState::of(env)->region(args.integer(0));
  const std::string name = args.text(1);
  if (!args.ok() || region == nullptr) return small_number(env, -EINVAL);
  // Linux 5.17; PR_SET_VMA, PR_SET_VMA_ANON_NAME.
  constexpr long kSetName = 0x53564d41;
  constexpr long kOfAnonymous = 0;
  return small_number(env, sys::call(SYS_prctl, kSetName, kOfAnonymous,
                                     sys::pointer(region->base),
                                     static_cast<long>(region->length),
                                     sys::pointer(name.c_str())));
}

// Through the kernel, for which an address that cannot be touched is an error and not a signal.
template <long Number>
napi_value copy_part(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const Region* region = EnvState::of(env)->region(args.integer(0));
  const int64_t offset = args.wide(1);
  const Bytes bytes = args.bytes(2);
  if (!args.ok() || region == nullptr ||
      !region->covers(offset, static_cast<int64_t>(bytes.length))) {
    return number(env, -EINVAL);
  }
  iovec local{bytes.data, bytes.length};
  iovec remote{static_cast<uint8_t*>(region->base) + offset, bytes.length};
  return number(env, sys::call(Number, getpid(), sys::pointer(&local), 1, sys::pointer(&remote), 1,
                               0));
}

// Reads one byte of each of `count` steps, and with `write` puts it back where it was: pages that
// can be had are there then.
napi_value region_touch(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const Region* region = EnvState::of(env)->region(args.integer(0));
  const int64_t offset = args.wide(1);
  const int64_t step = args.wide(2);
  const int64_t count = args.wide(3);
  const bool write = args.boolean(4);
  constexpr int64_t kMost = 1024;
  int64_t last = 0;
  if (!args.ok() || region == nullptr || step <= 0 || count <= 0 || count > kMost ||
      __builtin_mul_overflow(step, count - 1, &last) || !region->covers(offset, last) ||
      !region->covers(offset + last, 1)) {
    return number(env, -EINVAL);
  }
  uint8_t scratch = 0;
  iovec sources[kMost];
  iovec targets[kMost];
  for (int64_t index = 0; index < count; index++) {
    sources[index] = {static_cast<uint8_t*>(region->base) + offset + step * index, 1};
    targets[index] = write ? sources[index] : iovec{&scratch, 1};
  }
  return number(env, sys::call(SYS_process_vm_readv, getpid(), sys::pointer(targets), count,
                               sys::pointer(sources), count, 0));
}

napi_value pagemap_scan(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const Part part(env, args);
  const int32_t fd = args.integer(3);
  const uint32_t categories = args.natural(4);
  const Bytes found = args.bytes(5);
  if (!args.ok() || part.region == nullptr) return number(env, -EINVAL);
  PagemapScan scan{};
  scan.size = sizeof scan;
  scan.start = static_cast<uint64_t>(part.address);
  scan.end = scan.start + static_cast<uint64_t>(part.length);
  scan.vec = static_cast<uint64_t>(sys::pointer(found.data));
  scan.vec_len = found.length / kPageRegionBytes;
  scan.category_anyof_mask = categories;
  scan.return_mask = categories;
  return number(env, sys::call(SYS_ioctl, fd, kPagemapScan, sys::pointer(&scan)));
}

napi_value memfd_create_(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const std::string name = args.text(0);
  const uint32_t flags = args.natural(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(
      env, EnvState::of(env)->own(sys::call(SYS_memfd_create, sys::pointer(name.c_str()), flags)));
}

napi_value getrusage_(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t who = args.integer(0);
  const Bytes usage = args.bytes(1);
  if (!args.ok() || usage.length < sizeof(rusage)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_getrusage, who, sys::pointer(usage.data)));
}

constexpr Method kMethods[] = {
    {"regionAdvise", on_part<SYS_madvise>},
    {"regionProtect", on_part<SYS_mprotect>},
    {"regionSync", on_part<SYS_msync>},
    {"regionLock", on_part<SYS_mlock2>},
    {"regionUnlock", region_unlock},
    {"regionCore", region_core},
    {"regionName", region_name},
    {"regionRead", copy_part<SYS_process_vm_readv>},
    {"regionWrite", copy_part<SYS_process_vm_writev>},
    {"regionTouch", region_touch},
    {"pagemapScan", pagemap_scan},
    {"memfdCreate", memfd_create_},
    {"getrusage", getrusage_},
};

}  // namespace

void init_memory(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
