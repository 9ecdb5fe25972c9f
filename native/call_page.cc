// Makes pages that JavaScript shares with functions.
#include "call_page.h"

#include <sys/mman.h>

#include "env_state.h"

namespace nearmetal {

napi_value make_call_page(napi_env env, size_t length, std::initializer_list<Method> functions,
                          Region** region) {
  *region = nullptr;
  Region* made = nullptr;
  const long mapped = Region::map(EnvState::of(env)->counters, length, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, &made);
  if (mapped < 0) return small_number(env, mapped);
  napi_value buffer = nullptr;
  const long shown = made->to_array_buffer(env, &buffer);
  if (shown < 0) {
    made->drop();
    return small_number(env, shown);
  }
  napi_value result = nullptr;
  napi_create_object(env, &result);
  napi_set_named_property(env, result, "page", buffer);
  for (const Method& method : functions) {
    napi_value function = nullptr;
    napi_create_function(env, method.name, NAPI_AUTO_LENGTH, method.callback, made, &function);
    made->hold();
    napi_add_finalizer(
        env, function, made,
        [](napi_env, void* finished, void*) { static_cast<Region*>(finished)->drop(); }, nullptr,
        nullptr);
    napi_set_named_property(env, result, method.name, function);
  }
  // The count of its own; the functions and the buffer have theirs.
  made->drop();
  *region = made;
  return result;
}

}  // namespace nearmetal
