// Reads the arguments of a call from JavaScript. Our own TypeScript has checked them before, so
// what
// does not fit is answered with -EINVAL and never thrown.
#pragma once

#include <errno.h>
#include <node_api.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nearmetal {

// A view of JavaScript's memory: good until the call returns.
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

template <size_t Count>
class Args {
 public:
  Args(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = Count;
    ok_ = napi_get_cb_info(env, info, &count, values_, nullptr, nullptr) == napi_ok &&
          count >= Count;
  }

  bool ok() const { return ok_; }
  napi_value raw(size_t index) const { return values_[index]; }

  int32_t integer(size_t index) {
    int32_t value = 0;
    if (!ok_ || napi_get_value_int32(env_, values_[index], &value) != napi_ok) ok_ = false;
    return value;
  }

  uint32_t natural(size_t index) {
    uint32_t value = 0;
    if (!ok_ || napi_get_value_uint32(env_, values_[index], &value) != napi_ok) ok_ = false;
    return value;
  }

  // Any integer that a double holds exactly.
  int64_t wide(size_t index) {
    int64_t value = 0;
    if (!ok_ || napi_get_value_int64(env_, values_[index], &value) != napi_ok) ok_ = false;
    return value;
  }

  bool boolean(size_t index) {
    bool value = false;
    if (!ok_ || napi_get_value_bool(env_, values_[index], &value) != napi_ok) ok_ = false;
    return value;
  }

  std::string text(size_t index) {
    char buffer[256];
    size_t length = 0;
    if (!ok_ || napi_get_value_string_utf8(env_, values_[index], buffer, sizeof buffer, &length) !=
                    napi_ok) {
      ok_ = false;
      return {};
    }
    return std::string(buffer, length);
  }

  Bytes bytes(size_t index);

  bool absent(size_t index) {
    napi_valuetype type = napi_undefined;
    napi_typeof(env_, values_[index], &type);
    return type == napi_null || type == napi_undefined;
  }

 private:
  napi_env env_;
  napi_value values_[Count] = {};
  bool ok_;
};

Bytes view_of(napi_env env, napi_value value);

// The views of an array, as system calls take them; false when there are more than IOV_MAX.
bool vector_of(napi_env env, napi_value array, std::vector<iovec>& parts);

template <size_t Count>
Bytes Args<Count>::bytes(size_t index) {
  const Bytes view = ok_ ? view_of(env_, values_[index]) : Bytes{};
  if (view.data == nullptr) ok_ = false;
  return view;
}

inline napi_value small_number(napi_env env, long value) {
  napi_value result = nullptr;
  napi_create_int32(env, static_cast<int32_t>(value), &result);
  return result;
}

inline napi_value number(napi_env env, long value) {
  if (value == static_cast<int32_t>(value)) return small_number(env, value);
  napi_value result = nullptr;
  napi_create_int64(env, value, &result);
  return result;
}

// One row of a family's table, the surface of the addon.
struct Method {
  const char* name;
  napi_callback callback;
};

template <size_t Count>
void add_methods(napi_env env, napi_value exports, const Method (&methods)[Count]) {
  for (const Method& method : methods) {
    napi_value function = nullptr;
    napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.callback, nullptr, &function);
    napi_set_named_property(env, exports, method.name, function);
  }
}

}  // namespace nearmetal
