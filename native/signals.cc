// Signals and processes as descriptors: signalfd4, rt_sigprocmask, pidfd_*, waitid.
#include <signal.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

// What the kernel calls a set of signals; libc's own is larger.
constexpr size_t kSignalSetBytes = 8;

napi_value signalfd4(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes set = args.bytes(1);
  const int32_t flags = args.integer(2);
  if (!args.ok() || set.length != kSignalSetBytes) return small_number(env, -EINVAL);
  const long result =
      sys::call(SYS_signalfd4, fd, sys::pointer(set.data), kSignalSetBytes, flags);
  return small_number(env, EnvState::of(env)->own(result));
}

// Of this thread only.
napi_value sigprocmask_thread(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t how = args.integer(0);
  const Bytes set = args.bytes(1);
  const Bytes previous = args.bytes(2);
  if (!args.ok() || set.length != kSignalSetBytes || previous.length != kSignalSetBytes) {
    return small_number(env, -EINVAL);
  }
  return small_number(env, sys::call(SYS_rt_sigprocmask, how, sys::pointer(set.data),
                                     sys::pointer(previous.data), kSignalSetBytes));
}

napi_value pidfd_open(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t pid = args.integer(0);
  const int32_t flags = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_pidfd_open, pid, flags)));
}

napi_value pidfd_send_signal(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t signal_number = args.integer(1);
  const int32_t flags = args.integer(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_pidfd_send_signal, fd, signal_number, 0, flags));
}

napi_value pidfd_getfd(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t pidfd = args.integer(0);
  const int32_t fd = args.integer(1);
  const int32_t flags = args.integer(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_pidfd_getfd, pidfd, fd, flags)));
}

napi_value waitid_call(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t which = args.integer(0);
  const int32_t id = args.integer(1);
  const Bytes result = args.bytes(2);
  const int32_t options = args.integer(3);
  if (!args.ok() || result.length < sizeof(siginfo_t)) return small_number(env, -EINVAL);
  return small_number(env,
                      sys::call(SYS_waitid, which, id, sys::pointer(result.data), options, 0));
}

constexpr Method kMethods[] = {
    {"signalfd4", signalfd4},
    {"rtSigprocmask", sigprocmask_thread},
    {"pidfdOpen", pidfd_open},
    {"pidfdSendSignal", pidfd_send_signal},
    {"pidfdGetfd", pidfd_getfd},
    {"waitid", waitid_call},
};

}  // namespace

void init_signals(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
