// System calls that may wait for a device, made by libuv's helper threads: each row of the table
// is one call, whose result or -errno goes to a function of JavaScript.
#include <errno.h>
#include <linux/stat.h>
#include <sys/syscall.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

struct Job {
  long (*run)(Job& job) = nullptr;
  long words[7] = {};
  // SAFETY: each has a count of its own for as long as the job lasts.
  std::vector<Region*> held;
  std::string path;
  bool opens = false;
  sys::Fate fate;
  long result = 0;
  napi_async_work work = nullptr;
  napi_ref done = nullptr;

  ~Job() {
    for (Region* region : held) region->drop();
  }
  template <typename... Values>
  long call(long number, Values... values) const {
    return sys::call_as(fate, number, static_cast<long>(values)...);
  }
  uint8_t* memory(size_t index) const { return static_cast<uint8_t*>(held[index]->base); }
};

void execute(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  job.result = job.run(job);
}

void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_value function = nullptr;
  napi_value undefined = nullptr;
  napi_get_reference_value(env, job->done, &function);
  napi_delete_reference(env, job->done);
  napi_delete_async_work(env, job->work);
  napi_get_undefined(env, &undefined);
  // JavaScript, which may be stopped at any call, is told of it a little later.
  if (job->opens) job->result = EnvState::of(env)->own(job->result);
  const napi_value result = number(env, job->result);
  napi_call_function(env, undefined, function, 1, &result, nullptr);
}

// Hands it to a thread, which will make system call `number`.
napi_value start(napi_env env, napi_value done, std::unique_ptr<Job> job, long number) {
  job->fate = sys::fate_of(number);
  napi_value name = nullptr;
  napi_create_string_utf8(env, "nearmetal.pool", NAPI_AUTO_LENGTH, &name);
  if (napi_create_reference(env, done, 1, &job->done) != napi_ok) {
    return small_number(env, -EINVAL);
  }
  if (napi_create_async_work(env, nullptr, name, execute, complete, job.get(), &job->work) !=
          napi_ok ||
      napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_reference(env, job->done);
    return small_number(env, -EAGAIN);
  }
  static_cast<void>(job.release());
  return small_number(env, 0);
}

// Keeps a region for the job, if it has that many bytes.
bool hold(napi_env env, Job& job, int32_t id, int64_t offset, int64_t length) {
  Region* region = EnvState::of(env)->region(id);
  if (region == nullptr || !region->covers(offset, length)) return false;
  region->hold();
  job.held.push_back(region);
  return true;
}

