// What one JavaScript thread owns: its rings, its regions, its descriptors. Nothing here is global.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "region.h"

namespace nearmetal {

struct Ring;
class Watch;

struct EnvState {
  napi_env env = nullptr;
  std::shared_ptr<RegionCounters> counters = RegionCounters::of_process();
  std::vector<Region*> regions;       // by id; null where the id is free
  std::vector<uint32_t> free_regions; // ids to hand out again
  std::unordered_map<int, Ring*> rings;
  std::unordered_map<int32_t, Watch*> watches;
  int32_t next_watch = 0;
  Region* owned_fds = nullptr;  // a bitmap that JavaScript writes too

  Region* region(int32_t id) const;
  int32_t add(Region* region);
  Ring* ring(int fd) const;
  int32_t add(Watch* watch);
  Watch* watch(int32_t id) const;
  // As `watch`, and forgets it.
  Watch* take_watch(int32_t id);
  bool mark_owned(int fd);
  // What a system call has opened is owned before JavaScript, which may be stopped at any call,
  // knows.
  long own(long fd);
  void disown(int fd);
  void disown_range(uint32_t first, uint32_t last);

  static EnvState* of(napi_env env);
};

void init_env_state(napi_env env, napi_value exports);

}  // namespace nearmetal
