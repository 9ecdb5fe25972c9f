// Nothing but assertions: our numbers of scheduling and of performance counters against the
// system's headers, and the layouts that TypeScript writes.
#include <linux/ioprio.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>

#include "uapi_sched.h"

#define NEARMETAL_SAME(name, value) \
  static_assert(static_cast<int64_t>(name) == int64_t{value}, #name);
NEARMETAL_SCHED(NEARMETAL_SAME)
NEARMETAL_PERF(NEARMETAL_SAME)

#define NEARMETAL_AT(type, field, offset) \
  static_assert(offsetof(type, field) == (offset), #type "." #field)

NEARMETAL_AT(sched_attr, size, 0);
NEARMETAL_AT(sched_attr, sched_policy, 4);
NEARMETAL_AT(sched_attr, sched_flags, 8);
NEARMETAL_AT(sched_attr, sched_nice, 16);
NEARMETAL_AT(sched_attr, sched_priority, 20);
NEARMETAL_AT(sched_attr, sched_runtime, 24);
NEARMETAL_AT(sched_attr, sched_deadline, 32);
NEARMETAL_AT(sched_attr, sched_period, 40);
NEARMETAL_AT(sched_attr, sched_util_min, 48);
NEARMETAL_AT(sched_attr, sched_util_max, 52);

NEARMETAL_AT(perf_event_attr, type, 0);
NEARMETAL_AT(perf_event_attr, size, 4);
NEARMETAL_AT(perf_event_attr, config, 8);
NEARMETAL_AT(perf_event_attr, read_format, 32);
static_assert(PERF_ATTR_SIZE_VER5 == 112);
