// The life of a thread's state: made with the addon, taken down when the thread ends.
#include "env_state.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>

#include "args.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr size_t kBitsPerWord = 32;

// Room for every descriptor number that this process may ever get; untouched pages cost nothing.
size_t owned_fds_bytes() {
  constexpr rlim_t kFewest = 1u << 20;
  constexpr rlim_t kMost = 1u << 26;
  rlimit limit{};
  const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
  const rlim_t fds = known ? std::clamp<rlim_t>(limit.rlim_max, kFewest, kMost) : kFewest;
  return fds / 8;
}

// Runs after the hooks of the thread's rings, which were added later: what they found is closed
// too.
void close_owned(void* data) {
  auto* state = static_cast<EnvState*>(data);
  if (state->owned_fds == nullptr) return;
  auto* words = static_cast<uint32_t*>(state->owned_fds->base);
  const size_t count = state->owned_fds->length / sizeof(uint32_t);
  // All of it: reading a page that was never touched costs little, and to ask which ones are
  // resident (mincore) would pass over those that were swapped out.
  for (size_t index = 0; index < count; index++) {
    if (words[index] == 0) continue;
    for (uint32_t bits = words[index]; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<size_t>(__builtin_ctz(bits));
      sys::call(SYS_close, static_cast<long>(index * kBitsPerWord + bit));
    }
    words[index] = 0;
  }
}

void destroy(napi_env, void* data, void*) {
  auto* state = static_cast<EnvState*>(data);
  for (Region* region : state->regions) {
    if (region != nullptr) region->drop();
  }
  if (state->owned_fds != nullptr) state->owned_fds->drop();
  delete state;
}

}  // namespace

Region* EnvState::region(int32_t id) const {
  const auto index = static_cast<size_t>(id);
  return id >= 0 && index < regions.size() ? regions[index] : nullptr;
}

int32_t EnvState::add(Region* region) {
  if (!free_regions.empty()) {
    const uint32_t id = free_regions.back();
    free_regions.pop_back();
    regions[id] = region;
    return static_cast<int32_t>(id);
  }
  regions.push_back(region);
  return static_cast<int32_t>(regions.size() - 1);
}

Ring* EnvState::ring(int fd) const {
  const auto found = rings.find(fd);
  return found == rings.end() ? nullptr : found->second;
}

int32_t EnvState::add(Watch* watch) {
  watches[next_watch] = watch;
  return next_watch++;
}

Watch* EnvState::watch(int32_t id) const {
  const auto found = watches.find(id);
  return found == watches.end() ? nullptr : found->second;
}

Watch* EnvState::take_watch(int32_t id) {
  Watch* found = watch(id);
  watches.erase(id);
  return found;
}

bool EnvState::mark_owned(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || owned_fds == nullptr || index >= owned_fds->length * 8) return false;
  static_cast<uint32_t*>(owned_fds->base)[index / kBitsPerWord] |= 1u << (index % kBitsPerWord);
  return true;
}

long EnvState::own(long fd) {
  if (fd >= 0) mark_owned(static_cast<int>(fd));
  return fd;
}

void EnvState::disown(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || owned_fds == nullptr || index >= owned_fds->length * 8) return;
  static_cast<uint32_t*>(owned_fds->base)[index / kBitsPerWord] &= ~(1u << (index % kBitsPerWord));
}

void EnvState::disown_range(uint32_t first, uint32_t last) {
  const size_t end = owned_fds == nullptr ? 0 : owned_fds->length * 8;
  for (size_t fd = first; fd <= last && fd < end; fd++) disown(static_cast<int>(fd));
}

EnvState* EnvState::of(napi_env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return static_cast<EnvState*>(data);
}

void init_env_state(napi_env env, napi_value exports) {
  auto* state = new EnvState;
  state->env = env;
  napi_set_instance_data(env, state, destroy, nullptr);
  napi_add_env_cleanup_hook(env, close_owned, state);
  Region* bitmap = nullptr;
  Region::map(state->counters, owned_fds_bytes(), PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, &bitmap);
  state->owned_fds = bitmap;
  napi_value buffer = nullptr;
  napi_value words = nullptr;
  if (bitmap == nullptr || bitmap->to_array_buffer(env, &buffer) != 0) return;
  napi_create_typedarray(env, napi_uint32_array, bitmap->length / sizeof(uint32_t), buffer, 0,
                         &words);
  napi_set_named_property(env, exports, "ownedFds", words);
}

}  // namespace nearmetal
