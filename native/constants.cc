// Exports the kernel's constants by name, so that a test can hold lib/abi.ts against the C
// compiler.
#include "constants.h"

#include "uapi.h"
#include "uapi_descriptors.h"
#include "uapi_errno.h"
#include "uapi_musl.h"
#include "uapi_sched.h"
#include "uapi_system.h"

namespace nearmetal {

namespace {

struct Constant {
  const char* name;
  double value;
};

// `#name` keeps the spelling even where the name is a macro: stringified arguments are not
// expanded.
#define NEARMETAL_IO_URING_ROW(name, value) {"IORING_" #name, static_cast<double>(value)},
#define NEARMETAL_VALUE_ROW(name, value) {#name, static_cast<double>(value)},
#define NEARMETAL_NAME_ROW(name) {#name, static_cast<double>(name)},

constexpr Constant kConstants[] = {
    NEARMETAL_IO_URING_OLD(NEARMETAL_IO_URING_ROW)
    NEARMETAL_IO_URING_NEW(NEARMETAL_IO_URING_ROW)
    NEARMETAL_SYSTEM_NEW(NEARMETAL_VALUE_ROW)
    NEARMETAL_SOCKET_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_FILE_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_EVENT_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_DESCRIPTOR_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_DESCRIPTOR_NEW(NEARMETAL_VALUE_ROW)
    NEARMETAL_MEMORY_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_SYSCALL_NAMES(NEARMETAL_NAME_ROW)
    NEARMETAL_SCHED(NEARMETAL_VALUE_ROW)
    NEARMETAL_PERF(NEARMETAL_VALUE_ROW)
    NEARMETAL_ERRNO_NAMES(NEARMETAL_NAME_ROW)
};

}  // namespace

void init_constants(napi_env env, napi_value exports) {
  napi_value table = nullptr;
  if (napi_create_object(env, &table) != napi_ok) return;
  for (const Constant& constant : kConstants) {
    napi_value value = nullptr;
    napi_create_double(env, constant.value, &value);
    napi_set_named_property(env, table, constant.name, value);
  }
  napi_set_named_property(env, exports, "constants", table);
}

}  // namespace nearmetal
