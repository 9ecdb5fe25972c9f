// The seam of the test build: every system call is counted here, and may be told to fail.
#include "seam.h"

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <vector>

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

// Which argument says how many bytes; -1 where none does.
int length_of(long number) {
  switch (number) {
    case SYS_read:
    case SYS_write:
    case SYS_pread64:
    case SYS_pwrite64:
    case SYS_tee:
      return 2;
    case SYS_sendfile:
      return 3;
    case SYS_splice:
    case SYS_copy_file_range:
      return 4;
    default:
      return -1;
  }
}

bool is_vectored(long number) {
  return number == SYS_readv || number == SYS_writev || number == SYS_preadv2 ||
         number == SYS_pwritev2;
}

// As many of the parts as `most` bytes take.
std::vector<iovec> shortened(const iovec* parts, long count, long most) {
  std::vector<iovec> kept;
  auto left = static_cast<size_t>(most);
  for (long index = 0; index < count && left > 0; index++) {
    kept.push_back({parts[index].iov_base, std::min(parts[index].iov_len, left)});
    left -= kept.back().iov_len;
  }
  return kept;
}

void forget_ring(State& now, int fd) {
  const auto found = now.rings.find(fd);
  if (found == now.rings.end()) return;
  found->second.real->drop();
  now.rings.erase(found);
}

}  // namespace

}  // namespace seam

sys::Fate sys::fate_of(long number) {
  seam::State& now = seam::state();
  now.calls[number]++;
  Fate fate;
  for (seam::Rule& rule : now.rules) {
    if (rule.number != number) continue;
    rule.seen++;
    if (rule.seen >= rule.first && rule.seen <= rule.last) fate = rule.fate;
  }
  return fate;
}

// SAFETY: runs on any thread, and touches nothing of the seam's state.
long sys::call_as(const Fate& fate, long number, long a, long b, long c, long d, long e, long f) {
  if (fate.error != 0) return -fate.error;
  long arguments[] = {a, b, c, d, e, f};
  std::vector<iovec> parts;
  const int length = seam::length_of(number);
  if (fate.most >= 0 && length >= 0) arguments[length] = std::min(arguments[length], fate.most);
  if (fate.most >= 0 && seam::is_vectored(number)) {
    parts = seam::shortened(reinterpret_cast<const iovec*>(b), c, fate.most);
    arguments[1] = pointer(parts.data());
    arguments[2] = static_cast<long>(parts.size());
  }
  return kernel(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                arguments[5]);
}

long sys::call(long number, long a, long b, long c, long d, long e, long f) {
  seam::State& now = seam::state();
  const Fate fate = fate_of(number);
  const int error = fate.error;
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
  const long result = call_as({0, fate.most}, number, a, b, c, d, e, f);
  if (number == SYS_read) seam::refresh(static_cast<int>(a));
  return error != 0 ? -error : result;
}

namespace {

// (number, nth, count, what): a rule with the fate that `make` makes of the last word.
napi_value add_rule(napi_env env, napi_callback_info info, sys::Fate (*make)(int32_t)) {
  Args<4> args(env, info);
  const int64_t which = args.wide(0);
  const int64_t nth = args.wide(1);
  const int64_t count = args.wide(2);
  const int32_t what = args.integer(3);
  if (!args.ok()) return nullptr;
  seam::state().rules.push_back({which, static_cast<uint64_t>(nth),
                                 static_cast<uint64_t>(nth + count - 1), 0, make(what)});
  return nullptr;
}

napi_value fail(napi_env env, napi_callback_info info) {
  return add_rule(env, info, [](int32_t error) { return sys::Fate{error, -1}; });
}

napi_value shorten(napi_env env, napi_callback_info info) {
  return add_rule(env, info, [](int32_t bytes) { return sys::Fate{0, bytes}; });
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
    {"fail", fail},   {"shorten", shorten}, {"chaos", chaos},
    {"reset", reset}, {"calls", calls},     {"limitCompletions", limit_completions},
};

}  // namespace

void init_seam(napi_env env, napi_value exports) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  add_methods(env, object, kMethods);
  napi_set_named_property(env, exports, "seam", object);
}

}  // namespace nearmetal