long run_plain(Job& job) {
  const long* words = job.words;
  return job.call(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
}

// With integer arguments only: (done, number, ...).
napi_value pool_syscall(napi_env env, napi_callback_info info) {
  size_t count = 8;
  napi_value values[8] = {};
  if (napi_get_cb_info(env, info, &count, values, nullptr, nullptr) != napi_ok || count < 2) {
    return small_number(env, -EINVAL);
  }
  auto job = std::make_unique<Job>();
  job->run = run_plain;
  for (size_t index = 1; index < count && index < 8; index++) {
    int64_t word = 0;
    if (napi_get_value_int64(env, values[index], &word) != napi_ok) {
      return small_number(env, -EINVAL);
    }
    job->words[index - 1] = word;
  }
  const long number = job->words[0];
  return start(env, values[0], std::move(job), number);
}

// (done, number, ...): as many numbers as the system call has arguments.
template <size_t Count>
napi_value start_with(napi_env env, napi_callback_info info, long number, long (*run)(Job&)) {
  Args<Count + 1> args(env, info);
  auto job = std::make_unique<Job>();
  job->run = run;
  for (size_t index = 0; index < Count; index++) job->words[index] = args.wide(index + 1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return start(env, args.raw(0), std::move(job), number);
}

long run_copy(Job& job) {
  int64_t source_offset = job.words[1];
  int64_t target_offset = job.words[3];
  return job.call(SYS_copy_file_range, job.words[0], sys::position(source_offset), job.words[2],
                  sys::position(target_offset), job.words[4], 0);
}

napi_value pool_copy_file_range(napi_env env, napi_callback_info info) {
  return start_with<5>(env, info, SYS_copy_file_range, run_copy);
}

long run_splice(Job& job) {
  int64_t source_offset = job.words[1];
  int64_t target_offset = job.words[3];
  return job.call(SYS_splice, job.words[0], sys::position(source_offset), job.words[2],
                  sys::position(target_offset), job.words[4], job.words[5]);
}

napi_value pool_splice(napi_env env, napi_callback_info info) {
  return start_with<6>(env, info, SYS_splice, run_splice);
}

long run_sendfile(Job& job) {
  int64_t offset = job.words[2];
  return job.call(SYS_sendfile, job.words[0], job.words[1], sys::position(offset), job.words[3]);
}

napi_value pool_sendfile(napi_env env, napi_callback_info info) {
  return start_with<4>(env, info, SYS_sendfile, run_sendfile);
}

long run_write(Job& job) {
  const iovec part{job.memory(0) + job.words[1], static_cast<size_t>(job.words[2])};
  return job.call(SYS_pwritev2, job.words[0], sys::pointer(&part), 1, job.words[3], 0,
                  job.words[4]);
}

napi_value pool_write(napi_env env, napi_callback_info info) {
  Args<7> args(env, info);
  auto job = std::make_unique<Job>();
  job->run = run_write;
  job->words[0] = args.integer(1);
  const int32_t region = args.integer(2);
  for (size_t index = 1; index < 4; index++) job->words[index] = args.wide(index + 2);
  job->words[4] = args.integer(6);
  if (!args.ok() || !hold(env, *job, region, job->words[1], job->words[2])) {
    return small_number(env, -EINVAL);
  }
  return start(env, args.raw(0), std::move(job), SYS_pwritev2);
}

// `struct open_how`, which older headers lack.
struct OpenHow {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

constexpr long kOpenat2 = 437;

long run_openat2(Job& job) {
  OpenHow how{static_cast<uint64_t>(job.words[1]), static_cast<uint64_t>(job.words[2]),
              static_cast<uint64_t>(job.words[3])};
  return job.call(kOpenat2, job.words[0], sys::pointer(job.path.c_str()), sys::pointer(&how),
                  sizeof how);
}

// (done, dirfd, path, flags, mode, resolve).
napi_value pool_openat2(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  auto job = std::make_unique<Job>();
  job->run = run_openat2;
  job->opens = true;
  job->words[0] = args.integer(1);
  const Bytes path = args.bytes(2);
  for (size_t index = 1; index < 4; index++) job->words[index] = args.wide(index + 2);
  if (!args.ok()) return small_number(env, -EINVAL);
  job->path.assign(reinterpret_cast<const char*>(path.data), path.length);
  return start(env, args.raw(0), std::move(job), kOpenat2);
}

long run_getdents(Job& job) {
  return job.call(SYS_getdents64, job.words[0], sys::pointer(job.memory(0) + job.words[1]),
                  job.words[2]);
}

napi_value pool_getdents64(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  auto job = std::make_unique<Job>();
  job->run = run_getdents;
  job->words[0] = args.integer(1);
  const int32_t region = args.integer(2);
  job->words[1] = args.wide(3);
  job->words[2] = args.wide(4);
  if (!args.ok() || !hold(env, *job, region, job->words[1], job->words[2])) {
    return small_number(env, -EINVAL);
  }
  return start(env, args.raw(0), std::move(job), SYS_getdents64);
}

// One statx(2) for each path of a list, which stands in memory as terminated strings, one behind
// the other. The answers begin at the start of the second region, their results follow them.
long run_statx(Job& job) {
  const long count = job.words[1];
  const auto* path = reinterpret_cast<const char*>(job.memory(0));
  const char* end = path + job.held[0]->length;
  auto* results = reinterpret_cast<int32_t*>(job.memory(1) +
                                             static_cast<size_t>(count) * sizeof(struct statx));
  long failures = 0;
  for (long index = 0; index < count; index++) {
    const size_t length = strnlen(path, static_cast<size_t>(end - path));
    if (path + length == end) return -EINVAL;
    auto* answer = job.memory(1) + static_cast<size_t>(index) * sizeof(struct statx);
    const long result = job.call(SYS_statx, job.words[0], sys::pointer(path), job.words[2],
                                 job.words[3], sys::pointer(answer));
    results[index] = static_cast<int32_t>(result);
    if (result < 0) failures++;
    path += length + 1;
  }
  return failures;
}

napi_value pool_statx(napi_env env, napi_callback_info info) {
  Args<7> args(env, info);
  auto job = std::make_unique<Job>();
  job->run = run_statx;
  job->words[0] = args.integer(1);
  const int32_t paths = args.integer(2);
  const int64_t count = args.wide(3);
  job->words[1] = count;
  job->words[2] = args.integer(4);
  job->words[3] = args.integer(5);
  const int32_t answers = args.integer(6);
  constexpr int64_t kBytesEach = sizeof(struct statx) + sizeof(int32_t);
  if (!args.ok() || count < 0 || count > (1 << 24) || !hold(env, *job, paths, 0, count) ||
      !hold(env, *job, answers, 0, count * kBytesEach)) {
    return small_number(env, -EINVAL);
  }
  return start(env, args.raw(0), std::move(job), SYS_statx);
}

constexpr Method kMethods[] = {
    {"poolSyscall", pool_syscall},
    {"poolCopyFileRange", pool_copy_file_range},
    {"poolSplice", pool_splice},
    {"poolSendfile", pool_sendfile},
    {"poolWrite", pool_write},
    {"poolOpenat2", pool_openat2},
    {"poolGetdents64", pool_getdents64},
    {"poolStatx", pool_statx},
};

}  // namespace

void init_pool(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
