// Wakes a thread's JavaScript when a descriptor becomes readable.
#pragma once

#include <node_api.h>

#include <cstdint>

namespace nearmetal {

// Owns itself: `close` ends it, and the struct goes when nothing of it is left in the loop. It has
// an async cleanup hook of its own, since a thread that ends with a libuv handle open aborts the
// process.
class Watch {
 public:
  explicit Watch(napi_env env) : env_(env) {}
  virtual ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Answers 0, or -errno; it is gone then.
  long open(int fd, napi_value callback);
  // No callback after this returns, not even when it is called from one.
  void close();
  virtual void set_referenced(bool referenced) = 0;
  // An inactive watch does not look at its descriptor.
  virtual void set_active(bool active) = 0;
  // The epoll in which the descriptor is looked at; -1 where there is none.
  virtual int epoll() { return -1; }

 protected:
  virtual long start(int fd) = 0;
  virtual void stop() = 0;
  // Leads to `gone`, in a later turn of the loop.
  virtual void finish() = 0;

  // Enters JavaScript once. What the callback leaves undone when it throws, it has to see to.
  void deliver();
  void gone();

  napi_env env_;
  bool stopped_ = false;
  // What is watched.
  int fd_ = -1;

 private:
  long prepare(napi_value callback);
  void report();

  napi_ref callback_ = nullptr;
  napi_async_context context_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

Watch* make_uv_watch(napi_env env);
Watch* make_thread_watch(napi_env env);

}  // namespace nearmetal
