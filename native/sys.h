// Every system call of the addon goes through `sys::call`, the seam where the test build injects
// faults.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace nearmetal::sys {

// Asks the kernel; answers the result or -errno, so that errno never crosses a function boundary.
inline long kernel(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                   long f = 0) {
  const long result = ::syscall(number, a, b, c, d, e, f);
  return result == -1 ? -static_cast<long>(errno) : result;
}

#ifdef NEARMETAL_SEAM
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);
#else
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  return kernel(number, a, b, c, d, e, f);
}
#endif

template <typename T>
inline long pointer(T* address) {
  return reinterpret_cast<long>(address);
}

}  // namespace nearmetal::sys
