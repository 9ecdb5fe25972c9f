// The table of kernel constants that JavaScript sees.
#pragma once

#include <node_api.h>

namespace nearmetal {

// Sets `exports.constants`: the kernel's name of each constant to its number on this machine.
void init_constants(napi_env env, napi_value exports);

}  // namespace nearmetal
