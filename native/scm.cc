// Descriptors over Unix sockets: socketpair, sendmsg and recvmsg with control messages.
#include <sys/socket.h>

#include <cstring>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

constexpr int kScmPidfd = 4;  // since Linux 6.5

napi_value socketpair_open(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t domain = args.integer(0);
  const int32_t type = args.integer(1);
  const int32_t protocol = args.integer(2);
  const Bytes pair = args.bytes(3);
  if (!args.ok() || pair.length < 2 * sizeof(int)) return small_number(env, -EINVAL);
  int fds[2] = {-1, -1};
  const long result = sys::call(SYS_socketpair, domain, type, protocol, sys::pointer(fds));
  if (result == 0) {
    EnvState* state = EnvState::of(env);
    for (const int fd : fds) state->own(fd);
    memcpy(pair.data, fds, sizeof fds);
  }
  return small_number(env, result);
}

napi_value send_message(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes source = args.bytes(1);
  const Bytes control = args.absent(2) ? Bytes{} : args.bytes(2);
  const int32_t flags = args.integer(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  iovec part{source.data, source.length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data;
  message.msg_controllen = control.length;
  return number(env, sys::call(SYS_sendmsg, fd, sys::pointer(&message), flags));
}

// Owned before JavaScript, which may be stopped at any call, knows of them.
void own_received(EnvState* state, msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr;
       part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type != SCM_RIGHTS && part->cmsg_type != kScmPidfd) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t index = 0; index < count; index++) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(part) + index * sizeof fd, sizeof fd);
      state->own(fd);
    }
  }
}

// Writes the length of the control messages and the flags of the message to `outcome`.
napi_value receive_message(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes target = args.bytes(1);
  const Bytes control = args.bytes(2);
  const int32_t flags = args.integer(3);
  const Bytes outcome = args.bytes(4);
  if (!args.ok() || outcome.length < 2 * sizeof(uint32_t)) return small_number(env, -EINVAL);
  iovec part{target.data, target.length};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data;
  message.msg_controllen = control.length;
  const long result = sys::call(SYS_recvmsg, fd, sys::pointer(&message), flags);
  if (result >= 0) {
    own_received(EnvState::of(env), &message);
    const uint32_t words[2] = {static_cast<uint32_t>(message.msg_controllen),
                               static_cast<uint32_t>(message.msg_flags)};
    memcpy(outcome.data, words, sizeof words);
  }
  return number(env, result);
}

constexpr Method kMethods[] = {
    {"socketpair", socketpair_open},
    {"sendmsg", send_message},
    {"recvmsg", receive_message},
};

}  // namespace

void init_scm(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
