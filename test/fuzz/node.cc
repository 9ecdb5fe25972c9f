// The values, functions and helper threads of a Node that has none.
#include "node.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

struct napi_callback_info__ {
  const std::vector<napi_value>* arguments;
  void* data;
};

struct napi_async_work__ {
  napi_async_execute_callback execute;
  napi_async_complete_callback complete;
  void* data;
};

struct napi_env__ {
  std::vector<std::unique_ptr<napi_value__>> values;
  std::vector<std::pair<void (*)(void*), void*>> hooks;
  std::vector<napi_async_work> queue;
  void* instance = nullptr;
  napi_finalize finalize_instance = nullptr;

  napi_value make(napi_valuetype type) {
    values.push_back(std::make_unique<napi_value__>());
    values.back()->type = type;
    return values.back().get();
  }
};

extern "C" {

napi_value napi_register_module_v1(napi_env env, napi_value exports);

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count,
                             napi_value* values, napi_value*, void** data) {
  if (count != nullptr) {
    const size_t room = *count;
    *count = info->arguments->size();
    for (size_t index = 0; values != nullptr && index < room; index++) {
      values[index] = index < *count ? (*info->arguments)[index] : env->make(napi_undefined);
    }
  }
  if (data != nullptr) *data = info->data;
  return napi_ok;
}

napi_status napi_typeof(napi_env, napi_value value, napi_valuetype* type) {
  *type = value->type;
  return napi_ok;
}

// As V8 does it: whole numbers wrap around, and what is not finite is 0.
static int64_t whole(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(number > -kLimit && number < kLimit)) return 0;
  return static_cast<int64_t>(number);
}

napi_status napi_get_value_int32(napi_env, napi_value value, int32_t* result) {
  if (value->type != napi_number) return napi_number_expected;
  *result = static_cast<int32_t>(static_cast<uint64_t>(whole(value->number)));
  return napi_ok;
}

napi_status napi_get_value_uint32(napi_env, napi_value value, uint32_t* result) {
  if (value->type != napi_number) return napi_number_expected;
  *result = static_cast<uint32_t>(static_cast<uint64_t>(whole(value->number)));
  return napi_ok;
}

napi_status napi_get_value_int64(napi_env, napi_value value, int64_t* result) {
  if (value->type != napi_number) return napi_number_expected;
  *result = whole(value->number);
  return napi_ok;
}

napi_status napi_get_value_bool(napi_env, napi_value value, bool* result) {
  if (value->type != napi_boolean) return napi_boolean_expected;
  *result = value->number != 0;
  return napi_ok;
}

napi_status napi_get_value_string_utf8(napi_env, napi_value value, char* buffer, size_t room,
                                       size_t* length) {
  if (value->type != napi_string) return napi_string_expected;
  const size_t most = room == 0 ? 0 : room - 1;
  const size_t bytes = value->text.size() < most ? value->text.size() : most;
  memcpy(buffer, value->text.data(), bytes);
  buffer[bytes] = 0;
  *length = bytes;
  return napi_ok;
}

napi_status napi_is_typedarray(napi_env, napi_value value, bool* result) {
  *result = value->kind == napi_value__::kView;
  return napi_ok;
}

napi_status napi_get_typedarray_info(napi_env, napi_value value, napi_typedarray_type* type,
                                     size_t* length, void** data, napi_value* buffer,
                                     size_t* offset) {
  *type = napi_uint8_array;
  *length = value->length;
  *data = value->data;
  *buffer = value;
  *offset = 0;
  return napi_ok;
}

napi_status napi_is_dataview(napi_env, napi_value, bool* result) {
  *result = false;
  return napi_ok;
}

napi_status napi_get_dataview_info(napi_env, napi_value, size_t*, void**, napi_value*, size_t*) {
  return napi_invalid_arg;
}

napi_status napi_get_array_length(napi_env, napi_value value, uint32_t* length) {
  if (value->kind != napi_value__::kArray) return napi_array_expected;
  *length = static_cast<uint32_t>(value->elements.size());
  return napi_ok;
}

napi_status napi_get_element(napi_env, napi_value value, uint32_t index, napi_value* result) {
  *result = value->elements[index];
  return napi_ok;
}

napi_status napi_create_int32(napi_env env, int32_t value, napi_value* result) {
  *result = env->make(napi_number);
  (*result)->number = value;
  return napi_ok;
}

napi_status napi_create_int64(napi_env env, int64_t value, napi_value* result) {
  *result = env->make(napi_number);
  (*result)->number = static_cast<double>(value);
  return napi_ok;
}

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  *result = env->make(napi_number);
  (*result)->number = value;
  return napi_ok;
}

napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  *result = env->make(napi_boolean);
  (*result)->number = value ? 1 : 0;
  return napi_ok;
}

napi_status napi_get_undefined(napi_env env, napi_value* result) {
  *result = env->make(napi_undefined);
  return napi_ok;
}

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length,
                                    napi_value* result) {
  *result = env->make(napi_string);
  (*result)->text = length == NAPI_AUTO_LENGTH ? std::string(text) : std::string(text, length);
  return napi_ok;
}

napi_status napi_create_object(napi_env env, napi_value* result) {
  *result = env->make(napi_object);
  return napi_ok;
}

napi_status napi_set_named_property(napi_env, napi_value object, const char* name,
                                    napi_value value) {
  object->properties[name] = value;
  return napi_ok;
}

napi_status napi_create_function(napi_env env, const char*, size_t, napi_callback callback,
                                 void* data, napi_value* result) {
  *result = env->make(napi_function);
  (*result)->callback = callback;
  (*result)->callback_data = data;
  return napi_ok;
}

