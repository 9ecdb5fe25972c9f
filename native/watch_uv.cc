// Wake-ups that ride on Node's own loop. The only file that calls uv_*: found at run time, because
// Bun and Deno lack parts of it and abort the process when those are called.
#include <dlfcn.h>
#include <errno.h>

#include <cstddef>
#include <cstdlib>

#include "watch.h"

struct uv_loop_s;

namespace nearmetal {

namespace {

// Facts of libuv 1.x, checked in uapi_check.cc where its header is there.
constexpr int kUvPoll = 8;
constexpr int kUvReadable = 1;

// The handle is opaque to us: libuv says how large it is.
using Handle = void;

struct Uv {
  size_t (*handle_size)(int);
  int (*poll_init)(uv_loop_s*, Handle*, int);
  int (*poll_start)(Handle*, int, void (*)(Handle*, int, int));
  int (*poll_stop)(Handle*);
  void (*close)(Handle*, void (*)(Handle*));
  void (*ref)(Handle*);
  void (*unref)(Handle*);
  int (*backend_fd)(const uv_loop_s*);

  bool load() {
    return find("uv_handle_size", handle_size) && find("uv_poll_init", poll_init) &&
           find("uv_poll_start", poll_start) && find("uv_poll_stop", poll_stop) &&
           find("uv_close", close) && find("uv_ref", ref) && find("uv_unref", unref) &&
           find("uv_backend_fd", backend_fd);
  }

 private:
  template <typename Function>
  static bool find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, name));
    return function != nullptr;
  }
};

class UvWatch final : public Watch {
 public:
  using Watch::Watch;
  ~UvWatch() override { std::free(handle_); }

  long start(int fd) override {
    uv_loop_s* loop = nullptr;
    if (!uv_.load() || napi_get_uv_event_loop(env_, &loop) != napi_ok) return -ENOSYS;
    handle_ = std::calloc(1, uv_.handle_size(kUvPoll));
    epoll_ = uv_.backend_fd(loop);
    const int result = uv_.poll_init(loop, handle_, fd);
    if (result < 0) return result;
    // `data` is the first field of every libuv handle, for the caller's use.
    *static_cast<void**>(handle_) = this;
    uv_.unref(handle_);
    set_active(true);
    return 0;
  }

  void set_referenced(bool referenced) override {
    referenced ? uv_.ref(handle_) : uv_.unref(handle_);
  }

  void set_active(bool active) override {
    if (!active) {
      uv_.poll_stop(handle_);
      return;
    }
    uv_.poll_start(handle_, kUvReadable, [](Handle* handle, int, int) {
      of(handle)->deliver();
    });
  }

  int epoll() override { return epoll_; }

  void stop() override { uv_.poll_stop(handle_); }

  void finish() override {
    uv_.close(handle_, [](Handle* handle) {
      of(handle)->gone();
    });
  }

 private:
  static UvWatch* of(Handle* handle) { return *static_cast<UvWatch**>(handle); }

  Uv uv_{};
  Handle* handle_ = nullptr;
  int epoll_ = -1;
};

}  // namespace

Watch* make_uv_watch(napi_env env) { return new UvWatch(env); }

}  // namespace nearmetal
