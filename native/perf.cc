// Performance counters: opened, and told to count or stop. They are read by read(2).
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

napi_value open_event(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const Bytes attributes = args.bytes(0);
  const int32_t tid = args.integer(1);
  const int32_t cpu = args.integer(2);
  const int32_t group = args.integer(3);
  const uint32_t flags = args.natural(4);
  if (!args.ok() || attributes.length < PERF_ATTR_SIZE_VER5) return small_number(env, -EINVAL);
  const long fd = sys::call(SYS_perf_event_open, sys::pointer(attributes.data), tid, cpu, group,
                            flags);
  return small_number(env, EnvState::of(env)->own(fd));
}

napi_value control_event(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const uint32_t request = args.natural(1);
  const int32_t argument = args.integer(2);
  return small_number(env, args.ok() ? sys::call(SYS_ioctl, fd, request, argument) : -EINVAL);
}

constexpr Method kMethods[] = {
    {"perfEventOpen", open_event},
    {"perfEventIoctl", control_event},
};

}  // namespace

void init_perf(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
