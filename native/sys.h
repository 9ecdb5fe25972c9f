// Every system call of the addon goes through `sys::call`, the seam where the test build injects
// faults.
#pragma once

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace nearmetal::sys {

// Asks the kernel; answers the result or -errno, so that errno never crosses a function boundary.
//
// The instruction stands here where it can: the kernel leaves the processor's memory of return
// addresses useless on some machines, and each return that was still to come, such as that of
// libc's syscall(), is then guessed wrong, for 8 ns.
inline long kernel(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                   long f = 0) {
#if defined(__x86_64__)
  register long fourth __asm__("r10") = d;
  register long fifth __asm__("r8") = e;
  register long sixth __asm__("r9") = f;
  long result = number;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long which __asm__("x8") = number;
  register long first __asm__("x0") = a;
  register long second __asm__("x1") = b;
  register long third __asm__("x2") = c;
  register long fourth __asm__("x3") = d;
  register long fifth __asm__("x4") = e;
  register long sixth __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(first)
                   : "r"(which), "r"(second), "r"(third), "r"(fourth), "r"(fifth), "r"(sixth)
                   : "memory");
  return first;
#else
  const long result = ::syscall(number, a, b, c, d, e, f);
  return result == -1 ? -static_cast<long>(errno) : result;
#endif
}

#ifdef NEARMETAL_SEAM
// What is to become of one call: decided on the thread that asks for it, whoever makes it.
struct Fate {
  int error = 0;   // answer -error
  long most = -1;  // move at most so many bytes
};
Fate fate_of(long number);

// A call whose fate has been decided.
long call_as(const Fate& fate, long number, long a = 0, long b = 0, long c = 0, long d = 0,
             long e = 0, long f = 0);

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);
#else
struct Fate {};
inline Fate fate_of(long) { return {}; }

inline long call_as(const Fate&, long number, long a = 0, long b = 0, long c = 0, long d = 0,
                    long e = 0, long f = 0) {
  return kernel(number, a, b, c, d, e, f);
}

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  return kernel(number, a, b, c, d, e, f);
}
#endif

template <typename T>
inline long pointer(T* address) {
  return reinterpret_cast<long>(address);
}

// Where a file is read or written; an offset below 0 is the descriptor's own position.
inline long position(int64_t& offset) { return offset < 0 ? 0 : pointer(&offset); }

}  // namespace nearmetal::sys
