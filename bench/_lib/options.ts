/** The words of `bench`, understood or refused by name. */
import type { paces } from './session.js';

export interface Options {
  readonly names: readonly string[];
  readonly pace: keyof typeof paces;
  readonly list: boolean;
  readonly help: boolean;
  /** Lines of JSON instead of the table. */
  readonly json: boolean;
  /** Where to keep the whole run, for `--compare` and `--html`. */
  readonly jsonFile: string | undefined;
  readonly htmlFile: string | undefined;
  /** Two files that `--json FILE` wrote. */
  readonly compare: readonly [before: string, after: string] | undefined;
  /** A file that `--json FILE` wrote, drawn instead of measured. */
  readonly from: string | undefined;
}

export const usage = `usage: nearmetal bench [NAME...] [options]
       npm run --silent bench -- [NAME...] [options]     (in a checkout)

  without names, or with all: every benchmark
  --list               what there is
  --quick              under a minute in all: the first case of each, where several are asked for;
                       its figures are not to be relied on
  --full               the pace to rely on, and the default
  --json [FILE.json]   a line of JSON per result; with a file, the whole run in it beside the table
  --html FILE.html     a report to look at: one file, which needs nothing else
  --from FILE.json     show a run that was kept, as a table or with --html; measures nothing
  --compare OLD.json NEW.json
                       what changed between two runs, and whether it is more than noise`;

const plain = ['--list', '--quick', '--full', '--help'];

/** @throws RangeError for what it does not know, with what it does */
export function parse(words: readonly string[]): Options {
  const rest = [...words];
  const names: string[] = [];
  const flags = new Set<string>();
  let json = false;
  const files: { json?: string; html?: string; from?: string; compare?: [string, string] } = {};
  const file = (option: string): string => {
    const next = rest.shift();
    if (next === undefined || next.startsWith('-')) throw new RangeError(`${option} needs a file`);
    return next;
  };
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--json') {
      if (rest[0]?.endsWith('.json')) files.json = rest.shift() as string;
      else json = true;
    } else if (word === '--html') files.html = file(word);
    else if (word === '--from') files.from = file(word);
    else if (word === '--compare') files.compare = [file(word), file(word)];
    else if (plain.includes(word)) flags.add(word);
    else if (word.startsWith('-')) throw new RangeError(`unknown option ${word}\n${usage}`);
    else names.push(word);
  }
  if (flags.has('--quick') && flags.has('--full')) {
    throw new RangeError('--quick and --full are two paces: choose one');
  }
  return {
    names,
    pace: flags.has('--quick') ? 'quick' : 'full',
    list: flags.has('--list'),
    help: flags.has('--help'),
    json,
    jsonFile: files.json,
    htmlFile: files.html,
    compare: files.compare,
    from: files.from,
  };
}
