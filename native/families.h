// The families of system calls that make up the addon.
#pragma once

#include <node_api.h>

namespace nearmetal {

void init_fd(napi_env env, napi_value exports);
void init_fd_tools(napi_env env, napi_value exports);
void init_timers(napi_env env, napi_value exports);
void init_signals(napi_env env, napi_value exports);
void init_notify(napi_env env, napi_value exports);
void init_futex(napi_env env, napi_value exports);
void init_scm(napi_env env, napi_value exports);
void init_socket(napi_env env, napi_value exports);
void init_transfer(napi_env env, napi_value exports);
void init_datagrams(napi_env env, napi_value exports);
void init_splice(napi_env env, napi_value exports);
void init_ring(napi_env env, napi_value exports);
void init_ring_queues(napi_env env, napi_value exports);
void init_memory(napi_env env, napi_value exports);
void init_numa(napi_env env, napi_value exports);
void init_epoll(napi_env env, napi_value exports);
void init_watch(napi_env env, napi_value exports);
void init_sched(napi_env env, napi_value exports);
void init_threads(napi_env env, napi_value exports);
void init_clock(napi_env env, napi_value exports);
void init_perf(napi_env env, napi_value exports);
void init_pool(napi_env env, napi_value exports);
#ifdef NEARMETAL_SEAM
void init_seam(napi_env env, napi_value exports);
void init_crossing(napi_env env, napi_value exports);
#endif

}  // namespace nearmetal
