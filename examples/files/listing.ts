/** A page that shows what is in a folder. */
import { opendir } from 'node:fs/promises';
import type { File } from 'nearmetal/fs';

const SHOWN_MAX = 10_000;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const asHtml = (text: string): string => text.replace(/[&<>"']/g, (letter) => ENTITIES[letter]!);

/** Reads the folder that is open, wherever its name may lead by now. */
export async function listing(folder: File, path: string): Promise<string> {
  const names: string[] = [];
  for await (const entry of await opendir(`/proc/self/fd/${folder.fd.fd}`)) {
    if (!entry.name.startsWith('.')) names.push(entry.name + (entry.isDirectory() ? '/' : ''));
    if (names.length === SHOWN_MAX) break;
  }
  const links = names.sort().map((name) => {
    const target = name.endsWith('/')
      ? `${encodeURIComponent(name.slice(0, -1))}/`
      : encodeURIComponent(name);
    return `<li><a href="${target}">${asHtml(name)}</a>`;
  });
  const title = asHtml(path);
  return `<!doctype html><meta charset=utf-8><title>${title}</title><h1>${title}</h1><ul>
<li><a href="../">../</a>
${links.join('\n')}
</ul>\n`;
}
