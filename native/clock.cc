// Time for microbenchmarks: a clock and the CPU's own counter, answered in a page of memory, since
// reading a number there is cheaper than receiving one from a call.
#include <sys/mman.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "region.h"

namespace nearmetal {

namespace {

constexpr uint64_t kSecond = 1000000000;

struct Page {
  double nanoseconds;
  double ticks;
  uint64_t first_nanosecond;
  uint64_t first_tick;
};

uint64_t nanosecond() {
  timespec time{};
  // The vDSO answers this one without the kernel.
  clock_gettime(CLOCK_MONOTONIC_RAW, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t tick() {
#if defined(__x86_64__)
  return __rdtsc();
#elif defined(__aarch64__)
  uint64_t value = 0;
  asm volatile("mrs %0, cntvct_el0" : "=r"(value));
  return value;
#else
  return nanosecond();
#endif
}

Page* page_of(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  return static_cast<Page*>(data);
}

napi_value read_clock(napi_env env, napi_callback_info info) {
  Page* page = page_of(env, info);
  page->nanoseconds = static_cast<double>(nanosecond() - page->first_nanosecond);
  return nullptr;
}

napi_value read_counter(napi_env env, napi_callback_info info) {
  Page* page = page_of(env, info);
  page->ticks = static_cast<double>(tick() - page->first_tick);
  return nullptr;
}

napi_value open_clock(napi_env env, napi_callback_info) {
  EnvState* state = EnvState::of(env);
  Region* region = nullptr;
  const long result = Region::map(state->counters, sizeof(Page), PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, &region);
  if (result < 0) return small_number(env, result);
  // Until the thread ends: its functions may be called for as long.
  state->add(region);
  auto* page = static_cast<Page*>(region->base);
  page->first_nanosecond = nanosecond();
  page->first_tick = tick();
  napi_value answer = nullptr;
  napi_value value = nullptr;
  napi_create_object(env, &answer);
  if (region->to_array_buffer(env, &value) == 0) {
    napi_set_named_property(env, answer, "page", value);
  }
  napi_create_function(env, "readClock", NAPI_AUTO_LENGTH, read_clock, page, &value);
  napi_set_named_property(env, answer, "readClock", value);
  napi_create_function(env, "readCounter", NAPI_AUTO_LENGTH, read_counter, page, &value);
  napi_set_named_property(env, answer, "readCounter", value);
  return answer;
}

// cntfrq_el0 where the CPU says it; 0 where it must be measured.
napi_value counter_frequency(napi_env env, napi_callback_info) {
  uint64_t frequency = 0;
#if defined(__aarch64__)
  asm volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
#endif
  return number(env, static_cast<long>(frequency));
}

constexpr Method kMethods[] = {
    {"openClock", open_clock},
    {"counterFrequency", counter_frequency},
};

}  // namespace

void init_clock(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
