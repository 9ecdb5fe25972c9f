// Answers system calls out of the input, and looks at what they were given.
#include "kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "../../native/constants.h"
#include "../../native/families.h"
#include "../../native/seam.h"
#include "../../native/sys.h"

namespace fuzz {

namespace {

FuzzedDataProvider* input = nullptr;
// Base and length of what is mapped.
std::map<long, size_t> mappings;

constexpr size_t kMostMapped = 1u << 18;
constexpr size_t kPage = 4096;

[[noreturn]] void broken(const char* what) {
  fprintf(stderr, "the kernel was given memory that is not the caller's: %s\n", what);
  abort();
}

void inside(long address, long length, const char* what) {
  auto after = mappings.upper_bound(address);
  if (after == mappings.begin()) broken(what);
  const auto& [base, size] = *std::prev(after);
  if (length < 0 || static_cast<size_t>(address - base) > size ||
      static_cast<size_t>(length) > size - static_cast<size_t>(address - base)) {
    broken(what);
  }
}

long map(long length) {
  const auto size = static_cast<size_t>(length);
  // The bitmap of descriptors is 128 KiB; what a program may ask for is bounded to save time.
  if (length <= 0 || size > kMostMapped) return -ENOMEM;
  void* base = nullptr;
  // To the byte, where a real one would end with a page.
  if (posix_memalign(&base, kPage, size) != 0) return -ENOMEM;
  memset(base, 0, size);
  mappings[reinterpret_cast<long>(base)] = size;
  return reinterpret_cast<long>(base);
}

long unmap(long address, long length) {
  const auto found = mappings.find(address);
  if (found == mappings.end() || found->second != static_cast<size_t>(length)) broken("munmap");
  free(reinterpret_cast<void*>(address));
  mappings.erase(found);
  return 0;
}

long remap(long address, long length, long wanted) {
  const auto found = mappings.find(address);
  if (found == mappings.end() || found->second != static_cast<size_t>(length)) broken("mremap");
  const long result = some_result(0);
  if (result < 0) return result;
  const long moved = map(wanted);
  if (moved < 0) return moved;
  memcpy(reinterpret_cast<void*>(moved), reinterpret_cast<void*>(address),
         static_cast<size_t>(std::min(length, wanted)));
  unmap(address, length);
  return moved;
}

template <typename T>
T* at(long address) {
  return reinterpret_cast<T*>(address);
}

void text(long address) { look(at<char>(address), strlen(at<char>(address)) + 1); }

long parts(long address, long count, bool write) {
  long sum = 0;
  for (long index = 0; index < count; index++) {
    const iovec& part = at<iovec>(address)[index];
    if (write) fill(part.iov_base, part.iov_len);
    else look(part.iov_base, part.iov_len);
    sum += static_cast<long>(part.iov_len);
  }
  return some_result(sum);
}

long bytes(long address, long length, bool write) {
  if (length < 0) return -EFAULT;
  if (write) fill(at<void>(address), static_cast<size_t>(length));
  else look(at<void>(address), static_cast<size_t>(length));
  return some_result(length);
}

long message(long address, bool write) {
  auto& header = *at<msghdr>(address);
  const long sum = parts(reinterpret_cast<long>(header.msg_iov),
                         static_cast<long>(header.msg_iovlen), write);
  if (!write) {
    look(header.msg_name, header.msg_namelen);
    look(header.msg_control, header.msg_controllen);
    return sum;
  }
  if (sum < 0) return sum;
  fill(header.msg_name, header.msg_namelen);
  header.msg_controllen =
      fill_control(static_cast<uint8_t*>(header.msg_control), header.msg_controllen);
  fill(&header.msg_flags, sizeof header.msg_flags);
  return sum;
}

// The answer may be cut off, and its whole length told.
long name(long address, long length) {
  auto* bytes = at<socklen_t>(length);
  fill(at<void>(address), *bytes);
  *bytes = input == nullptr ? 0 : input->ConsumeIntegralInRange<socklen_t>(0, 128);
  return some_result(0);
}

long answer(long number, long a, long b, long c, long d, long e, long f) {
  switch (number) {
    case SYS_mmap:
      return map(b);
    case SYS_munmap:
      return unmap(a, b);
    case SYS_mremap:
      return remap(a, b, c);
    case SYS_madvise:
      inside(a, b, "madvise");
      return c == 10 ? 0 : some_result(0);  // MADV_DONTFORK, with each mapping
    case SYS_mprotect:
    case SYS_msync:
    case SYS_mlock2:
    case SYS_munlock:
    case SYS_mbind:
      inside(a, b, "a range");
      return some_result(0);
    case SYS_mincore:
      inside(a, b, "mincore");
      fill(at<void>(c), (static_cast<size_t>(b) + kPage - 1) / kPage);
      return some_result(0);
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
      for (long index = 0; index < e; index++) {
        const iovec& part = at<iovec>(d)[index];
        inside(reinterpret_cast<long>(part.iov_base), static_cast<long>(part.iov_len), "remote");
      }
      return parts(b, c, number == SYS_process_vm_readv);
    case SYS_move_pages:
      look(at<void>(c), static_cast<size_t>(b) * 8);
      if (d != 0) look(at<void>(d), static_cast<size_t>(b) * 4);
      fill(at<void>(e), static_cast<size_t>(b) * 4);
      return some_result(b);
    case SYS_read:
    case SYS_recvfrom:
    case SYS_pread64:
      return bytes(b, c, true);
    case SYS_getdents64:
      return bytes(b, c, true);
    case SYS_write:
    case SYS_sendto:
    case SYS_pwrite64:
    case SYS_bind:
    case SYS_connect:
      return bytes(b, c, false);
    case SYS_preadv2:
    case SYS_pwritev2:
      return parts(b, c, number == SYS_preadv2);
    case SYS_setsockopt:
      return bytes(d, e, false);
    case SYS_getsockopt:
      return name(d, e);
    case SYS_getsockname:
    case SYS_getpeername:
      return name(b, c);
    case SYS_sendmsg:
    case SYS_recvmsg:
      return message(b, number == SYS_recvmsg);
    case SYS_socketpair:
    case SYS_pipe2:
      fill(at<void>(number == SYS_pipe2 ? a : d), 8);
      return some_result(0);
    case SYS_statx:
      text(b);
      fill(at<void>(e), sizeof(struct statx));
      return some_result(0);
    case SYS_openat2:
      text(b);
      look(at<void>(c), static_cast<size_t>(d));
      return some_result(1 << 20);
    case SYS_inotify_add_watch:
      text(b);
      return some_result(1 << 20);
    case SYS_fanotify_mark:
      if (e != 0) text(e);
      return some_result(0);
    case SYS_open_by_handle_at:
      look(at<void>(b), sizeof(file_handle) + at<file_handle>(b)->handle_bytes);
      return some_result(1 << 20);
    case SYS_fstatfs:
      fill(at<void>(b), sizeof(struct statfs));
      return some_result(0);
    case SYS_waitid:
      fill(at<void>(c), sizeof(siginfo_t));
      return some_result(0);
    case SYS_rt_sigprocmask:
      look(at<void>(b), static_cast<size_t>(d));
      fill(at<void>(c), static_cast<size_t>(d));
      return some_result(0);
    case SYS_signalfd4:
      look(at<void>(b), static_cast<size_t>(c));
      return some_result(1 << 20);
    case SYS_getrusage:
      fill(at<void>(b), sizeof(rusage));
      return some_result(0);
    case SYS_memfd_create:
      text(a);
      return some_result(1 << 20);
    case SYS_fcntl:
      if (b >= F_OFD_GETLK && b <= F_OFD_SETLKW) fill(at<void>(c), sizeof(struct flock));
      return some_result(0);
    case SYS_io_uring_enter:
    case SYS_io_uring_register:
      return ring_call == nullptr ? -ENOSYS : ring_call(number, a, b, c, d, e, f);
    case SYS_close:
      return 0;
    default:
      return some_result(1 << 20);
  }
}

}  // namespace

long (*ring_call)(long, long, long, long, long, long, long) = nullptr;

void set_input(FuzzedDataProvider* given) { input = given; }

long some_result(long most) {
  if (input == nullptr) return -ENOSYS;
  if (input->ConsumeIntegralInRange<int>(0, 7) == 0) {
    return -input->ConsumeIntegralInRange<long>(1, 133);
  }
  return most == 0 ? 0 : input->ConsumeIntegralInRange<long>(0, most);
}

void fill(void* target, size_t length) {
  if (length == 0) return;
  memset(target, 0x5a, length);
  if (input != nullptr) input->ConsumeData(target, std::min<size_t>(length, 256));
}

void look(const void* source, size_t length) {
  const auto* bytes = static_cast<const volatile uint8_t*>(source);
  for (size_t index = 0; index < length; index++) static_cast<void>(bytes[index]);
}

size_t fill_control(uint8_t* target, size_t room) {
  if (room == 0 || input == nullptr) return 0;
  if (input->ConsumeBool()) {
    fill(target, room);
    return input->ConsumeIntegralInRange<size_t>(0, room);
  }
  size_t end = 0;
  while (input->ConsumeBool() && end + sizeof(cmsghdr) <= room) {
    const size_t most = room - end - sizeof(cmsghdr);
    const size_t length = input->ConsumeIntegralInRange<size_t>(0, std::min<size_t>(most, 64));
    cmsghdr header{};
    header.cmsg_len = sizeof header + length;
    header.cmsg_level = input->ConsumeBool() ? SOL_SOCKET : input->ConsumeIntegral<int>();
    header.cmsg_type = input->ConsumeIntegralInRange<int>(0, 5);
    memcpy(target + end, &header, sizeof header);
    fill(target + end + sizeof header, length);
    end = std::min(room, end + CMSG_ALIGN(header.cmsg_len));
  }
  return end;
}

bool all_unmapped() { return mappings.empty(); }

}  // namespace fuzz

// The seam of the test build is the one place where system calls are made: here they end.
namespace nearmetal::sys {

long call(long number, long a, long b, long c, long d, long e, long f) {
  return fuzz::answer(number, a, b, c, d, e, f);
}

Fate fate_of(long) { return {}; }

long call_as(const Fate&, long number, long a, long b, long c, long d, long e, long f) {
  return fuzz::answer(number, a, b, c, d, e, f);
}

}  // namespace nearmetal::sys

namespace nearmetal::seam {

long shadow(int, const io_uring_params&, const std::shared_ptr<RegionCounters>&, Region**) {
  return 0;
}
void settle(int) {}
long shadow_again(int, const io_uring_params&, const std::shared_ptr<RegionCounters>&, Region**) {
  return 0;
}

}  // namespace nearmetal::seam

namespace nearmetal {

// Seven hundred numbers, which take longer to make than everything else.
void init_constants(napi_env, napi_value) {}
void init_seam(napi_env, napi_value) {}
void init_crossing(napi_env, napi_value) {}

}  // namespace nearmetal
