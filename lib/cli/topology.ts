/** `nearmetal topology`: draws the machine for people, as text or as a picture, or as JSON. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { topology } from '../cpu/topology.js';
import { drawSvg, type Theme } from './topology-svg.js';
import { drawText } from './topology-text.js';

const HELP = `Usage: nearmetal topology [--json] [--svg FILE] [--theme THEME] [--root FOLDER]

Draws the packages, NUMA nodes, caches, cores and CPUs of this machine, its memory and
hugepages, and which CPUs this process may use.
  --json          the same as one JSON object
  --svg FILE      as a picture; '-' for standard output
  --theme THEME   of the picture: auto (default: as the viewer likes it), light or dark
  --root FOLDER   of a machine whose /sys and /proc were saved there
  --width COLUMNS of the text; default: as wide as the terminal
`;

const THEMES: readonly string[] = ['auto', 'light', 'dark'];
const WIDTH_LEAST = 40;
const WIDTH_DEFAULT = 80;

function fail(problem: string): number {
  process.stderr.write(`nearmetal topology: ${problem}\n\n${HELP}`);
  return 2;
}

export function run(words: readonly string[]): number {
  let values: Options;
  try {
    values = parse(words);
  } catch (error) {
    return fail((error as Error).message);
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { theme = 'auto', root = '/', svg } = values;
  if (!THEMES.includes(theme))
    return fail(`--theme is one of ${THEMES.join(', ')}, not "${theme}"`);
  const columns = Number(values.width ?? (process.stdout.columns || WIDTH_DEFAULT));
  if (!Number.isInteger(columns)) return fail(`--width is a number, not "${values.width}"`);
  const machine = topology({ root });
  if (values.json) process.stdout.write(`${JSON.stringify(machine, null, 2)}\n`);
  if (svg === '-') process.stdout.write(drawSvg(machine, theme as Theme));
  else if (svg !== undefined) writeFileSync(svg, drawSvg(machine, theme as Theme));
  if (!values.json && svg === undefined) {
    process.stdout.write(drawText(machine, Math.max(columns, WIDTH_LEAST)));
  }
  return 0;
}

interface Options {
  help?: boolean | undefined;
  json?: boolean | undefined;
  svg?: string | undefined;
  theme?: string | undefined;
  root?: string | undefined;
  width?: string | undefined;
}

function parse(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      help: { type: 'boolean', short: 'h' },
      json: { type: 'boolean' },
      svg: { type: 'string' },
      theme: { type: 'string' },
      root: { type: 'string' },
      width: { type: 'string' },
    },
  });
  return values;
}
