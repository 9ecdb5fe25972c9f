// Memory that JavaScript shares with functions which take their arguments there, and leave their
// answers: numbers cost less there than in a call.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <initializer_list>

#include "args.h"
#include "region.h"

namespace nearmetal {

// Maps `length` zero bytes. Answers an object that has them as `page`, and the functions; or
// -errno, and then `*region` is null. The functions and the ArrayBuffer keep the memory.
napi_value make_call_page(napi_env env, size_t length, std::initializer_list<Method> functions,
                          Region** region);

// What the function was made with.
template <typename Page>
Page* call_page(napi_env env, napi_callback_info info) {
  void* region = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &region);
  return static_cast<Page*>(static_cast<Region*>(region)->base);
}

}  // namespace nearmetal
