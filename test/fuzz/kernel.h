// A kernel that touches all memory it is given and nothing else, and answers what the input says.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>

#include <cstddef>
#include <cstdint>

namespace fuzz {

// Where its answers come from; null: every call fails with ENOSYS.
void set_input(FuzzedDataProvider* input);

// A result: an error, or something from 0 to `most`.
long some_result(long most);

// Writes bytes of the input there, all of them.
void fill(void* target, size_t length);

// Reads all of it.
void look(const void* source, size_t length);

// Puts control messages there, well formed or not; answers their length.
size_t fill_control(uint8_t* target, size_t room);

// Replaces what io_uring_enter and io_uring_register answer, in the fuzzer of queues.
extern long (*ring_call)(long number, long a, long b, long c, long d, long e, long f);

// Everything that was mapped has been unmapped.
bool all_unmapped();

}  // namespace fuzz
