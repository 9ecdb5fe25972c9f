/** What a request asks for: a name below the root, and the encodings that its client takes. */

/** The path that is asked for, decoded; undefined when it is none. */
export function pathOf(url: string): string | undefined {
  let path = url;
  if (!path.startsWith('/')) {
    // The form for proxies, which a server has to take, too.
    const absolute = /^https?:\/\/[^/?#]+(\/[^?#]*)?/i.exec(url);
    if (absolute === null) return undefined;
    path = absolute[1] ?? '/';
  }
  const end = path.search(/[?#]/);
  if (end >= 0) path = path.slice(0, end);
  try {
    if (path.includes('%')) path = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  return path.includes('\0') ? undefined : path;
}

/** Names that begin with a dot are nobody's business, but for what the web has agreed on. */
export function isHidden(path: string): boolean {
  if (!path.includes('/.')) return false;
  return path.split('/').some((name) => /^\.(?!\.?$)/.test(name) && name !== '.well-known');
}

export interface Encoding {
  readonly name: string;
  readonly ending: string;
}

/** Smaller ones first. */
export const ENCODINGS: readonly Encoding[] = [
  { name: 'br', ending: '.br' },
  { name: 'gzip', ending: '.gz' },
];

/** Encodings that a client takes; `key` is the same for the same ones. */
export interface Choice {
  readonly key: string;
  readonly encodings: readonly Encoding[];
}

/** Reads the header Accept-Encoding, which is the same for most clients. */
export class EncodingChoice {
  private header: string | undefined = undefined;
  private choice: Choice = { key: '', encodings: [] };

  of(header: string | undefined): Choice {
    if (header !== this.header) {
      const encodings = encodingsFor(header);
      this.choice = { key: encodings.map(({ name }) => name).join(), encodings };
      this.header = header;
    }
    return this.choice;
  }
}

/** Those of `ENCODINGS` that the header Accept-Encoding allows. */
export function encodingsFor(header: string | undefined): Encoding[] {
  if (header === undefined) return [];
  const given = new Map<string, number>();
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...words] = part.split(';').map((word) => word.trim());
    const quality = words.find((word) => word.startsWith('q='));
    given.set(name, quality === undefined ? 1 : Number(quality.slice(2)));
  }
  return ENCODINGS.filter(({ name }) => (given.get(name) ?? given.get('*') ?? 0) > 0);
}
