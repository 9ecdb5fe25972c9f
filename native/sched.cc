// Where and when a thread runs: its CPUs, its policy, its priorities, and who it is.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

napi_value set_affinity(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t tid = args.integer(0);
  const Bytes mask = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_sched_setaffinity, tid, static_cast<long>(mask.length),
                                     sys::pointer(mask.data)));
}

napi_value get_affinity(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t tid = args.integer(0);
  const Bytes mask = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_sched_getaffinity, tid, static_cast<long>(mask.length),
                                     sys::pointer(mask.data)));
}

napi_value set_attributes(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t tid = args.integer(0);
  const Bytes attributes = args.bytes(1);
  const uint32_t flags = args.natural(2);
  if (!args.ok() || attributes.length < sizeof(uint32_t)) return small_number(env, -EINVAL);
  return small_number(env,
                      sys::call(SYS_sched_setattr, tid, sys::pointer(attributes.data), flags));
}

napi_value get_attributes(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t tid = args.integer(0);
  const Bytes attributes = args.bytes(1);
  const uint32_t flags = args.natural(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_sched_getattr, tid, sys::pointer(attributes.data),
                                     static_cast<long>(attributes.length), flags));
}

// One double for both answers: the node times 2^32, plus the CPU.
napi_value get_cpu(napi_env env, napi_callback_info) {
  unsigned cpu = 0;
  unsigned node = 0;
#if defined(__GLIBC__) && !defined(NEARMETAL_SEAM)
  // By way of the vDSO, which asks the CPU and not the kernel.
  const long result = ::getcpu(&cpu, &node);
#else
  const long result = sys::call(SYS_getcpu, sys::pointer(&cpu), sys::pointer(&node));
#endif
  if (result < 0) return number(env, result);
  constexpr double kHigh = 4294967296.0;
  napi_value both = nullptr;
  napi_create_double(env, node * kHigh + cpu, &both);
  return both;
}

napi_value get_tid(napi_env env, napi_callback_info) {
  return small_number(env, sys::call(SYS_gettid));
}

napi_value set_priority(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t which = args.integer(0);
  const int32_t who = args.integer(1);
  const int32_t nice = args.integer(2);
  return small_number(env, args.ok() ? sys::call(SYS_setpriority, which, who, nice) : -EINVAL);
}

napi_value get_priority(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t which = args.integer(0);
  const int32_t who = args.integer(1);
  return small_number(env, args.ok() ? sys::call(SYS_getpriority, which, who) : -EINVAL);
}

napi_value set_io_priority(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t which = args.integer(0);
  const int32_t who = args.integer(1);
  const int32_t priority = args.integer(2);
  return small_number(env, args.ok() ? sys::call(SYS_ioprio_set, which, who, priority) : -EINVAL);
}

napi_value get_io_priority(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t which = args.integer(0);
  const int32_t who = args.integer(1);
  return small_number(env, args.ok() ? sys::call(SYS_ioprio_get, which, who) : -EINVAL);
}

napi_value set_timer_slack(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const int64_t nanoseconds = args.wide(0);
  constexpr long kSetTimerSlack = 29;
  return small_number(env, args.ok() ? sys::call(SYS_prctl, kSetTimerSlack, nanoseconds) : -EINVAL);
}

napi_value get_timer_slack(napi_env env, napi_callback_info) {
  constexpr long kGetTimerSlack = 30;
  return number(env, sys::call(SYS_prctl, kGetTimerSlack));
}

constexpr Method kMethods[] = {
    {"schedSetaffinity", set_affinity}, {"schedGetaffinity", get_affinity},
    {"schedSetattr", set_attributes},   {"schedGetattr", get_attributes},
    {"getcpu", get_cpu},                {"gettid", get_tid},
    {"setpriority", set_priority},      {"getpriority", get_priority},
    {"ioprioSet", set_io_priority},     {"ioprioGet", get_io_priority},
    {"setTimerslack", set_timer_slack}, {"getTimerslack", get_timer_slack},
};

}  // namespace

void init_sched(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
