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
  if (napi_make_callback(env_, context_, receiver, callback, 0, nullptr, nullptr) != napi_ok) {
    report();
  }
  napi_close_handle_scope(env_, scope);
}

// Nobody is there to catch it: an uncaught exception, as from any callback of Node.
void Watch::report() {
  bool pending = false;
  napi_is_exception_pending(env_, &pending);
  if (!pending) return;
  napi_value error = nullptr;
  napi_value global = nullptr;
  bool present = false;
  napi_get_and_clear_last_exception(env_, &error);
  napi_get_global(env_, &global);
  // A worker that is being terminated fails every call; there is no exception to report then.
  const bool runs = napi_has_named_property(env_, global, "process", &present) == napi_ok;
  if (runs) napi_fatal_exception(env_, error);
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
