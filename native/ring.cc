// io_uring_setup, io_uring_enter, io_uring_register, and the mapping of the queues.
#include "ring.h"

#include <linux/io_uring.h>
#include <algorithm>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"

namespace nearmetal {

namespace {

io_uring_params* params_of(Args<2>& args, size_t index) {
  const Bytes bytes = args.bytes(index);
  return bytes.length >= sizeof(io_uring_params) ? reinterpret_cast<io_uring_params*>(bytes.data)
                                                 : nullptr;
}

napi_value setup(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const uint32_t entries = args.natural(0);
  io_uring_params* params = params_of(args, 1);
  if (!args.ok() || params == nullptr) return small_number(env, -EINVAL);
  constexpr uint32_t kRegisteredFdOnly = 1u << 15;
  const long ring = sys::call(SYS_io_uring_setup, entries, sys::pointer(params));
  // Not a descriptor, then, but a number in the thread's table.
  if (ring >= 0 && (params->flags & kRegisteredFdOnly) != 0) {
    return small_number(env, ring | kWithoutDescriptor);
  }
  return small_number(env, EnvState::of(env)->own(ring));
}

constexpr uint32_t kEnterExtArgReg = 1u << 6;

// `struct io_uring_reg_wait` of kernel 6.13.
struct RegisteredWait {
  __kernel_timespec time;
  uint32_t min_wait_us;
  uint32_t flags;
  uint64_t signals;
  uint32_t signal_bytes;
  uint32_t pad[3];
  uint64_t pad2[2];
};
static_assert(sizeof(RegisteredWait) == 64);

// `struct io_uring_getevents_arg`, whose third word was padding before 6.12.
struct WaitArgument {
  uint64_t signals;
  uint32_t signal_bytes;
  uint32_t min_wait_us;
  uint64_t time;
};
static_assert(sizeof(WaitArgument) == sizeof(io_uring_getevents_arg));

long enter_kernel(const Enter& ring, const Control& control) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  const uint32_t flags = control.flags | ring.flags;
  if (control.timeout_ns < 0) {
    return sys::call(SYS_io_uring_enter, ring.fd, control.to_submit, control.min_complete, flags, 0,
                     0);
  }
  const auto timeout = static_cast<int64_t>(control.timeout_ns);
  const __kernel_timespec time{timeout / kNanoseconds, timeout % kNanoseconds};
  if (ring.registered_wait) {
    constexpr uint32_t kTimed = 1u << 0;
    auto* wait = reinterpret_cast<RegisteredWait*>(
        reinterpret_cast<uint8_t*>(ring.control) + kWaitOffset);
    *wait = {time, control.min_wait_us, kTimed, 0, 0, {}, {}};
    return sys::call(SYS_io_uring_enter, ring.fd, control.to_submit, control.min_complete,
                     flags | IORING_ENTER_EXT_ARG | kEnterExtArgReg, kWaitOffset, sizeof *wait);
  }
  WaitArgument argument{0, 0, control.min_wait_us, reinterpret_cast<uint64_t>(&time)};
  return sys::call(SYS_io_uring_enter, ring.fd, control.to_submit, control.min_complete,
                   flags | IORING_ENTER_EXT_ARG, sys::pointer(&argument), sizeof argument);
}

// Takes its arguments from the control page and leaves its answer there: the hottest call there is.
napi_value enter(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const Enter& ring = *static_cast<Enter*>(data);
  // After the end of the ring its page is not mapped any more, and JavaScript's view of it is
  // empty.
  if (ring.control != nullptr) {
    ring.control->result = static_cast<int32_t>(enter_kernel(ring, *ring.control));
  }
  return nullptr;
}

napi_value enter_function(napi_env env, const Ring& ring) {
  auto* owner = new std::shared_ptr<Enter>(ring.enter);
  napi_value function = nullptr;
  napi_create_function(env, "enter", NAPI_AUTO_LENGTH, enter, owner->get(), &function);
  napi_add_finalizer(
      env, function, owner,
      [](napi_env, void* finished, void*) {
        delete static_cast<std::shared_ptr<Enter>*>(finished);
      },
      nullptr, nullptr);
  return function;
}

napi_value do_register(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const int32_t fd = args.integer(0);
  const uint32_t opcode = args.natural(1);
  const Bytes argument = args.absent(2) ? Bytes{} : args.bytes(2);
  const uint32_t count = args.natural(3);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, ring_register(fd, opcode, sys::pointer(argument.data), count));
}

