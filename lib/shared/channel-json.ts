/** Values that JSON brings over unchanged, which is several times faster than V8's serializer. */

/** Of larger ones the look itself would cost too much. */
const VALUES_MAX = 64;

/**
 * Whether JSON makes of `value` just what `structuredClone` would: plain objects and arrays of
 * strings, booleans, null and finite numbers, each object in one place only.
 */
export function isJson(value: unknown): boolean {
  return look(value, []);
}

/** @param seen the objects that have been met: none may come twice */
function look(value: unknown, seen: object[]): boolean {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== 'object' || seen.length >= VALUES_MAX || seen.includes(value)) return false;
  const list = Array.isArray(value);
  if (Object.getPrototypeOf(value) !== (list ? Array.prototype : Object.prototype)) return false;
  seen.push(value);
  const keys = Object.keys(value);
  if (keys.length > VALUES_MAX || (list && keys.length !== value.length)) return false;
  for (const key of keys) {
    if (!look((value as Record<string, unknown>)[key], seen)) return false;
  }
  return true;
}
