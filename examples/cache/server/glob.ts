/** Patterns as KEYS and PSUBSCRIBE have them: `*`, `?`, `[a-z]`, `[^a]` and `\`. */

/**
 * A star is tried again one character later where what follows it does not match, and only the last
 * star: so no pattern takes more time than its length times that of the text.
 */
export function matches(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern[from] === '*') {
      star = from++;
      starAt = at;
      continue;
    }
    const next = from < pattern.length ? one(pattern, from, text[at] as string) : 0;
    if (next > 0) {
      from = next;
      at++;
    } else if (star >= 0) {
      from = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pattern[from] === '*') from++;
  return from === pattern.length;
}

/** Where the pattern goes on when its part at `from` matches the letter; 0 when it does not. */
function one(pattern: string, from: number, letter: string): number {
  const first = pattern[from];
  if (first === '?') return from + 1;
  if (first === '[') return oneOf(pattern, from + 1, letter);
  const quoted = first === '\\' && from + 1 < pattern.length;
  return (quoted ? pattern[from + 1] : first) === letter ? from + (quoted ? 2 : 1) : 0;
}

function oneOf(pattern: string, from: number, letter: string): number {
  const negated = pattern[from] === '^';
  let at = negated ? from + 1 : from;
  let found = false;
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern[at] === '\\' && at + 1 < pattern.length) {
      found ||= pattern[at + 1] === letter;
      at += 2;
    } else if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const [low, high] = [pattern[at] as string, pattern[at + 2] as string].sort();
      found ||= letter >= (low as string) && letter <= (high as string);
      at += 3;
    } else found ||= pattern[at++] === letter;
  }
  return found !== negated ? at + 1 : 0;
}
