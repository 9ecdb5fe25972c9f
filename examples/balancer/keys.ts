/** Checks of a configuration: what is wrong is named by its key. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

const said = (value: unknown): string =>
  value === undefined ? 'missing' : (JSON.stringify(value)?.slice(0, 60) ?? String(value));

export function wrong(key: string, wanted: string, value: unknown): ConfigError {
  return new ConfigError(`${key} must be ${wanted}, and is ${said(value)}`);
}

/** An object with no other keys than these. */
export function objectOf(
  key: string,
  value: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(key, 'an object', value);
  }
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    throw new ConfigError(`${key}.${name} is not known; there are ${known.join(', ')}`);
  }
  return value as Record<string, unknown>;
}

export function listOf(key: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw wrong(key, 'a list that is not empty', value);
}

export function whole(
  key: string,
  value: unknown,
  least: number,
  most: number,
  fallback?: number,
): number {
  if (value === undefined && fallback !== undefined) return fallback;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) {
    return value as number;
  }
  throw wrong(key, `a whole number from ${least} to ${most}`, value);
}

export function oneOf<Name extends string>(
  key: string,
  value: unknown,
  names: readonly Name[],
  fallback?: Name,
): Name {
  if (value === undefined && fallback !== undefined) return fallback;
  if (names.includes(value as Name)) return value as Name;
  throw wrong(key, names.map((name) => `'${name}'`).join(' or '), value);
}

export function flag(key: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw wrong(key, 'true or false', value);
}
