// What is done with descriptors of any kind: copies, locks, ranges, pipes, vectors.
#include <fcntl.h>
#include <sys/uio.h>

#include <cstring>
#include <vector>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr unsigned kCloseRangeCloexec = 4;

napi_value dup_above(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t lowest = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  const long result = sys::call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
  return small_number(env, EnvState::of(env)->own(result));
}

// `struct open_how`, which older headers lack.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

// (dirfd, path with a zero at its end, flags, mode, resolve).
napi_value openat2_call(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t directory = args.integer(0);
  const Bytes path = args.bytes(1);
  const OpenHow how{static_cast<uint64_t>(args.wide(2)), static_cast<uint64_t>(args.wide(3)),
                    static_cast<uint64_t>(args.wide(4))};
  if (!args.ok() || memchr(path.data, 0, path.length) == nullptr) {
    return small_number(env, -EINVAL);
  }
  constexpr long kOpenat2 = 437;
  const long result =
      sys::call(kOpenat2, directory, sys::pointer(path.data), sys::pointer(&how), sizeof how);
  return small_number(env, EnvState::of(env)->own(result));
}

napi_value fcntl_lock(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t command = args.integer(1);
  const Bytes lock = args.bytes(2);
  if (!args.ok() || lock.length < sizeof(struct flock)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_fcntl, fd, command, sys::pointer(lock.data)));
}

napi_value close_range_call(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const uint32_t first = args.natural(0);
  const uint32_t last = args.natural(1);
  const uint32_t flags = args.natural(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  const long result = sys::call(SYS_close_range, first, last, flags);
  if (result == 0 && (flags & kCloseRangeCloexec) == 0) {
    EnvState::of(env)->disown_range(first, last);
  }
  return small_number(env, result);
}

napi_value pipe2_open(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const Bytes pair = args.bytes(0);
  const int32_t flags = args.integer(1);
  if (!args.ok() || pair.length < 2 * sizeof(int)) return small_number(env, -EINVAL);
  int fds[2] = {-1, -1};
  const long result = sys::call(SYS_pipe2, sys::pointer(fds), flags);
  if (result == 0) {
    EnvState* state = EnvState::of(env);
    for (const int fd : fds) state->own(fd);
    memcpy(pair.data, fds, sizeof fds);
  }
  return small_number(env, result);
}

napi_value at_offset(napi_env env, napi_callback_info info, long which) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes view = args.bytes(1);
  const int64_t offset = args.wide(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(which, fd, sys::pointer(view.data),
                               static_cast<long>(view.length), offset));
}

napi_value pread_call(napi_env env, napi_callback_info info) {
  return at_offset(env, info, SYS_pread64);
}

napi_value pwrite_call(napi_env env, napi_callback_info info) {
  return at_offset(env, info, SYS_pwrite64);
}

napi_value vectored(napi_env env, napi_callback_info info, long which) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const int64_t offset = args.wide(2);
  const int32_t flags = args.integer(3);
  std::vector<iovec> parts;
  if (!args.ok() || !vector_of(env, args.raw(1), parts)) return small_number(env, -EINVAL);
  // The offset is two words in the kernel's ABI; on 64 bits the first one holds all of it.
  return number(env, sys::call(which, fd, sys::pointer(parts.data()),
                               static_cast<long>(parts.size()), offset, 0, flags));
}

napi_value preadv2_call(napi_env env, napi_callback_info info) {
  return vectored(env, info, SYS_preadv2);
}

napi_value pwritev2_call(napi_env env, napi_callback_info info) {
  return vectored(env, info, SYS_pwritev2);
}

constexpr Method kMethods[] = {
    {"dupAbove", dup_above}, {"fcntlLock", fcntl_lock}, {"closeRange", close_range_call},
    {"openat2", openat2_call},
    {"pipe2", pipe2_open},   {"pread", pread_call},     {"pwrite", pwrite_call},
    {"preadv2", preadv2_call}, {"pwritev2", pwritev2_call},
};

}  // namespace

void init_fd_tools(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
