// Wake-ups without uv_*: a helper thread waits for the descriptor and calls a thread-safe function.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <atomic>
#include <semaphore>
#include <thread>

#include "sys.h"
#include "watch.h"

namespace nearmetal {

namespace {

class ThreadWatch final : public Watch {
 public:
  using Watch::Watch;

  long start(int fd) override {
    const long stop_fd = sys::call(SYS_eventfd2, 0, EFD_CLOEXEC);
    if (stop_fd < 0) return stop_fd;
    stop_fd_ = static_cast<int>(stop_fd);
    napi_value name = nullptr;
    napi_create_string_utf8(env_, "nearmetal.watch", NAPI_AUTO_LENGTH, &name);
    const napi_status status = napi_create_threadsafe_function(
        env_, nullptr, nullptr, name, 0, 1, this,
        [](napi_env, void* data, void*) { static_cast<ThreadWatch*>(data)->finalized(); }, this,
        [](napi_env env, napi_value, void* context, void*) {
          // Without an environment the call is being thrown away, and the watch may be gone.
          if (env != nullptr) static_cast<ThreadWatch*>(context)->on_call();
        },
        &function_);
    if (status != napi_ok) {
      sys::call(SYS_close, stop_fd_);
      return -ENOMEM;
    }
    napi_unref_threadsafe_function(env_, function_);
    thread_ = std::thread([this] { run(); });
    return 0;
  }

  void set_referenced(bool referenced) override {
    referenced ? napi_ref_threadsafe_function(env_, function_)
               : napi_unref_threadsafe_function(env_, function_);
  }

  // A wake-up that is on its way already is held until it is wanted again.
  void set_active(bool active) override {
    active_ = active;
    if (!active || !held_) return;
    held_ = false;
    delivered_.release();
  }

  void stop() override {
    stopping_.store(true);
    const uint64_t one = 1;
    sys::call(SYS_write, stop_fd_, sys::pointer(&one), sizeof one);
    delivered_.release();
    thread_.join();
    sys::call(SYS_close, stop_fd_);
  }

  void finish() override {
    closing_ = true;
    // The count that a call on a closing function drops by itself must not be dropped twice.
    if (!function_closing_) napi_release_threadsafe_function(function_, napi_tsfn_abort);
    if (finalized_) gone();
  }

 private:
  void run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    pollfd fds[2] = {{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}};
    while (!stopping_.load()) {
      // ppoll, since arm64 has no poll. Not through the seam: its schedule belongs to one thread.
      if (sys::kernel(SYS_ppoll, sys::pointer(fds), 2, 0, 0, 0) < 0) continue;
      if (stopping_.load() || (fds[0].revents & (POLLIN | POLLERR | POLLNVAL)) == 0) continue;
      if (napi_call_threadsafe_function(function_, nullptr, napi_tsfn_blocking) != napi_ok) {
        function_closing_ = true;
        return;
      }
      // One wake-up at a time: JavaScript empties the descriptor before it is asked about again.
      delivered_.acquire();
    }
  }

  void on_call() {
    if (active_) deliver();
    if (stopped_) return;
    if (active_) delivered_.release();
    else held_ = true;
  }

  void finalized() {
    finalized_ = true;
    if (closing_) gone();
  }

  int stop_fd_ = -1;
  napi_threadsafe_function function_ = nullptr;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::counting_semaphore<> delivered_{0};
  bool function_closing_ = false;  // written by the helper thread, read after it was joined
  bool active_ = true;
  bool held_ = false;  // the helper thread waits until the watch is active again
  bool closing_ = false;
  bool finalized_ = false;
};

}  // namespace

Watch* make_thread_watch(napi_env env) { return new ThreadWatch(env); }

}  // namespace nearmetal
