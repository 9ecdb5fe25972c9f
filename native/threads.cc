// Which threads of this process run JavaScript, which are libuv's pool, and what CPUs the process
// had when it began: what /proc cannot tell. No policy here either, and one lock.
#include <sched.h>
#include <sys/syscall.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <vector>

#include "args.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr size_t kMaskBytes = 1024;

// One for all threads; it outlives each of them.
struct Process {
  std::mutex lock;
  std::vector<long> scripts;  // ids of threads that have loaded the addon
  uint8_t first_mask[kMaskBytes] = {};
  long first_mask_bytes = 0;

  Process() {
    first_mask_bytes =
        sys::kernel(SYS_sched_getaffinity, 0, kMaskBytes, sys::pointer(&first_mask[0]));
  }

  static const std::shared_ptr<Process>& current() {
    static const std::shared_ptr<Process> process = std::make_shared<Process>();
    return process;
  }
};

napi_value numbers(napi_env env, const std::vector<long>& values) {
  napi_value array = nullptr;
  napi_create_array_with_length(env, values.size(), &array);
  for (size_t index = 0; index < values.size(); index++) {
    napi_set_element(env, array, static_cast<uint32_t>(index), number(env, values[index]));
  }
  return array;
}

napi_value script_threads(napi_env env, napi_callback_info) {
  Process& process = *Process::current();
  const std::lock_guard<std::mutex> guard(process.lock);
  return numbers(env, process.scripts);
}

napi_value first_affinity(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const Bytes mask = args.bytes(0);
  const Process& process = *Process::current();
  if (!args.ok() || mask.length < kMaskBytes) return small_number(env, -EINVAL);
  std::memcpy(mask.data, process.first_mask, kMaskBytes);
  return small_number(env, process.first_mask_bytes);
}

// Work that no thread of the pool finishes before every other has begun its share: so each thread
// takes one. One that is busy for longer than `limit` is not waited for.
struct RollCall {
  std::mutex lock;
  std::condition_variable arrival;
  std::chrono::milliseconds limit{0};
  size_t expected = 0;
  size_t unfinished = 0;
  std::vector<long> present;
  napi_deferred answer = nullptr;
};

struct Share {
  std::shared_ptr<RollCall> roll;
  napi_async_work work = nullptr;
};

void answer_roll(napi_env, void* data) {
  RollCall& roll = *static_cast<Share*>(data)->roll;
  std::unique_lock<std::mutex> guard(roll.lock);
  const long tid = sys::kernel(SYS_gettid);
  if (std::find(roll.present.begin(), roll.present.end(), tid) == roll.present.end()) {
    roll.present.push_back(tid);
  }
  roll.arrival.notify_all();
  roll.arrival.wait_for(guard, roll.limit, [&] { return roll.present.size() >= roll.expected; });
}

void close_roll(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Share> share(static_cast<Share*>(data));
  napi_delete_async_work(env, share->work);
  RollCall& roll = *share->roll;
  if (--roll.unfinished == 0) napi_resolve_deferred(env, roll.answer, numbers(env, roll.present));
}

napi_value pool_threads(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const uint32_t count = args.natural(0);
  const uint32_t limit_ms = args.natural(1);
  if (!args.ok() || count == 0) return small_number(env, -EINVAL);
  auto roll = std::make_shared<RollCall>();
  roll->limit = std::chrono::milliseconds(limit_ms);
  roll->expected = count;
  roll->unfinished = count;
  napi_value promise = nullptr;
  napi_value name = nullptr;
  napi_create_promise(env, &roll->answer, &promise);
  napi_create_string_utf8(env, "nearmetal.poolThreads", NAPI_AUTO_LENGTH, &name);
  for (uint32_t index = 0; index < count; index++) {
    auto* share = new Share{roll, nullptr};
    napi_create_async_work(env, nullptr, name, answer_roll, close_roll, share, &share->work);
    napi_queue_async_work(env, share->work);
  }
  return promise;
}

void leave(void* data) {
  Process& process = *Process::current();
  const std::lock_guard<std::mutex> guard(process.lock);
  const auto tid = static_cast<long>(reinterpret_cast<intptr_t>(data));
  process.scripts.erase(std::remove(process.scripts.begin(), process.scripts.end(), tid),
                        process.scripts.end());
}

constexpr Method kMethods[] = {
    {"scriptThreads", script_threads},
    {"firstAffinity", first_affinity},
    {"poolThreads", pool_threads},
};

}  // namespace

void init_threads(napi_env env, napi_value exports) {
  const long tid = sys::kernel(SYS_gettid);
  Process& process = *Process::current();
  {
    const std::lock_guard<std::mutex> guard(process.lock);
    process.scripts.push_back(tid);
  }
  napi_add_env_cleanup_hook(env, leave, reinterpret_cast<void*>(static_cast<intptr_t>(tid)));
  add_methods(env, exports, kMethods);
}

}  // namespace nearmetal
