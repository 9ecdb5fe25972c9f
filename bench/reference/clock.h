// The two clocks of the yardsticks: time that passes, and the CPU time of any process.
#ifndef NEARMETAL_REFERENCE_CLOCK_H
#define NEARMETAL_REFERENCE_CLOCK_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock) {
  struct timespec time;
  if (clock_gettime(clock, &time) != 0) return 0;
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static inline uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

// All threads of the process, to the nanosecond; /proc counts in ticks of 10 ms on most kernels.
// Answers 0 when there is no such process.
static inline uint64_t cpu_ns(pid_t process) {
  if (process <= 0) return 0;
  clockid_t clock;
  return clock_getcpuclockid(process, &clock) == 0 ? clock_ns(clock) : 0;
}

#endif
