/** A descriptor that is given instead of options that would have made one. */
import { invalidType, invalidValue } from '../validate.js';
import { OwnedFd, plainDescriptor } from './fd.js';

/** What is given is as it is: none of `keys` may be chosen as well. */
export function givenDescriptor(
  name: string,
  options: object,
  keys: readonly string[],
): OwnedFd | undefined {
  const all = options as Readonly<Record<string, unknown>>;
  const given = all[name];
  if (given === undefined) return undefined;
  if (!(given instanceof OwnedFd)) throw invalidType(name, 'an OwnedFd', given);
  plainDescriptor(name, given);
  for (const key of keys) {
    if (all[key] === undefined) continue;
    throw invalidValue(key, `must be left out together with ${name}`, all[key]);
  }
  return given;
}