napi_status napi_call_function(napi_env, napi_value, napi_value, size_t, const napi_value*,
                               napi_value*) {
  return napi_ok;
}

napi_status napi_add_finalizer(napi_env, napi_value value, void* data, napi_finalize run,
                               void* hint, napi_ref*) {
  value->finalizers.push_back({run, data, hint});
  return napi_ok;
}

napi_status napi_create_external_arraybuffer(napi_env env, void* data, size_t length,
                                             napi_finalize run, void* hint, napi_value* result) {
  *result = env->make(napi_object);
  (*result)->kind = napi_value__::kBuffer;
  (*result)->data = static_cast<uint8_t*>(data);
  (*result)->length = length;
  (*result)->finalizers.push_back({run, data, hint});
  return napi_ok;
}

napi_status napi_create_typedarray(napi_env env, napi_typedarray_type, size_t, napi_value buffer,
                                   size_t, napi_value* result) {
  *result = env->make(napi_object);
  (*result)->kind = napi_value__::kView;
  (*result)->data = buffer->data;
  (*result)->length = buffer->length;
  return napi_ok;
}

napi_status napi_is_arraybuffer(napi_env, napi_value value, bool* result) {
  *result = value->kind == napi_value__::kBuffer;
  return napi_ok;
}

napi_status napi_detach_arraybuffer(napi_env, napi_value value) {
  value->data = nullptr;
  value->length = 0;
  return napi_ok;
}

napi_status napi_set_instance_data(napi_env env, void* data, napi_finalize run, void*) {
  env->instance = data;
  env->finalize_instance = run;
  return napi_ok;
}

napi_status napi_get_instance_data(napi_env env, void** data) {
  *data = env->instance;
  return napi_ok;
}

napi_status napi_add_env_cleanup_hook(napi_env env, void (*run)(void*), void* data) {
  env->hooks.emplace_back(run, data);
  return napi_ok;
}

napi_status napi_remove_env_cleanup_hook(napi_env env, void (*run)(void*), void* data) {
  for (size_t index = env->hooks.size(); index-- > 0;) {
    if (env->hooks[index] != std::pair<void (*)(void*), void*>(run, data)) continue;
    env->hooks.erase(env->hooks.begin() + static_cast<long>(index));
    return napi_ok;
  }
  abort();
}

napi_status napi_create_reference(napi_env, napi_value value, uint32_t, napi_ref* result) {
  if (value->type != napi_function) return napi_function_expected;
  *result = reinterpret_cast<napi_ref>(value);
  return napi_ok;
}

napi_status napi_get_reference_value(napi_env, napi_ref reference, napi_value* result) {
  *result = reinterpret_cast<napi_value>(reference);
  return napi_ok;
}

napi_status napi_delete_reference(napi_env, napi_ref) { return napi_ok; }

napi_status napi_create_async_work(napi_env, napi_value, napi_value,
                                   napi_async_execute_callback execute,
                                   napi_async_complete_callback complete, void* data,
                                   napi_async_work* result) {
  *result = new napi_async_work__{execute, complete, data};
  return napi_ok;
}

napi_status napi_queue_async_work(napi_env env, napi_async_work work) {
  env->queue.push_back(work);
  return napi_ok;
}

napi_status napi_delete_async_work(napi_env, napi_async_work work) {
  delete work;
  return napi_ok;
}

}  // extern "C"

namespace fuzz {

Thread::Thread() : env_(new napi_env__) {
  exports_ = env_->make(napi_object);
  napi_register_module_v1(env_, exports_);
}

Thread::~Thread() {
  while (!env_->hooks.empty()) {
    const auto [run, data] = env_->hooks.back();
    env_->hooks.pop_back();
    run(data);
  }
  env_->finalize_instance(env_, env_->instance, nullptr);
  for (const auto& value : env_->values) {
    for (const auto& each : value->finalizers) each.run(env_, each.data, each.hint);
    if (value->owned) free(value->data);
  }
  delete env_;
}

napi_value Thread::call(napi_value function, std::vector<napi_value> arguments) {
  napi_callback_info__ info{&arguments, function->callback_data};
  const napi_value result = function->callback(env_, &info);
  for (napi_async_work work : std::exchange(env_->queue, {})) {
    const napi_async_work__ copy = *work;
    copy.execute(env_, copy.data);
    copy.complete(env_, napi_ok, copy.data);
  }
  return result;
}

napi_value Thread::number(double value) const {
  napi_value result = env_->make(napi_number);
  result->number = value;
  return result;
}

napi_value Thread::text(const std::string& value) const {
  napi_value result = env_->make(napi_string);
  result->text = value;
  return result;
}

napi_value Thread::view(const std::vector<uint8_t>& bytes) const {
  napi_value result = env_->make(napi_object);
  result->kind = napi_value__::kView;
  result->owned = true;
  result->length = bytes.size();
  result->data = static_cast<uint8_t*>(malloc(bytes.size()));
  if (!bytes.empty()) memcpy(result->data, bytes.data(), bytes.size());
  return result;
}

napi_value Thread::array(std::vector<napi_value> elements) const {
  napi_value result = env_->make(napi_object);
  result->kind = napi_value__::kArray;
  result->elements = std::move(elements);
  return result;
}

napi_value Thread::function() const {
  napi_value result = env_->make(napi_function);
  return result;
}

napi_value Thread::undefined() const { return env_->make(napi_undefined); }

}  // namespace fuzz
