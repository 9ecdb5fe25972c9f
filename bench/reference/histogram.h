// Latencies in buckets that grow with the value: 64 per power of two, so an error of at most 1.6%.
#ifndef NEARMETAL_REFERENCE_HISTOGRAM_H
#define NEARMETAL_REFERENCE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_STEPS };

struct histogram {
  uint64_t count;
  uint64_t buckets[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value) {
  if (value < HISTOGRAM_STEPS) return (unsigned)value;
  const unsigned shift = 63u - (unsigned)__builtin_clzll(value) - 6u;
  return (shift + 1) * HISTOGRAM_STEPS + (unsigned)(value >> shift) - HISTOGRAM_STEPS;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value) {
  histogram->buckets[histogram_bucket(value)]++;
  histogram->count++;
}

// The lower edge of the bucket that holds the value at `fraction` of the way up.
static inline uint64_t histogram_at(const struct histogram *histogram, double fraction) {
  uint64_t left = (uint64_t)(fraction * (double)histogram->count);
  for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    if (histogram->buckets[bucket] <= left) {
      left -= histogram->buckets[bucket];
      continue;
    }
    if (bucket < HISTOGRAM_STEPS) return bucket;
    const unsigned shift = bucket / HISTOGRAM_STEPS - 1;
    return (uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift;
  }
  return 0;
}

#endif
