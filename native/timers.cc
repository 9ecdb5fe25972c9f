// Timers and clocks: timerfd_create, timerfd_settime, timerfd_gettime, clock_gettime.
#include <time.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

napi_value timerfd_create(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t clock = args.integer(0);
  const int32_t flags = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_timerfd_create, clock, flags)));
}

napi_value timerfd_settime(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t flags = args.integer(1);
  const Bytes setting = args.bytes(2);
  const Bytes previous = args.bytes(3);
  if (!args.ok() || setting.length < sizeof(itimerspec) || previous.length < sizeof(itimerspec)) {
    return small_number(env, -EINVAL);
  }
  return small_number(env, sys::call(SYS_timerfd_settime, fd, flags, sys::pointer(setting.data),
                                     sys::pointer(previous.data)));
}

napi_value timerfd_gettime(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes setting = args.bytes(1);
  if (!args.ok() || setting.length < sizeof(itimerspec)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_timerfd_gettime, fd, sys::pointer(setting.data)));
}

napi_value clock_time(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t clock = args.integer(0);
  const Bytes now = args.bytes(1);
  if (!args.ok() || now.length < sizeof(timespec)) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_clock_gettime, clock, sys::pointer(now.data)));
}

constexpr Method kMethods[] = {
    {"timerfdCreate", timerfd_create},
    {"timerfdSettime", timerfd_settime},
    {"timerfdGettime", timerfd_gettime},
    {"clockGettime", clock_time},
};

}  // namespace

void init_timers(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
