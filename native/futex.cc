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

// The word at `index` of a view, or nothing where there is none.
uint8_t* word_at(const Bytes& words, uint32_t index) {
  const size_t offset = size_t{index} * sizeof(uint32_t);
  if (words.length < sizeof(uint32_t) || offset > words.length - sizeof(uint32_t)) return nullptr;
  return words.data + offset;
}

// A word is a view and an index in it: to make a view of it costs as much as the call. After the
// value comes a time for the calls that wait, and a count for those that do not.
napi_value futex_call(napi_env env, napi_callback_info info) {
  Args<8> args(env, info);
  uint8_t* word = word_at(args.bytes(0), args.natural(1));
  const int32_t operation = args.integer(2);
  const int64_t value = args.wide(3);
  long fourth = 0;
  napi_valuetype type = napi_undefined;
  if (args.ok()) napi_typeof(env, args.raw(4), &type);
  if (type == napi_number) {
    fourth = args.integer(4);
  } else if (type == napi_object) {
    const Bytes timeout = args.bytes(4);
    if (timeout.length < sizeof(timespec)) return small_number(env, -EINVAL);
    fourth = sys::pointer(timeout.data);
  }
  const bool has_second = args.ok() && !args.absent(5);
  uint8_t* second = has_second ? word_at(args.bytes(5), args.natural(6)) : nullptr;
  const int64_t last = args.wide(7);
  if (!args.ok() || word == nullptr || (has_second && second == nullptr)) {
    return small_number(env, -EINVAL);
  }
  return small_number(env, sys::call(SYS_futex, sys::pointer(word), operation, value, fourth,
                                     sys::pointer(second), last));
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
