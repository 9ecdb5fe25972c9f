// Which node memory comes from: policies of a thread and of a range, and where pages are.
#include <linux/mempolicy.h>

#include <vector>

#include "args.h"
#include "env_state.h"
#include "families.h"
#include "sys.h"
#include "uapi_system.h"

namespace nearmetal {

namespace {

// A set of nodes as the kernel takes it. It uses one bit fewer than it is told of.
struct Nodes {
  long mask = 0;
  long bits = 0;

  template <size_t Count>
  Nodes(Args<Count>& args, size_t index) {
    if (args.absent(index)) return;
    const Bytes bytes = args.bytes(index);
    mask = sys::pointer(bytes.data);
    bits = static_cast<long>(bytes.length * 8) + 1;
  }
};

// The address that (region, offset) name, or 0.
long place(napi_env env, int32_t id, int64_t offset, int64_t length) {
  const Region* region = EnvState::of(env)->region(id);
  if (region == nullptr || !region->covers(offset, length)) return 0;
  return sys::pointer(region->base) + offset;
}

napi_value mbind_(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const int32_t region = args.integer(0);
  const int64_t offset = args.wide(1);
  const int64_t length = args.wide(2);
  const int32_t mode = args.integer(3);
  const Nodes nodes(args, 4);
  const uint32_t flags = args.natural(5);
  const long address = args.ok() ? place(env, region, offset, length) : 0;
  if (address == 0) return small_number(env, -EINVAL);
  return small_number(env,
                      sys::call(SYS_mbind, address, length, mode, nodes.mask, nodes.bits, flags));
}

napi_value set_mempolicy_(napi_env env, napi_callback_info info) {
  Args<2> args(env, info);
  const int32_t mode = args.integer(0);
  const Nodes nodes(args, 1);
  if (!args.ok()) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_set_mempolicy, mode, nodes.mask, nodes.bits));
}

napi_value get_mempolicy_(napi_env env, napi_callback_info info) {
  Args<4> args(env, info);
  const Nodes nodes(args, 0);
  const int32_t region = args.integer(1);
  const int64_t offset = args.wide(2);
  const uint32_t flags = args.natural(3);
  const bool addressed = (flags & MPOL_F_ADDR) != 0;
  const long address = addressed ? place(env, region, offset, 1) : 0;
  if (!args.ok() || (addressed && address == 0)) return small_number(env, -EINVAL);
  int mode = 0;
  const long result = sys::call(SYS_get_mempolicy, sys::pointer(&mode), nodes.mask,
                                nodes.mask == 0 ? 0 : nodes.bits - 1, address, flags);
  return small_number(env, result < 0 ? result : mode);
}

napi_value set_mempolicy_home_node_(napi_env env, napi_callback_info info) {
  Args<5> args(env, info);
  const int32_t region = args.integer(0);
  const int64_t offset = args.wide(1);
  const int64_t length = args.wide(2);
  const int32_t node = args.integer(3);
  const uint32_t flags = args.natural(4);
  const long address = args.ok() ? place(env, region, offset, length) : 0;
  if (address == 0) return small_number(env, -EINVAL);
  return small_number(env,
                      sys::call(SYS_set_mempolicy_home_node, address, length, node, flags));
}

// Of pages `step` bytes apart from `offset` on; as many as `status` has room for.
napi_value move_pages_(napi_env env, napi_callback_info info) {
  Args<6> args(env, info);
  const int32_t region = args.integer(0);
  const int64_t offset = args.wide(1);
  const int64_t step = args.wide(2);
  const Bytes nodes = args.absent(3) ? Bytes{} : args.bytes(3);
  const Bytes status = args.bytes(4);
  const int32_t flags = args.integer(5);
  const size_t count = status.length / sizeof(int);
  if (!args.ok() || count == 0 || step <= 0) return small_number(env, -EINVAL);
  if (nodes.data != nullptr && nodes.length != status.length) return small_number(env, -EINVAL);
  int64_t last = 0;
  if (__builtin_mul_overflow(step, static_cast<int64_t>(count - 1), &last)) {
    return small_number(env, -EINVAL);
  }
  const long first = place(env, region, offset, last);
  if (first == 0 || place(env, region, offset + last, 1) == 0) return small_number(env, -EINVAL);
  std::vector<long> pages(count);
  for (size_t index = 0; index < count; index++) {
    pages[index] = first + step * static_cast<int64_t>(index);
  }
  return small_number(env, sys::call(SYS_move_pages, 0, static_cast<long>(count),
                                     sys::pointer(pages.data()), sys::pointer(nodes.data),
                                     sys::pointer(status.data), flags));
}

napi_value migrate_pages_(napi_env env, napi_callback_info info) {
  Args<3> args(env, info);
  const int32_t process = args.integer(0);
  const Nodes from(args, 1);
  const Nodes to(args, 2);
  if (!args.ok() || from.bits != to.bits) return small_number(env, -EINVAL);
  return small_number(env, sys::call(SYS_migrate_pages, process, from.bits, from.mask, to.mask));
}

constexpr Method kMethods[] = {
    {"mbind", mbind_},
    {"setMempolicy", set_mempolicy_},
    {"getMempolicy", get_mempolicy_},
    {"setMempolicyHomeNode", set_mempolicy_home_node_},
    {"movePages", move_pages_},
    {"migratePages", migrate_pages_},
};

}  // namespace

void init_numa(napi_env env, napi_value exports) { add_methods(env, exports, kMethods); }

}  // namespace nearmetal
