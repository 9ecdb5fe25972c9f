// Wakes a thread's JavaScript when a descriptor becomes readable.
#pragma once

#include <node_api.h>

namespace nearmetal {

struct Ring;

// Owned by its ring; `close` ends it and tells the ring when nothing of it is left.
class Watch {
 public:
  Watch(napi_env env, Ring* ring) : env_(env), ring_(ring) {}
  virtual ~Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  long prepare(napi_value callback);
  virtual long start(int fd) = 0;
  virtual void set_referenced(bool referenced) = 0;
  // No callback after this returns.
  virtual void stop() = 0;
  virtual void close() = 0;

 protected:
  // Enters JavaScript once. When the callback throws, the descriptor is still readable, or made so:
  // it is called again, and goes on with the completions behind the one that threw.
  void deliver();
  void release();
  // Deletes this, and the ring's struct after it.
  void gone();

  napi_env env_;
  Ring* ring_;
  napi_ref callback_ = nullptr;
  napi_async_context context_ = nullptr;

 private:
  void report();
};

Watch* make_uv_watch(napi_env env, Ring* ring);
Watch* make_thread_watch(napi_env env, Ring* ring);

}  // namespace nearmetal
