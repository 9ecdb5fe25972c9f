// The seam of the test build: every system call is counted here, and may be told to fail.
#include "seam.h"

#include <errno.h>

#include <algorithm>

#include "args.h"
#include "families.h"
#include "seam_state.h"
#include "sys.h"

namespace nearmetal {

namespace seam {

State& state() {
  thread_local State instance;
  return instance;
}

namespace {

constexpr long kEnterRegisteredRing = 1 << 4;

int ruled_error(State& now, long number) {
  int error = 0;
  for (Rule& rule : now.rules) {
    if (rule.number != number) continue;
    rule.seen++;
    if (rule.seen >= rule.first && rule.seen <= rule.last) error = rule.error;
  }
  return error;
}

void forget_ring(State& now, int fd) {
  const auto found = now.rings.find(fd);
  if (found == now.rings.end()) return;
  found->second.real->drop();
  now.rings.erase(found);
}

}  // namespace

}  // namespace seam

long sys::call(long number, long a, long b, long c, long d, long e, long f) {
  seam::State& now = seam::state();
  now.calls[number]++;
  const int error = seam::ruled_error(now, number);
  // Linux closes the descriptor also when it answers an error.
  if (error != 0 && number != SYS_close) return -error;
  if (number == SYS_close) seam::forget_ring(now, static_cast<int>(a));
  // A ring without a descriptor is not shadowed; its number is some other's descriptor.
  const bool by_number = (number == SYS_io_uring_register && (b & (1l << 31)) != 0) ||
                         (number == SYS_io_uring_enter && (d & seam::kEnterRegisteredRing) != 0);
  const auto ring = by_number ? now.rings.end() : now.rings.find(static_cast<int>(a));
  if (ring != now.rings.end()) {
    if (number == SYS_io_uring_enter) {
      return seam::enter(ring->second, static_cast<int>(a), static_cast<uint32_t>(b), c, d, e, f);
    }
    // A ring entered by its number in the thread's table would pass the seam by.
    if (number == SYS_io_uring_register && b == IORING_REGISTER_RING_FDS) return -EINVAL;
    if (number == SYS_io_uring_register && b == IORING_REGISTER_EVENTFD) {
      ring->second.event_fd = *reinterpret_cast<const int*>(c);
    }
  }
  const long result = kernel(number, a, b, c, d, e, f);
  if (number == SYS_read) seam::refresh(static_cast<int>(a));
  return error != 0 ? -error : result;
}

namespace {

napi_value fail(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int64_t number_ = args.wide(0);
  const int64_t nth = args.wide(1);
  const int64_t count = args.wide(2);
  const int32_t error = args.integer(3);
  if (!args.ok()) return nullptr;
  seam::state().rules.push_back({number_, static_cast<uint64_t>(nth),
                                 static_cast<uint64_t>(nth + count - 1), 0, error});
  return nullptr;
}

uint32_t permille(napi_env env, napi_value object, const char* name) {
  napi_value value = nullptr;
  uint32_t result = 0;
  napi_get_named_property(env, object, name, &value);
  napi_get_value_uint32(env, value, &result);
  return result;
}

napi_value chaos(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const uint32_t seed = args.natural(0);
  if (!args.ok()) return nullptr;
  seam::State& now = seam::state();
  now.random = 0x9E3779B97F4A7C15ull * (uint64_t{seed} + 1);
  const napi_value odds = args.raw(1);
  now.chaos = {permille(env, odds, "errno"), permille(env, odds, "partial"),
               permille(env, odds, "delay"), permille(env, odds, "reorder"),
               permille(env, odds, "duplicate")};
  return nullptr;
}

napi_value limit_completions(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  seam::state().completion_limit = args.natural(0);
  return nullptr;
}

napi_value reset(napi_env, napi_callback_info) {
  seam::State& now = seam::state();
  now.rules.clear();
  now.calls.clear();
  now.chaos = {};
  now.completion_limit = 0;
  return nullptr;
}

napi_value calls(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  return number(env, static_cast<long>(seam::state().calls[args.wide(0)]));
}

constexpr Method kMethods[] = {
    {"fail", fail},   {"chaos", chaos}, {"limitCompletions", limit_completions},
    {"reset", reset}, {"calls", calls},
};

}  // namespace

void init_seam(napi_env env, napi_value exports) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  add_methods(env, object, kMethods);
  napi_set_named_property(env, exports, "seam", object);
}

}  // namespace nearmetal
