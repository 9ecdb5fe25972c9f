// Watched files: inotify_*, fanotify_*, and what turns a file handle into a descriptor.
#include <fcntl.h>
#include <sys/vfs.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

// The path with its terminating zero, which TypeScript has put there.
bool is_path(const Bytes& path) { return path.length > 0 && path.data[path.length - 1] == 0; }

napi_value inotify_init1(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const int32_t flags = args.integer(0);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_inotify_init1, flags)));
}

napi_value inotify_add_watch(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes path = args.bytes(1);
  const uint32_t mask = args.natural(2);
  if (!args.ok() || !is_path(path)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_inotify_add_watch, fd, sys::pointer(path.data), mask));
}

napi_value inotify_rm_watch(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t watch = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_inotify_rm_watch, fd, watch));
}

napi_value fanotify_init(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const uint32_t flags = args.natural(0);
  const uint32_t event_flags = args.natural(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  const long result = sys::call(SYS_fanotify_init, flags, event_flags);
  return small_number(env, EnvState::of(env)->own(result));
}

napi_value fanotify_mark(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t fd = args.integer(0);
  const uint32_t flags = args.natural(1);
  const int64_t mask = args.wide(2);
  const int32_t folder = args.integer(3);
  const Bytes path = args.absent(4) ? Bytes{} : args.bytes(4);
  if (!args.ok() || (path.data != nullptr && !is_path(path))) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_fanotify_mark, fd, flags, mask, folder,
                                     sys::pointer(path.data)));
}

napi_value open_by_handle_at(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t mount = args.integer(0);
  const Bytes handle = args.bytes(1);
  const int32_t flags = args.integer(2);
  if (!args.ok() || handle.length < sizeof(file_handle)) return small_number(env, -EINVAL);
  const auto* header = reinterpret_cast<const file_handle*>(handle.data);
  // The kernel reads as much as the handle says that it has.
  if (handle.length - sizeof(file_handle) < header->handle_bytes) {
    return small_number(env, -EINVAL);
  }
  const long result = sys::call(SYS_open_by_handle_at, mount, sys::pointer(handle.data), flags);
  return small_number(env, EnvState::of(env)->own(result));
}

napi_value fstatfs_call(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes target = args.bytes(1);
  if (!args.ok() || target.length < sizeof(struct statfs)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_fstatfs, fd, sys::pointer(target.data)));
}

constexpr Method kMethods[] = {
    {"inotifyInit1", inotify_init1},      {"inotifyAddWatch", inotify_add_watch},
    {"inotifyRmWatch", inotify_rm_watch}, {"fanotifyInit", fanotify_init},
    {"fanotifyMark", fanotify_mark},      {"openByHandleAt", open_by_handle_at},
    {"fstatfs", fstatfs_call},
};

}  // namespace

void init_notify(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
