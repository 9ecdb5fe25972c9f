/** What a few rounds say, and how sure they are of it: medians, intervals, outliers, verdicts. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value at `fraction` of the way up, between two values where it falls between them. */
export function quantile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  const place = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place - Math.floor(place));
}

/** From the lowest to the highest, as a part of the median. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / median(values);
}

/**
 * The values that lie further out than 1.5 times the distance between the quartiles (Tukey's
 * fences). They are reported and never removed: medians do not need it.
 */
export function outliers(values: readonly number[]): number[] {
  if (values.length < 4) return [];
  const lower = quantile(values, 0.25);
  const upper = quantile(values, 0.75);
  const reach = 1.5 * (upper - lower);
  return values.filter((value) => value < lower - reach || value > upper + reach);
}

export type Interval = readonly [low: number, high: number];

const RESAMPLES = 1000;
const CONFIDENCE = 0.95;

/** xorshift32: the same samples give the same interval, whenever they are looked at again. */
function draws(seed = 0x9e3779b9): () => number {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function resample(values: readonly number[], draw: () => number): number[] {
  return values.map(() => values[Math.floor(draw() * values.length)] as number);
}

function middle95(medians: readonly number[]): Interval {
  const tail = (1 - CONFIDENCE) / 2;
  return [quantile(medians, tail), quantile(medians, 1 - tail)];
}

/** Where the median lies with 95 % confidence, by drawing the rounds again with replacement. */
export function interval(values: readonly number[]): Interval {
  const draw = draws();
  return middle95(Array.from({ length: RESAMPLES }, () => median(resample(values, draw))));
}

/** Each round's value beside the reference's in the same round. */
export function ratios(own: readonly number[], reference: readonly number[]): number[] {
  return own.map((value, round) => value / (reference[round] ?? Number.NaN));
}

/** How many times `after` is `before`, medians compared, with 95 % confidence. */
export function change(before: readonly number[], after: readonly number[]): Interval {
  const draw = draws();
  const changes = Array.from(
    { length: RESAMPLES },
    () => median(resample(after, draw)) / median(resample(before, draw)),
  );
  return middle95(changes);
}

export type Verdict = 'better' | 'worse' | 'noise';

/** Noise, as long as the interval holds "no change at all". */
export function verdict([low, high]: Interval, better: 'higher' | 'lower'): Verdict {
  if (low <= 1 && high >= 1) return 'noise';
  return low > 1 === (better === 'higher') ? 'better' : 'worse';
}
