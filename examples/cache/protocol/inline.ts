/** A request as people type it: words between blanks, some of them quoted. */

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  a: '\x07',
};

const WORD = /\s*(?:"((?:\\[\s\S]|[^"\\])*)"(?=\s|$)|'((?:\\'|[^'])*)'(?=\s|$)|([^\s"']+))\s*/y;

/** Undefined where a quote does not end, or something follows it at once. */
export function splitWords(line: string): string[] | undefined {
  const words: string[] = [];
  const text = line.trimEnd();
  WORD.lastIndex = text.length - text.trimStart().length;
  while (WORD.lastIndex < text.length) {
    const [found, double, single, plain] = WORD.exec(text) ?? [];
    if (found === undefined) return undefined;
    if (double !== undefined) words.push(escaped(double));
    else words.push(single?.replaceAll("\\'", "'") ?? (plain as string));
  }
  return words;
}

function escaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (_, hex?: string, letter?: string) =>
    hex === undefined
      ? (ESCAPES[letter as string] ?? (letter as string))
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
