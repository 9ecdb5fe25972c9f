// The numbers of scheduling, priorities and performance counters, each stated with its value: the
// headers that have them differ between systems (uapi_check.cc compares where it can).
#pragma once

// clang-format off
#define NEARMETAL_SCHED(X)                                                                         \
  X(SCHED_FLAG_RESET_ON_FORK, 0x01) X(SCHED_FLAG_RECLAIM, 0x02) X(SCHED_FLAG_DL_OVERRUN, 0x04)     \
  X(SCHED_FLAG_KEEP_POLICY, 0x08) X(SCHED_FLAG_KEEP_PARAMS, 0x10)                                  \
  X(SCHED_FLAG_UTIL_CLAMP_MIN, 0x20) X(SCHED_FLAG_UTIL_CLAMP_MAX, 0x40)                            \
  X(IOPRIO_CLASS_NONE, 0) X(IOPRIO_CLASS_RT, 1) X(IOPRIO_CLASS_BE, 2) X(IOPRIO_CLASS_IDLE, 3)      \
  X(IOPRIO_WHO_PROCESS, 1) X(PR_SET_TIMERSLACK, 29) X(PR_GET_TIMERSLACK, 30)

#define NEARMETAL_PERF(X)                                                                          \
  X(PERF_TYPE_HARDWARE, 0) X(PERF_TYPE_SOFTWARE, 1) X(PERF_TYPE_HW_CACHE, 3)                       \
  X(PERF_COUNT_HW_CPU_CYCLES, 0) X(PERF_COUNT_HW_INSTRUCTIONS, 1)                                  \
  X(PERF_COUNT_HW_CACHE_REFERENCES, 2) X(PERF_COUNT_HW_CACHE_MISSES, 3)                            \
  X(PERF_COUNT_HW_BRANCH_INSTRUCTIONS, 4) X(PERF_COUNT_HW_BRANCH_MISSES, 5)                        \
  X(PERF_COUNT_HW_STALLED_CYCLES_FRONTEND, 7) X(PERF_COUNT_HW_STALLED_CYCLES_BACKEND, 8)           \
  X(PERF_COUNT_HW_REF_CPU_CYCLES, 9) X(PERF_COUNT_SW_CPU_CLOCK, 0)                                 \
  X(PERF_COUNT_SW_TASK_CLOCK, 1) X(PERF_COUNT_SW_PAGE_FAULTS, 2)                                   \
  X(PERF_COUNT_SW_CONTEXT_SWITCHES, 3) X(PERF_COUNT_SW_CPU_MIGRATIONS, 4)                          \
  X(PERF_COUNT_SW_PAGE_FAULTS_MIN, 5) X(PERF_COUNT_SW_PAGE_FAULTS_MAJ, 6)                          \
  X(PERF_COUNT_HW_CACHE_L1D, 0) X(PERF_COUNT_HW_CACHE_LL, 2) X(PERF_COUNT_HW_CACHE_DTLB, 3)        \
  X(PERF_COUNT_HW_CACHE_ITLB, 4) X(PERF_COUNT_HW_CACHE_OP_READ, 0)                                 \
  X(PERF_COUNT_HW_CACHE_OP_WRITE, 1) X(PERF_COUNT_HW_CACHE_RESULT_ACCESS, 0)                       \
  X(PERF_COUNT_HW_CACHE_RESULT_MISS, 1) X(PERF_FORMAT_TOTAL_TIME_ENABLED, 1)                       \
  X(PERF_FORMAT_TOTAL_TIME_RUNNING, 2) X(PERF_FORMAT_ID, 4) X(PERF_FORMAT_GROUP, 8)                \
  X(PERF_FLAG_FD_CLOEXEC, 8) X(PERF_EVENT_IOC_ENABLE, 0x2400) X(PERF_EVENT_IOC_DISABLE, 0x2401)    \
  X(PERF_EVENT_IOC_RESET, 0x2403) X(PERF_IOC_FLAG_GROUP, 1)
// clang-format on
