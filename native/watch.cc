// What both kinds of wake-up share: the entry into JavaScript.
#include "watch.h"

#include <errno.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "ring.h"

namespace nearmetal {

long Watch::prepare(napi_value callback) {
  napi_value name = nullptr;
  napi_value resource = nullptr;
  napi_create_string_utf8(env_, "nearmetal.ring", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env_, &resource);
  if (napi_create_reference(env_, callback, 1, &callback_) != napi_ok) return -EINVAL;
  return napi_async_init(env_, resource, name, &context_) == napi_ok ? 0 : -ENOMEM;
}

void Watch::deliver() {
  napi_handle_scope scope = nullptr;
  if (callback_ == nullptr || napi_open_handle_scope(env_, &scope) != napi_ok) return;
  napi_value callback = nullptr;
  napi_value receiver = nullptr;
  napi_get_reference_value(env_, callback_, &callback);
  napi_get_global(env_, &receiver);
  bool again = true;
  // A worker being terminated answers every call with a null exception: two in a row end it.
  int null_exceptions = 0;
  while (again && null_exceptions < 2 && callback_ != nullptr) {
    again = false;
    napi_value answer = nullptr;
    const napi_status status =
        napi_make_callback(env_, context_, receiver, callback, 0, nullptr, &answer);
    if (status == napi_ok) {
      napi_get_value_bool(env_, answer, &again);
      continue;
    }
    bool pending = false;
    napi_is_exception_pending(env_, &pending);
    if (!pending) break;
    napi_value error = nullptr;
    napi_valuetype type = napi_undefined;
    napi_get_and_clear_last_exception(env_, &error);
    if (napi_typeof(env_, error, &type) != napi_ok) break;
    null_exceptions = type == napi_null ? null_exceptions + 1 : 0;
    if (type != napi_null) napi_fatal_exception(env_, error);
    again = true;
  }
  napi_close_handle_scope(env_, scope);
}

void Watch::release() {
  if (callback_ != nullptr) napi_delete_reference(env_, callback_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
  callback_ = nullptr;
  context_ = nullptr;
}

void Watch::gone() {
  Ring* ring = ring_;
  ring->watch = nullptr;
  delete this;
  ring->watch_closed();
}

namespace {

napi_value watch_open(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  Ring* ring = EnvState::of(env)->ring(args.integer(0));
  const int32_t fd = args.integer(1);
  const int32_t kind = args.integer(2);
  if (!args.ok() || ring == nullptr) return small_number(env, -EBADF);
  if (ring->watch != nullptr) return small_number(env, -EBUSY);
  Watch* watch = kind == 0 ? make_uv_watch(env, ring) : make_thread_watch(env, ring);
  long result = watch->prepare(args.raw(3));
  if (result == 0) result = watch->start(fd);
  if (result < 0) {
    delete watch;
    return small_number(env, result);
  }
  ring->watch = watch;
  return small_number(env, 0);
}

napi_value watch_ref(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const Ring* ring = EnvState::of(env)->ring(args.integer(0));
  const bool referenced = args.boolean(1);
  if (!args.ok() || ring == nullptr || ring->watch == nullptr) return small_number(env, -EBADF);
  ring->watch->set_referenced(referenced);
  return small_number(env, 0);
}

napi_value watch_close(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const Ring* ring = EnvState::of(env)->ring(args.integer(0));
  if (!args.ok() || ring == nullptr || ring->watch == nullptr) return small_number(env, -EBADF);
  ring->watch->stop();
  return small_number(env, 0);
}

constexpr Method kMethods[] = {
    {"watchOpen", watch_open},
    {"watchRef", watch_ref},
    {"watchClose", watch_close},
};

}  // namespace

void init_watch(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
