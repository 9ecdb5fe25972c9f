// Bytes from descriptor to descriptor that never come to user space: sendfile, splice, tee,
// vmsplice, copy_file_range; and how much of a file is in the page cache.
#include <sys/uio.h>

#include <vector>

#include "args.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {


napi_value sendfile_call(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t target = args.integer(0);
  const int32_t source = args.integer(1);
  int64_t offset = args.wide(2);
  const int64_t length = args.wide(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_sendfile, target, source, sys::position(offset), length));
}

napi_value splice_call(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const int32_t source = args.integer(0);
  int64_t source_offset = args.wide(1);
  const int32_t target = args.integer(2);
  int64_t target_offset = args.wide(3);
  const int64_t length = args.wide(4);
  const int32_t flags = args.integer(5);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_splice, source, sys::position(source_offset), target,
                               sys::position(target_offset), length, flags));
}

napi_value tee_call(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t source = args.integer(0);
  const int32_t target = args.integer(1);
  const int64_t length = args.wide(2);
  const int32_t flags = args.integer(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_tee, source, target, length, flags));
}

// (pipe, views, flags). Into a pipe the views must be of mappings: their pages stay in the pipe.
napi_value vmsplice_call(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t pipe = args.integer(0);
  const int32_t flags = args.integer(2);
  std::vector<iovec> parts;
  if (!args.ok() || !vector_of(env, args.raw(1), parts)) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_vmsplice, pipe, sys::pointer(parts.data()),
                               static_cast<long>(parts.size()), flags));
}

napi_value copy_file_range_call(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t source = args.integer(0);
  int64_t source_offset = args.wide(1);
  const int32_t target = args.integer(2);
  int64_t target_offset = args.wide(3);
  const int64_t length = args.wide(4);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_copy_file_range, source, sys::position(source_offset), target,
                               sys::position(target_offset), length, 0));
}

struct CacheRange {
  uint64_t offset;
  uint64_t length;
};

// Of `struct cachestat` only the first count is told: pages that are cached, also those on their
// way.
struct CacheCounts {
  uint64_t cached;
  uint64_t others[4];
};

napi_value cachestat_call(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  CacheRange range{static_cast<uint64_t>(args.wide(1)), static_cast<uint64_t>(args.wide(2))};
  if (!args.ok()) return small_number(env, -EINVAL);
  CacheCounts counts{};
  constexpr long kCachestat = 451;
  const long result =
      sys::call(kCachestat, fd, sys::pointer(&range), sys::pointer(&counts), 0);
  return number(env, result < 0 ? result : static_cast<long>(counts.cached));
}

constexpr Method kMethods[] = {
    {"sendfile", sendfile_call}, {"splice", splice_call},
    {"tee", tee_call},           {"vmsplice", vmsplice_call},
    {"copyFileRange", copy_file_range_call}, {"cachestat", cachestat_call},
};

}  // namespace

void init_splice(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
