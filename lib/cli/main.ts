/** The command line: finds the command, and says what there is when it finds none. */

/** A command takes the words after its name, and answers the exit code. */
interface Command {
  readonly summary: string;
  readonly load: () => Promise<{ run: (words: readonly string[]) => number | Promise<number> }>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: {
    summary: 'what this kernel, container and machine allow; why something is off; what to type',
    load: () => import('./doctor.js'),
  },
  topology: {
    summary: 'draws packages, NUMA nodes, caches and CPUs, as text, as a picture (SVG) or as JSON',
    load: () => import('./topology.js'),
  },
  bench: {
    summary: 'measures this machine: nearmetal beside C and what Node offers, as a table or a page',
    load: () => import('./bench.js'),
  },
};

function usage(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `  ${name.padEnd(10)}${summary}`,
  );
  return [
    'Usage: nearmetal COMMAND [OPTIONS]',
    '',
    ...rows,
    '',
    '`nearmetal COMMAND --help` says more about one.',
    '',
  ].join('\n');
}

async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage());
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const problem = name === undefined ? 'which command?' : `no command is called "${name}"`;
    process.stderr.write(`nearmetal: ${problem}\n\n${usage()}`);
    return 2;
  }
  const { run } = await command.load();
  return await run(rest);
}

// `nearmetal doctor | head` closes our output early: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});
process.exitCode = await main(process.argv.slice(2));
