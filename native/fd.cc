// Descriptors: close, eventfd, read, write, fcntl, and the raw call that probes use.
#include <sys/eventfd.h>

#include "args.h"
#include "call_page.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

bool vector_of(napi_env env, napi_value array, std::vector<iovec>& parts) {
  constexpr uint32_t kMost = 1024;  // IOV_MAX
  uint32_t count = 0;
  if (napi_get_array_length(env, array, &count) != napi_ok || count > kMost) return false;
  parts.resize(count);
  for (uint32_t index = 0; index < count; index++) {
    napi_value value = nullptr;
    napi_get_element(env, array, index, &value);
    const Bytes view = view_of(env, value);
    parts[index] = {view.data, view.length};
  }
  return true;
}

Bytes view_of(napi_env env, napi_value value) {
  bool matches = false;
  void* data = nullptr;
  size_t length = 0;
  if (napi_is_typedarray(env, value, &matches) == napi_ok && matches) {
    napi_typedarray_type type = napi_uint8_array;
    napi_value buffer = nullptr;
    size_t offset = 0;
    if (napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset) != napi_ok) {
      return {};
    }
    if (type == napi_uint16_array || type == napi_int16_array) length *= 2;
    if (type == napi_uint32_array || type == napi_int32_array || type == napi_float32_array) {
      length *= 4;
    }
    if (type == napi_float64_array || type == napi_bigint64_array ||
        type == napi_biguint64_array) {
      length *= 8;
    }
    return {static_cast<uint8_t*>(data), length};
  }
  if (napi_is_dataview(env, value, &matches) == napi_ok && matches) {
    napi_value buffer = nullptr;
    size_t offset = 0;
    if (napi_get_dataview_info(env, value, &length, &data, &buffer, &offset) != napi_ok) return {};
    return {static_cast<uint8_t*>(data), length};
  }
  return {};
}

namespace {

napi_value close_fd(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const int32_t fd = args.integer(0);
  if (!args.ok()) return small_number(env, -EINVAL);
  EnvState::of(env)->disown(fd);
  return small_number(env, sys::call(SYS_close, fd));
}

napi_value eventfd2(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const uint32_t initial = args.natural(0);
  const int32_t flags = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_eventfd2, initial, flags)));
}

napi_value read_fd(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes target = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_read, fd, sys::pointer(target.data),
                               static_cast<long>(target.length)));
}

napi_value write_fd(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes source = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_write, fd, sys::pointer(source.data),
                               static_cast<long>(source.length)));
}

// Shared with JavaScript (`lib/fd/counter-page.ts`). A file that counts, as eventfd and timerfd do,
// is read and written by 8 bytes.
struct CounterPage {
  int32_t fd;
  int32_t result;
  uint64_t value;
};

napi_value read_counter(napi_env env, napi_callback_info info) {
  auto* page = call_page<CounterPage>(env, info);
  page->result = static_cast<int32_t>(
      sys::call(SYS_read, page->fd, sys::pointer(&page->value), sizeof page->value));
  return nullptr;
}

napi_value write_counter(napi_env env, napi_callback_info info) {
  auto* page = call_page<CounterPage>(env, info);
  page->result = static_cast<int32_t>(
      sys::call(SYS_write, page->fd, sys::pointer(&page->value), sizeof page->value));
  return nullptr;
}

napi_value counter_page(napi_env env, napi_callback_info) {
  Region* region = nullptr;
  return make_call_page(env, sizeof(CounterPage),
                        {{"read", read_counter}, {"write", write_counter}}, &region);
}

napi_value fcntl_fd(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t command = args.integer(1);
  const int64_t argument = args.wide(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_fcntl, fd, command, argument));
}

napi_value ioctl_fd(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const uint32_t request = args.natural(1);
  const Bytes argument = args.bytes(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_ioctl, fd, request, sys::pointer(argument.data)));
}

napi_value raw_syscall(napi_env env, napi_callback_info info) {
  size_t count = 7;
  napi_value values[7] = {};
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 1) {
    return small_number(env, -EINVAL);
  }
  int64_t words[7] = {};
  for (size_t index = 0; index < count && index < 7; index++) {
    if (napi_get_value_int64(env, values[index], &words[index]) != napi_ok) {
      return small_number(env, -EINVAL);
    }
  }
  return number(env, sys::call(words[0], words[1], words[2], words[3], words[4], words[5],
                               words[6]));
}

constexpr Method kMethods[] = {
    {"close", close_fd}, {"eventfd2", eventfd2}, {"read", read_fd},
    {"write", write_fd}, {"fcntl", fcntl_fd},    {"ioctl", ioctl_fd},
    {"syscall", raw_syscall}, {"counterPage", counter_page},
};

}  // namespace

void init_fd(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
