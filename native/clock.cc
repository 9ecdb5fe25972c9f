// Time for microbenchmarks: a clock and the CPU's own counter, answered in a page of memory, since
// reading a number there is cheaper than receiving one from a call.
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "args.h"
#include "call_page.h"
#include "families.h"

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

napi_value read_clock(napi_env env, napi_callback_info info) {
  auto* page = call_page<Page>(env, info);
  page->nanoseconds = static_cast<double>(nanosecond() - page->first_nanosecond);
  return nullptr;
}

napi_value read_counter(napi_env env, napi_callback_info info) {
  auto* page = call_page<Page>(env, info);
  page->ticks = static_cast<double>(tick() - page->first_tick);
  return nullptr;
}

napi_value open_clock(napi_env env, napi_callback_info) {
  Region* region = nullptr;
  const napi_value result = make_call_page(
      env, sizeof(Page), {{"readClock", read_clock}, {"readCounter", read_counter}}, &region);
  if (region == nullptr) return result;
  auto* page = static_cast<Page*>(region->base);
  page->first_nanosecond = nanosecond();
  page->first_tick = tick();
  return result;
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
