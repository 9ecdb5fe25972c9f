// Runs a command in which some system calls answer an error: nouring ERRNO NUMBER... -- COMMAND...
// A seccomp filter does it, as containers do; no privilege is needed.
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#else
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum { MOST_CALLS = 32, CANNOT_RUN = 125 };

static unsigned refuse(struct sock_filter *filter, unsigned length, unsigned number,
                       unsigned error) {
  const struct sock_filter rule[] = {
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
  };
  memcpy(filter + length, rule, sizeof rule);
  return length + 2;
}

int main(int count, char **words) {
  struct sock_filter filter[5 + 2 * MOST_CALLS];
  const struct sock_filter head[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
  };
  memcpy(filter, head, sizeof head);
  unsigned length = 4;
  int next = 2;
  for (; next < count && strcmp(words[next], "--") != 0; next++) {
    if (next - 2 >= MOST_CALLS) return CANNOT_RUN;
    length = refuse(filter, length, (unsigned)atoi(words[next]), (unsigned)atoi(words[1]));
  }
  if (next + 1 >= count) {
    fprintf(stderr, "usage: nouring ERRNO NUMBER... -- COMMAND...\n");
    return CANNOT_RUN;
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {(unsigned short)length, filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("nouring");
    return CANNOT_RUN;
  }
  execvp(words[next + 1], words + next + 1);
  perror(words[next + 1]);
  return CANNOT_RUN;
}
