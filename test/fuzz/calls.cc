// Native functions that look into bytes, of a caller or of the kernel, with whatever comes. What is
// not on the list passes bytes on unseen, or takes addresses that only our own TypeScript writes.
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/resource.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "kernel.h"
#include "node.h"

namespace {

constexpr int kMostCalls = 12;
constexpr size_t kMostBytes = 300;

// A name, and its arguments: n a number, s text, b bytes, p bytes that end with a zero, v an array
// of bytes, r a region that was mapped, f a function, o nothing or bytes.
struct Call {
  const char* name;
  const char* arguments;
};

constexpr Call kCalls[] = {
    {"regionMap", "nnnnnn"},     {"regionBuffer", "r"},        {"regionRemap", "rnn"},
    {"regionRelease", "rn"},     {"regionAdvise", "rnnn"},     {"regionProtect", "rnnn"},
    {"regionSync", "rnnn"},      {"regionLock", "rnnn"},       {"regionUnlock", "rnn"},
    {"regionCore", "rnnb"},      {"regionName", "rs"},         {"regionRead", "rnb"},
    {"regionWrite", "rnb"},      {"regionTouch", "rnnnn"},     {"mbind", "rnnnon"},
    {"movePages", "rnnobn"},     {"recvmsg", "nbbnb"},         {"sendmsg", "nbon"},
    {"socketpair", "nnnb"},      {"inetPton", "nsb"},          {"inetNtop", "nb"},
    {"getsockname", "nb"},       {"getpeername", "nb"},        {"getsockopt", "nnnb"},
    {"setsockopt", "nnnb"},      {"bind", "nb"},               {"send", "nbnnn"},
    {"recv", "nbn"},             {"preadv2", "nvnn"},          {"pwritev2", "nvnn"},
    {"pread", "nbn"},            {"pipe2", "bn"},              {"openat2", "npnnn"},
    {"fcntlLock", "nnb"},        {"inotifyAddWatch", "npn"},   {"fanotifyMark", "nnnno"},
    {"openByHandleAt", "nbn"},   {"fstatfs", "nb"},            {"waitid", "nnbn"},
    {"signalfd4", "nbn"},        {"rtSigprocmask", "nbb"},     {"getrusage", "nb"},
    {"memfdCreate", "sn"},       {"poolStatx", "frnnnnr"},     {"poolGetdents64", "fnrnn"},
    {"poolWrite", "fnrnnnn"},    {"poolOpenat2", "fnpnnn"},    {"firstAffinity", "b"},
    {"closeRange", "nnn"},       {"getcpu", ""},
};

double some_number(FuzzedDataProvider& input) {
  switch (input.ConsumeIntegralInRange<int>(0, 4)) {
    case 0:
      return input.ConsumeIntegral<int64_t>();
    case 1:
      return input.ConsumeIntegral<int32_t>();
    case 2:
      return input.ConsumeFloatingPoint<double>();
    default:
      return input.ConsumeIntegralInRange<int>(-1, 4200);
  }
}

napi_value some_value(fuzz::Thread& thread, FuzzedDataProvider& input, char kind) {
  // Now and then something else than what belongs there.
  constexpr char kKinds[] = "nsbpvrfou";
  if (input.ConsumeIntegralInRange<int>(0, 31) == 0) {
    kind = kKinds[input.ConsumeIntegralInRange<size_t>(0, sizeof kKinds - 2)];
  }
  const auto bytes = [&] {
    return input.ConsumeBytes<uint8_t>(input.ConsumeIntegralInRange<size_t>(0, kMostBytes));
  };
  switch (kind) {
    case 'n':
      return thread.number(some_number(input));
    case 's':
      return thread.text(input.ConsumeRandomLengthString(kMostBytes));
    case 'b':
      return thread.view(bytes());
    case 'p': {
      std::vector<uint8_t> path = bytes();
      path.push_back(0);
      return thread.view(path);
    }
    case 'v': {
      std::vector<napi_value> views;
      while (input.ConsumeBool() && views.size() < 8) views.push_back(thread.view(bytes()));
      return thread.array(views);
    }
    case 'r':
      return thread.number(input.ConsumeIntegralInRange<int>(0, 3));
    case 'f':
      return thread.function();
    case 'o':
      return input.ConsumeBool() ? thread.undefined() : thread.view(bytes());
    default:
      return thread.undefined();
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  // The table of descriptors is as large as this says.
  const rlimit limit{1 << 20, 1 << 20};
  return setrlimit(RLIMIT_NOFILE, &limit);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  {
    fuzz::Thread thread;
    fuzz::set_input(&input);
    for (int count = 0; count < kMostCalls && input.remaining_bytes() > 0; count++) {
      const Call& call = input.PickValueInArray(kCalls);
      std::vector<napi_value> arguments;
      for (const char* kind = call.arguments; *kind != 0; kind++) {
        arguments.push_back(some_value(thread, input, *kind));
      }
      thread.call(thread.exports().at(call.name), arguments);
    }
    fuzz::set_input(nullptr);
  }
  if (!fuzz::all_unmapped()) abort();
  return 0;
}
