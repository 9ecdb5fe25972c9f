/** Lays out lines with a mark, a name and what was found; colour only where a person looks on. */
import { styleText } from 'node:util';

type Mark = 'good' | 'bad' | 'plain';
const MARKS = { good: ['✓', 'green'], bad: ['✗', 'red'], plain: ['·', 'gray'] } as const;
const NAME_WIDTH = 26;

export class Page {
  readonly #lines: string[] = [];
  readonly #colour: boolean;

  constructor(colour: boolean) {
    this.#colour = colour;
  }

  #paint(style: 'bold' | 'green' | 'red' | 'gray' | 'cyan', text: string): string {
    return this.#colour ? styleText(style, text) : text;
  }

  title(text: string): void {
    if (this.#lines.length > 0) this.#lines.push('');
    this.#lines.push(this.#paint('bold', text));
  }

  row(mark: Mark, name: string, found: string): void {
    const [sign, colour] = MARKS[mark];
    this.#lines.push(`  ${this.#paint(colour, sign)} ${name.padEnd(NAME_WIDTH)}${found}`.trimEnd());
  }

  /** Below a row that is off. */
  why(text: string | undefined): void {
    if (text) this.#lines.push(`      ${this.#paint('gray', 'why ')} ${text}`);
  }

  /** What to type. */
  type(text: string | undefined): void {
    if (text) this.#lines.push(`      ${this.#paint('cyan', 'type')} ${text}`);
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
