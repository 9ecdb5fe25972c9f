/**
 * Checks of what callers pass in: each throws before any system call, naming the option and what
 * it accepts.
 */
const { inspect } = process.getBuiltinModule('node:util');

type Coded<T extends Error> = T & { code: string };

function coded<T extends Error>(
  error: T,
  code: string,
  above: (...rest: never[]) => unknown,
): Coded<T> {
  const result = Object.assign(error, { code });
  Error.captureStackTrace(result, above);
  return result;
}

function received(value: unknown): string {
  if (value === null || value === undefined) return `${value}`;
  if (typeof value === 'function') return `function ${value.name}`.trimEnd();
  if (typeof value === 'object') {
    // Neither a getter nor a custom inspector of theirs may run here: '[Name]' is all that is
    // asked.
    const name = inspect(value, { depth: -1, customInspect: false });
    return `an instance of ${name.replace(/^\[(.*)\]$/, '$1')}`;
  }
  const text = inspect(value);
  return `type ${typeof value} (${text.length > 28 ? `${text.slice(0, 25)}...` : text})`;
}

/** `name` has the wrong type; `expected` finishes "must be". */
export function invalidType(name: string, expected: string, value: unknown): Coded<TypeError> {
  const message = `The "${name}" ${kind(name)} must be ${expected}. Received ${received(value)}`;
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE', invalidType);
}

/** `name` is a number outside `range`; `range` finishes "It must be". */
export function outOfRange(name: string, range: string, value: unknown): Coded<RangeError> {
  const limits = `The value of "${name}" is out of range. It must be ${range}`;
  const message = `${limits}. Received ${inspect(value)}`;
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE', outOfRange);
}

/** `name` has the right type and cannot be used; `reason` says what is accepted. */
export function invalidValue(name: string, reason: string, value: unknown): Coded<TypeError> {
  const message = `The "${name}" ${kind(name)} ${reason}. Received ${inspect(value, { depth: 0 })}`;
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE', invalidValue);
}

function kind(name: string): string {
  return name.includes('.') ? 'property' : 'argument';
}

/** Answers `value`, an integer from `min` to `max`, both included. */
export function integer(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number') throw invalidType(name, 'an integer', value);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw outOfRange(name, `an integer >= ${min} && <= ${max}`, value);
  }
  return value;
}

/** About 278 years: also a time of the real-time clock, which counts from 1970. */
const LONGEST_MS = 2 ** 43;

/** Whole or fractional milliseconds, not negative. */
export function milliseconds(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0 && value < LONGEST_MS) return value;
  return integer(name, value, 0, LONGEST_MS);
}

/** Answers `value`, true or false. */
export function boolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'true or false', value);
  return value;
}

/** Answers `value`, one of `choices`. */
export function oneOf<const Choice extends string | number>(
  name: string,
  value: unknown,
  choices: readonly Choice[],
): Choice {
  if (choices.includes(value as Choice)) return value as Choice;
  throw invalidValue(
    name,
    `must be one of ${choices.map((choice) => inspect(choice)).join(', ')}`,
    value,
  );
}

/** Answers `value`, a view whose bytes are there to be used: neither detached nor resizable. */
export function bytesView(name: string, value: unknown): ArrayBufferView {
  if (!ArrayBuffer.isView(value))
    throw invalidType(name, 'a Buffer, TypedArray or DataView', value);
  const buffer = value.buffer as ArrayBuffer & {
    resizable?: boolean;
    growable?: boolean;
    detached?: boolean;
  };
  if (buffer.resizable || buffer.growable) {
    throw invalidValue(
      name,
      'must not be a view of a resizable buffer: its memory can move away',
      value,
    );
  }
  if (buffer.detached ?? (buffer.byteLength === 0 && isDetached(buffer))) {
    throw invalidValue(name, 'must not be a view of a detached buffer', value);
  }
  return value;
}

/** For Node 20, which has no `detached`: only a detached buffer refuses a view. */
function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

/** Answers `value`, an AbortSignal or undefined. */
export function abortSignal(name: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || !('aborted' in value)) {
    throw invalidType(name, 'an AbortSignal', value);
  }
  return value as AbortSignal;
}

/**
 * Throws when `options` is not an object or has a key that nobody reads: a misspelt option must
 * not be silent.
 */
export function onlyKeys(name: string, options: unknown, keys: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidType(name, 'an object', options);
  }
  for (const key of Object.keys(options)) {
    if (keys.includes(key)) continue;
    const near = nearest(key, keys);
    const guess = near === undefined ? '' : ` Did you mean "${near}"?`;
    const accepted = keys.length === 0 ? 'No keys are accepted' : `Accepted: ${keys.join(', ')}`;
    const message = `"${name}" has no option "${key}".${guess} ${accepted}`;
    throw coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE', onlyKeys);
  }
}

/** The one of `words` that differs least from `word`, if it is near enough to be what was meant. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of words) {
    const apart = distance(word.toLowerCase(), candidate.toLowerCase());
    if (apart < least) [best, least] = [candidate, apart];
  }
  return best;
}

/** Letters to insert, drop or change to make one word of the other. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const changed = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