napi_value ring_map(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t fd = args.integer(0);
  const Bytes bytes = args.bytes(1);
  EnvState* state = EnvState::of(env);
  Region* given = state->region(args.integer(2));
  if (!args.ok() || bytes.length < sizeof(io_uring_params) || state->ring(fd) != nullptr) {
    return small_number(env, -EINVAL);
  }
  const auto& params = *reinterpret_cast<const io_uring_params*>(bytes.data);
  auto ring = std::make_unique<Ring>();
  ring->fd = fd;
  ring->env = env;
  ring->state = state;
  const long result = ring->map_queues(params, given);
  if (result < 0) {
    ring->drop_queues();
    return small_number(env, result);
  }
  *ring->enter = {fd, 0, false, ring->page()};
  ring->page()->timeout_ns = -1;
  ring->register_descriptor();
  if (napi_add_env_cleanup_hook(env, on_thread_end, ring.get()) != napi_ok) {
    ring->drop_queues();
    ring->unregister_descriptor();
    return small_number(env, -ENOMEM);
  }
  state->rings[fd] = ring.release();
  // From here on the hook closes it.
  if (!without_descriptor(fd)) state->disown(fd);
  return small_number(env, 0);
}

napi_value ring_buffers(napi_env env, napi_callback_info info) {
  Args<1> args(env, info);
  const Ring* ring = EnvState::of(env)->ring(args.integer(0));
  if (!args.ok() || ring == nullptr) return small_number(env, -EBADF);
  napi_value result = nullptr;
  napi_create_object(env, &result);
  const struct {
    const char* name;
    Region* region;
  } parts[] = {{"rings", ring->rings}, {"sqes", ring->sqes}, {"control", ring->control}};
  for (const auto& part : parts) {
    napi_value buffer = nullptr;
    const long status = part.region->to_array_buffer(env, &buffer);
    if (status < 0) return small_number(env, status);
    napi_set_named_property(env, result, part.name, buffer);
  }
  napi_set_named_property(env, result, "enter", enter_function(env, *ring));
  return result;
}

napi_value ring_hold(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const EnvState* state = EnvState::of(env);
  Ring* ring = state->ring(args.integer(0));
  Region* region = state->region(args.integer(1));
  if (!args.ok() || ring == nullptr || region == nullptr) return small_number(env, -EBADF);
  region->hold();
  ring->held.push_back(region);
  return small_number(env, 0);
}

napi_value ring_drop(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const EnvState* state = EnvState::of(env);
  Ring* ring = state->ring(args.integer(0));
  Region* region = state->region(args.integer(1));
  if (!args.ok() || ring == nullptr || region == nullptr) return small_number(env, -EBADF);
  const auto found = std::find(ring->held.begin(), ring->held.end(), region);
  if (found == ring->held.end()) return small_number(env, -ENOENT);
  ring->held.erase(found);
  region->drop();
  return small_number(env, 0);
}

napi_value ring_messages(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const EnvState* state = EnvState::of(env);
  Ring* ring = state->ring(args.integer(0));
  Region* region = state->region(args.integer(1));
  if (!args.ok() || ring == nullptr || region == nullptr) return small_number(env, -EBADF);
  region->hold();
  if (ring->messages != nullptr) ring->messages->drop();
  ring->messages = region;
  return small_number(env, 0);
}

napi_value end_ring(napi_env env, napi_callback_info info, bool leak) {
  Args<1> args(env, info);
  Ring* ring = EnvState::of(env)->ring(args.integer(0));
  if (!args.ok() || ring == nullptr) return small_number(env, -EBADF);
  const long result = ring->shut(leak);
  ring->finish();
  return small_number(env, result);
}

napi_value ring_close(napi_env env, napi_callback_info info) { return end_ring(env, info, false); }

napi_value ring_abandon(napi_env env, napi_callback_info info) { return end_ring(env, info, true); }

constexpr Method kMethods[] = {
    {"ioUringSetup", setup},
    {"ioUringRegister", do_register},
    {"ringMap", ring_map},
    {"ringBuffers", ring_buffers},
    {"ringHold", ring_hold},
    {"ringDrop", ring_drop},
    {"ringMessages", ring_messages},
    {"ringClose", ring_close},
    {"ringAbandon", ring_abandon},
};

}  // namespace

void init_ring(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
