// Calls that do nothing but read their arguments: what `bench crossing` times. Test build only.
#include "args.h"
#include "families.h"

namespace nearmetal {

namespace {

napi_value empty(napi_env, napi_callback_info) { return nullptr; }

napi_value six_integers(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  int32_t sum = 0;
  for (size_t index = 0; index < 6; index++) sum += args.integer(index);
  return small_number(env, sum);
}

napi_value view(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  return small_number(env, static_cast<long>(args.bytes(0).length));
}

napi_value text(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  return small_number(env, static_cast<long>(args.text(0).size()));
}

constexpr Method kMethods[] = {
    {"empty", empty},
    {"sixIntegers", six_integers},
    {"view", view},
    {"string", text},
};

}  // namespace

void init_crossing(napi_env env, napi_value exports) {
  napi_value object = nullptr;
  napi_create_object(env, &object);
  add_methods(env, object, kMethods);
  napi_set_named_property(env, exports, "crossing", object);
}

}  // namespace nearmetal
