// Where and when a thread runs: its CPUs, its policy, its priorities, and who it is.
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "args.h"
#include "call_page.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

// Shared with JavaScript (`lib/cpu/affinity-page.ts`): what the calls take, and what they found.
struct AffinityPage {
  int32_t tid;
  int32_t length;        // of the mask to be set, in bytes
  int32_t found_length;  // of the mask that was found, in bytes; or -errno
  int32_t result;        // of setting
  uint64_t wanted[1024];  // no kernel is built for more CPUs
  uint64_t found[1024];
};

void set(AffinityPage* page) {
  const bool fits = static_cast<uint32_t>(page->length) <= sizeof page->wanted;
  page->result = fits ? static_cast<int32_t>(sys::call(SYS_sched_setaffinity, page->tid,
                                                       page->length, sys::pointer(page->wanted)))
                      : -EINVAL;
}

void get(AffinityPage* page) {
  page->found_length = static_cast<int32_t>(sys::call(
      SYS_sched_getaffinity, page->tid, sizeof page->found, sys::pointer(page->found)));
}

napi_value set_affinity(napi_env env, napi_callback_info info) {
  set(call_page<AffinityPage>(env, info));
  return nullptr;
}

napi_value get_affinity(napi_env env, napi_callback_info info) {
  get(call_page<AffinityPage>(env, info));
  return nullptr;
}

// Both in one crossing, which costs as much as the smaller of them.
napi_value exchange_affinity(napi_env env, napi_callback_info info) {
  auto* page = call_page<AffinityPage>(env, info);
  get(page);
  if (page->found_length >= 0) set(page);
  return nullptr;
}

napi_value open_affinity(napi_env env, napi_callback_info) {
  Region* region = nullptr;
  return make_call_page(env, sizeof(AffinityPage),
                        {{"schedSetaffinity", set_affinity},
                         {"schedGetaffinity", get_affinity},
                         {"schedExchangeAffinity", exchange_affinity}},
                        &region);
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
    {"openAffinity", open_affinity},    {"schedSetattr", set_attributes},
    {"schedGetattr", get_attributes},   {"getcpu", get_cpu},
    {"gettid", get_tid},                {"setpriority", set_priority},
    {"getpriority", get_priority},      {"ioprioSet", set_io_priority},
    {"ioprioGet", get_io_priority},     {"setTimerslack", set_timer_slack},
    {"getTimerslack", get_timer_slack},
};

}  // namespace

void init_sched(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
