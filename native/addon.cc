// The addon's table of contents: each family adds its functions to the exports, once per thread.
#include <node_api.h>
#include <unistd.h>

#include "constants.h"
#include "env_state.h"
#include "families.h"
#include "region.h"

// Plain Node-API: a wrapper that throws would abort the process in a worker that is being stopped.
NAPI_MODULE_INIT() {
  nearmetal::init_env_state(env, exports);
  nearmetal::init_constants(env, exports);
  nearmetal::init_fd(env, exports);
  nearmetal::init_fd_tools(env, exports);
  nearmetal::init_timers(env, exports);
  nearmetal::init_signals(env, exports);
  nearmetal::init_notify(env, exports);
  nearmetal::init_futex(env, exports);
  nearmetal::init_scm(env, exports);
  nearmetal::init_socket(env, exports);
  nearmetal::init_transfer(env, exports);
  nearmetal::init_datagrams(env, exports);
  nearmetal::init_splice(env, exports);
  nearmetal::init_region(env, exports);
  nearmetal::init_memory(env, exports);
  nearmetal::init_numa(env, exports);
  nearmetal::init_ring(env, exports);
  nearmetal::init_ring_queues(env, exports);
  nearmetal::init_epoll(env, exports);
  nearmetal::init_watch(env, exports);
  nearmetal::init_sched(env, exports);
  nearmetal::init_threads(env, exports);
  nearmetal::init_clock(env, exports);
  nearmetal::init_perf(env, exports);
  nearmetal::init_pool(env, exports);
#ifdef NEARMETAL_SEAM
  nearmetal::init_seam(env, exports);
  nearmetal::init_crossing(env, exports);
  constexpr bool kHasSeam = true;
#else
  constexpr bool kHasSeam = false;
#endif
  napi_value page_bytes = nullptr;
  napi_create_double(env, static_cast<double>(sysconf(_SC_PAGESIZE)), &page_bytes);
  napi_set_named_property(env, exports, "pageBytes", page_bytes);
  napi_value has_seam = nullptr;
  napi_get_boolean(env, kHasSeam, &has_seam);
  napi_set_named_property(env, exports, "hasSeam", has_seam);
  return exports;
}
