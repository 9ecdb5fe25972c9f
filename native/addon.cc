// The addon's table of contents: each family adds its functions to the exports, once per thread.
#include <napi.h>

#include "constants.h"
#include "env_state.h"
#include "families.h"
#include "region.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  nearmetal::init_env_state(env, exports);
  nearmetal::init_constants(env, exports);
  nearmetal::init_fd(env, exports);
  nearmetal::init_socket(env, exports);
  nearmetal::init_region(env, exports);
  nearmetal::init_ring(env, exports);
  nearmetal::init_watch(env, exports);
#ifdef NEARMETAL_SEAM
  nearmetal::init_seam(env, exports);
  nearmetal::init_crossing(env, exports);
  exports.Set("hasSeam", true);
#else
  exports.Set("hasSeam", false);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(nearmetal, init)
