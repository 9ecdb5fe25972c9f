// Readiness: epoll_create1, epoll_ctl, epoll_pwait and its sibling, ppoll, pselect6.
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include <cstddef>
#include <cstdint>

#include "args.h"
#include "call_page.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr int64_t kNanoseconds = 1'000'000'000;
// The kernel's set of signals, which is smaller than the C library's.
constexpr long kMaskBytes = 8;

// Shared with JavaScript (`lib/epoll/page.ts`): arguments and answer of a wait, then its events.
// They cost less there than in a call.
struct WaitPage {
  int32_t fd;  // -1 once closed
  int32_t most;
  uint32_t flags;
  int32_t result;
  double timeout;  // negative: without one
  uint64_t mask;
  uint64_t reserved[4];
};
static_assert(offsetof(WaitPage, timeout) == 16);
static_assert(sizeof(WaitPage) == 64);

constexpr uint32_t kMasked = 1;
// The timeout is in nanoseconds and not in milliseconds: epoll_pwait2.
constexpr uint32_t kFine = 2;

timespec timespec_of(double nanoseconds) {
  const auto all = static_cast<int64_t>(nanoseconds);
  return {all / kNanoseconds, all % kNanoseconds};
}

long wait_for_events(const WaitPage& page, epoll_event* events) {
  const long mask = (page.flags & kMasked) != 0 ? sys::pointer(&page.mask) : 0;
  if ((page.flags & kFine) == 0) {
    return sys::call(SYS_epoll_pwait, page.fd, sys::pointer(events), page.most,
                     static_cast<long>(page.timeout), mask, kMaskBytes);
  }
  constexpr long kEpollPwait2 = 441;
  const timespec timeout = timespec_of(page.timeout);
  return sys::call(kEpollPwait2, page.fd, sys::pointer(events), page.most,
                   page.timeout < 0 ? 0 : sys::pointer(&timeout), mask, kMaskBytes);
}

napi_value wait(napi_env env, napi_callback_info info) {
  auto* page = call_page<WaitPage>(env, info);
  auto* events = reinterpret_cast<epoll_event*>(page + 1);
  page->result = static_cast<int32_t>(wait_for_events(*page, events));
  return nullptr;
}

napi_value create(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const int32_t flags = args.integer(0);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_epoll_create1, flags)));
}

napi_value control(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const int32_t epoll = args.integer(0);
  const int32_t operation = args.integer(1);
  const int32_t fd = args.integer(2);
  epoll_event event{};
  event.events = static_cast<uint32_t>(args.integer(3));
  event.data.u64 = static_cast<uint32_t>(args.integer(4)) |
                   uint64_t{static_cast<uint32_t>(args.integer(5))} << 32;
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_epoll_ctl, epoll, operation, fd, sys::pointer(&event)));
}

// Room for `most` events.
napi_value map_page(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const uint32_t most = args.natural(0);
  if (!args.ok()) return small_number(env, -EINVAL);
  Region* region = nullptr;
  const size_t length = sizeof(WaitPage) + size_t{most} * sizeof(epoll_event);
  const napi_value result = make_call_page(env, length, {{"wait", wait}}, &region);
  if (region == nullptr) return result;
  auto* page = static_cast<WaitPage*>(region->base);
  page->fd = -1;
  page->most = static_cast<int32_t>(most);
  return result;
}

// A set of signals as bytes, or null; answers its address.
template <size_t Count>
long mask_of(Args<Count>& args, size_t index) {
  if (args.absent(index)) return 0;
  const Bytes mask = args.bytes(index);
  return mask.length >= kMaskBytes ? sys::pointer(mask.data) : 0;
}

napi_value poll_many(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  constexpr size_t kEntryBytes = 8;
  const Bytes list = args.bytes(0);
  const auto timeout_ns = static_cast<double>(args.wide(1));
  const long mask = mask_of(args, 2);
  if (!args.ok()) return small_number(env, -EINVAL);
  timespec timeout = timespec_of(timeout_ns);
  return small_number(
      env, sys::call(SYS_ppoll, sys::pointer(list.data),
                     static_cast<long>(list.length / kEntryBytes),
                     timeout_ns < 0 ? 0 : sys::pointer(&timeout), mask, kMaskBytes));
}

// A set of descriptors as bytes, or null. The kernel reads and writes whole words up to `count`.
template <size_t Count>
long set_of(Args<Count>& args, size_t index, int32_t count, bool& fits) {
  if (args.absent(index)) return 0;
  const Bytes set = args.bytes(index);
  if (count < 0 || set.length * 8 < static_cast<size_t>(count) || set.length % 8 != 0) fits = false;
  return sys::pointer(set.data);
}

napi_value select_many(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  bool fits = true;
  const int32_t count = args.integer(0);
  const long read = set_of(args, 1, count, fits);
  const long write = set_of(args, 2, count, fits);
  const long except = set_of(args, 3, count, fits);
  const auto timeout_ns = static_cast<double>(args.wide(4));
  // The sixth argument of the system call is the address of these two words.
  const long mask[2] = {mask_of(args, 5), kMaskBytes};
  if (!args.ok() || !fits) return small_number(env, -EINVAL);
  timespec timeout = timespec_of(timeout_ns);
  return small_number(env, sys::call(SYS_pselect6, count, read, write, except,
                                     timeout_ns < 0 ? 0 : sys::pointer(&timeout),
                                     sys::pointer(mask)));
}

constexpr Method kMethods[] = {
    {"epollCreate1", create}, {"epollCtl", control},     {"epollPage", map_page},
    {"ppoll", poll_many},     {"pselect6", select_many},
};

}  // namespace

void init_epoll(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
