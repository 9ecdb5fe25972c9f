/** Bytes as words of a line: what is no plain letter is % and two digits, as in a URL. */

const PLAIN = /[^\x21-\x24\x26-\x7e]/g;

/** A Buffer's bytes as a word. */
export function wordOf(bytes: Buffer): string {
  if (bytes.length === 0) return '%';
  return bytes
    .toString('latin1')
    .replace(PLAIN, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The bytes of a word, whose letters are bytes (latin1); undefined when it is none. */
export function bytesOf(word: string): Buffer | undefined {
  if (word === '%') return Buffer.alloc(0);
  if (!word.includes('%')) return Buffer.from(word, 'latin1');
  if (/%(?![0-9a-fA-F]{2})/.test(word)) return undefined;
  const letters = word.replace(/%(..)/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(letters, 'latin1');
}
