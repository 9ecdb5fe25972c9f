// Waiting on a word of memory: futex, futex_waitv. The waiting calls block the thread.
#include <linux/futex.h>
#include <time.h>

#include <cstring>

#include "args.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr uint32_t kWaitersMax = 128;
constexpr size_t kWaiterBytes = 24;  // struct futex_waitv
constexpr size_t kWaiterAddress = 8;

// The fourth argument is a time for the calls that wait, and a count for those that do not.
napi_value futex_call(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const Bytes word = args.bytes(0);
  const int32_t operation = args.integer(1);
  const int64_t value = args.wide(2);
  long fourth = 0;
  napi_valuetype type = napi_undefined;
  if (args.ok()) napi_typeof(env, args.raw(3), &type);
  if (type == napi_number) {
    fourth = args.integer(3);
  } else if (!args.absent(3)) {
    const Bytes timeout = args.bytes(3);
    if (timeout.length < sizeof(timespec)) return small_number(env, -EINVAL);
    fourth = sys::pointer(timeout.data);
  }
  const Bytes second = args.absent(4) ? Bytes{} : args.bytes(4);
  const int64_t last = args.wide(5);
  const bool short_word =
      word.length < sizeof(uint32_t) ||
      (second.data != nullptr && second.length < sizeof(uint32_t));
  if (!args.ok() || short_word) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_futex, sys::pointer(word.data), operation, value, fourth,
                                     sys::pointer(second.data), last));
}

// `waiters` holds struct futex_waitv without the addresses, which are those of `words`.
napi_value futex_waitv(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const Bytes waiters = args.bytes(0);
  const Bytes timeout = args.absent(2) ? Bytes{} : args.bytes(2);
  const int32_t clock = args.integer(3);
  uint32_t count = 0;
  if (!args.ok() || napi_get_array_length(env, args.raw(1), &count) != napi_ok) {
    return small_number(env, -EINVAL);
  }
  if (count > kWaitersMax || waiters.length < count * kWaiterBytes ||
      (timeout.data != nullptr && timeout.length < sizeof(timespec))) {
    return small_number(env, -EINVAL);
  }
  for (uint32_t index = 0; index < count; index++) {
    napi_value value = nullptr;
    napi_get_element(env, args.raw(1), index, &value);
    const Bytes word = view_of(env, value);
    if (word.data == nullptr || word.length < sizeof(uint32_t)) return small_number(env, -EINVAL);
    const auto address = reinterpret_cast<uint64_t>(word.data);
    memcpy(waiters.data + index * kWaiterBytes + kWaiterAddress, &address, sizeof address);
  }
  return small_number(env, sys::call(SYS_futex_waitv, sys::pointer(waiters.data), count, 0,
                                     sys::pointer(timeout.data), clock));
}

constexpr Method kMethods[] = {
    {"futex", futex_call},
    {"futexWaitv", futex_waitv},
};

}  // namespace

void init_futex(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
