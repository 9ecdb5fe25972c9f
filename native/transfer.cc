// What moves bytes and connections on sockets, as plain calls: accept4, connect, shutdown, recv,
// send.
#include <sys/socket.h>

#include "args.h"
#include "call_page.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

napi_value accept_socket(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t flags = args.integer(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_accept4, fd, 0, 0, flags)));
}

napi_value connect_socket(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes address = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_connect, fd, sys::pointer(address.data),
                                     static_cast<long>(address.length)));
}

napi_value shutdown_socket(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t how = args.integer(1);
  return small_number(env, args.ok() ? sys::call(SYS_shutdown, fd, how) : -EINVAL);
}

napi_value receive(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes target = args.bytes(1);
  const int32_t flags = args.integer(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_recvfrom, fd, sys::pointer(target.data),
                                     static_cast<long>(target.length), flags, 0, 0));
}

// Part of a view, so that no view of the part has to be made.
bool part_of(const Bytes& source, int64_t offset, int64_t length) {
  return offset >= 0 && length >= 0 && static_cast<size_t>(offset) <= source.length &&
         static_cast<size_t>(length) <= source.length - static_cast<size_t>(offset);
}

napi_value transmit(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes source = args.bytes(1);
  const int64_t offset = args.wide(2);
  const int64_t length = args.wide(3);
  const int32_t flags = args.integer(4);
  if (!args.ok() || !part_of(source, offset, length)) return small_number(env, -EINVAL);
  return number(env, sys::call(SYS_sendto, fd, sys::pointer(source.data + offset), length, flags,
                               0, 0));
}

// Shared with JavaScript (`lib/loop/transfer-page.ts`), which names memory of its own mappings.
struct TransferPage {
  int32_t fd;
  int32_t result;
  uint64_t address;
  uint32_t length;
  int32_t flags;
};

napi_value transfer(napi_env env, napi_callback_info info, long which) {
  auto* page = call_page<TransferPage>(env, info);
  page->result = static_cast<int32_t>(sys::call(which, page->fd, static_cast<long>(page->address),
                                                page->length, page->flags, 0, 0));
  return nullptr;
}

napi_value receive_by_page(napi_env env, napi_callback_info info) {
  return transfer(env, info, SYS_recvfrom);
}

napi_value transmit_by_page(napi_env env, napi_callback_info info) {
  return transfer(env, info, SYS_sendto);
}

napi_value transfer_page(napi_env env, napi_callback_info) {
  Region* region = nullptr;
  return make_call_page(env, sizeof(TransferPage),
                        {{"recv", receive_by_page}, {"send", transmit_by_page}}, &region);
}

constexpr Method kMethods[] = {
    {"accept4", accept_socket},
    {"connect", connect_socket},
    {"shutdown", shutdown_socket},
    {"recv", receive},
    {"send", transmit},
    {"transferPage", transfer_page},
};

}  // namespace

void init_transfer(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
