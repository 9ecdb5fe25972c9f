// Sockets: made, bound, listening, their options and addresses.
#include <arpa/inet.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

napi_value socket_open(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t domain = args.integer(0);
  const int32_t type = args.integer(1);
  const int32_t protocol = args.integer(2);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, EnvState::of(env)->own(sys::call(SYS_socket, domain, type, protocol)));
}

napi_value bind_socket(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes address = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_bind, fd, sys::pointer(address.data),
                                     static_cast<long>(address.length)));
}

napi_value listen_socket(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t backlog = args.integer(1);
  return small_number(env, args.ok() ? sys::call(SYS_listen, fd, backlog) : -EINVAL);
}

napi_value set_option(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t level = args.integer(1);
  const int32_t name = args.integer(2);
  const Bytes value = args.bytes(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_setsockopt, fd, level, name, sys::pointer(value.data),
                                     static_cast<long>(value.length)));
}

// As setsockopt, for the options that take a program of classic BPF.
napi_value attach_filter(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t level = args.integer(1);
  const int32_t name = args.integer(2);
  const Bytes program = args.bytes(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  sock_fprog filter{};
  filter.len = static_cast<unsigned short>(program.length / sizeof(sock_filter));
  filter.filter = reinterpret_cast<sock_filter*>(program.data);
  return small_number(env, sys::call(SYS_setsockopt, fd, level, name, sys::pointer(&filter),
                                     static_cast<long>(sizeof filter)));
}

napi_value get_option(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const int32_t level = args.integer(1);
  const int32_t name = args.integer(2);
  const Bytes value = args.bytes(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  auto length = static_cast<socklen_t>(value.length);
  const long result = sys::call(SYS_getsockopt, fd, level, name, sys::pointer(value.data),
                                sys::pointer(&length));
  return small_number(env, result < 0 ? result : static_cast<long>(length));
}

napi_value name_of(napi_env env, napi_callback_info info, long which) {
  Args<2> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes address = args.bytes(1);
  if (!args.ok()) return small_number(env, -EINVAL);
  auto length = static_cast<socklen_t>(address.length);
  const long result =
      sys::call(which, fd, sys::pointer(address.data), sys::pointer(&length));
  return small_number(env, result < 0 ? result : static_cast<long>(length));
}

napi_value socket_name(napi_env env, napi_callback_info info) {
  return name_of(env, info, SYS_getsockname);
}

napi_value peer_name(napi_env env, napi_callback_info info) {
  return name_of(env, info, SYS_getpeername);
}

size_t address_bytes(int32_t family) { return family == AF_INET6 ? 16 : 4; }

napi_value text_to_address(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t family = args.integer(0);
  const std::string text = args.text(1);
  const Bytes target = args.bytes(2);
  if (!args.ok() || target.length < address_bytes(family)) return small_number(env, -EINVAL);
  const int result = inet_pton(family, text.c_str(), target.data);
  return small_number(env, result < 0 ? -EAFNOSUPPORT : result);
}

napi_value address_to_text(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t family = args.integer(0);
  const Bytes source = args.bytes(1);
  if (!args.ok() || source.length < address_bytes(family)) return small_number(env, -EINVAL);
  char text[INET6_ADDRSTRLEN];
  if (inet_ntop(family, source.data, text, sizeof text) == nullptr) {
    return small_number(env, -EAFNOSUPPORT);
  }
  napi_value result = nullptr;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &result);
  return result;
}

constexpr Method kMethods[] = {
    {"socket", socket_open},     {"bind", bind_socket},         {"listen", listen_socket},
    {"setsockopt", set_option},  {"getsockopt", get_option},    {"getsockname", socket_name},
    {"getpeername", peer_name},  {"inetPton", text_to_address}, {"inetNtop", address_to_text},
    {"attachFilter", attach_filter},
};

}  // namespace

void init_socket(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
