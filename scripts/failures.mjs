/** Says which tests failed, and why, of vitest's JSON results: failures.mjs FILE... */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Where tests cite what a program said, the end says most. */
const MOST_LINES = 25;

function sayWhy(messages) {
  const all = stripVTControlCharacters(messages.join('\n')).split('\n');
  const lines = all.filter((line) => !/^ +at .*(node_modules\/|<anonymous>)/.test(line));
  const left = lines.length - MOST_LINES;
  if (left > 0) console.log(`    (${left} lines before)`);
  for (const line of lines.slice(-MOST_LINES)) console.log(`    ${line.slice(0, 200)}`);
}

for (const path of process.argv.slice(2)) {
  for (const file of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName, duration, failureMessages } of failed) {
      console.log(`${relative('.', file.name)}: ${fullName} (${Math.round(duration ?? 0)} ms)`);
      sayWhy(failureMessages);
    }
    // A file that could not be loaded has no tests to name.
    if (file.status === 'failed' && failed.length === 0) {
      console.log(relative('.', file.name));
      sayWhy([file.message]);
    }
  }
}
