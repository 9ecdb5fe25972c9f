// What both kinds of wake-up share: the entry into JavaScript, and the end.
#include "watch.h"

#include <errno.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#ifdef NEARMETAL_SEAM
#include "seam.h"
#endif

namespace nearmetal {

long Watch::open(int fd, napi_value callback) {
  fd_ = fd;
  long result = prepare(callback);
  if (result == 0) result = start(fd);
  if (result < 0) {
    delete this;
    return result;
  }
  const auto on_thread_end = [](napi_async_cleanup_hook_handle, void* data) {
    static_cast<Watch*>(data)->close();
  };
  // Without memory for it there is none for the thread's end either.
  napi_add_async_cleanup_hook(env_, on_thread_end, this, &hook_);
  return 0;
}

long Watch::prepare(napi_value callback) {
  napi_value name = nullptr;
  napi_value resource = nullptr;
  napi_create_string_utf8(env_, "nearmetal.watch", NAPI_AUTO_LENGTH, &name);
  napi_create_object(env_, &resource);
  if (napi_create_reference(env_, callback, 1, &callback_) != napi_ok) return -EINVAL;
  return napi_async_init(env_, resource, name, &context_) == napi_ok ? 0 : -ENOMEM;
}

void Watch::deliver() {
  napi_handle_scope scope = nullptr;
  if (stopped_ || napi_open_handle_scope(env_, &scope) != napi_ok) return;
#ifdef NEARMETAL_SEAM
  seam::refresh(fd_);
#endif
  napi_value callback = nullptr;
  napi_value receiver = nullptr;
  napi_get_reference_value(env_, callback_, &callback);
  napi_get_global(env_, &receiver);
  // Node takes none for the answer, but Deno 2.9 writes one whatever it is given.
  napi_value answer = nullptr;
  if (napi_make_callback(env_, context_, receiver, callback, 0, nullptr, &answer) != napi_ok) {
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

// Not at `close`, which may be called from the callback, in the middle of `deliver`.
Watch::~Watch() {
  if (callback_ != nullptr) napi_delete_reference(env_, callback_);
  if (context_ != nullptr) napi_async_destroy(env_, context_);
}

void Watch::close() {
  // The thread ends while a watch that JavaScript closed is on its way out.
  if (stopped_) return;
  stopped_ = true;
  stop();
  finish();
}

void Watch::gone() {
  napi_remove_async_cleanup_hook(hook_);
  delete this;
}

namespace {

napi_value watch_open(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t kind = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  Watch* watch = kind == 0 ? make_uv_watch(env) : make_thread_watch(env);
  const long result = watch->open(fd, args.raw(2));
  return small_number(env, result < 0 ? result : EnvState::of(env)->add(watch));
}

napi_value watch_ref(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Watch* watch = EnvState::of(env)->watch(args.integer(0));
  const bool referenced = args.boolean(1);
  if (!args.ok() || watch == nullptr) return small_number(env, -EBADF);
  watch->set_referenced(referenced);
  return small_number(env, 0);
}

napi_value watch_activate(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  Watch* watch = EnvState::of(env)->watch(args.integer(0));
  const bool active = args.boolean(1);
  if (!args.ok() || watch == nullptr) return small_number(env, -EBADF);
  watch->set_active(active);
  return small_number(env, 0);
}

napi_value watch_epoll(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Watch* watch = EnvState::of(env)->watch(args.integer(0));
  if (!args.ok() || watch == nullptr) return small_number(env, -EBADF);
  return small_number(env, watch->epoll());
}

napi_value watch_close(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  Watch* watch = EnvState::of(env)->take_watch(args.integer(0));
  if (!args.ok() || watch == nullptr) return small_number(env, -EBADF);
  watch->close();
  return small_number(env, 0);
}

// Node forgets the asynchronous contexts that what threw has left open. Those further up the stack
// expect this; by an exception they would meet a stranger's at their end, and abort the process.
napi_value uncaught(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  napi_fatal_exception(env, args.raw(0));
  return nullptr;
}

constexpr Method kMethods[] = {
    {"watchOpen", watch_open},
    {"watchRef", watch_ref},
    {"watchActivate", watch_activate},
    {"watchEpoll", watch_epoll},
    {"watchClose", watch_close},
    {"uncaught", uncaught},
};

}  // namespace

void init_watch(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
