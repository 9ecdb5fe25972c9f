/** Packs the package, installs it into an empty folder, and uses it there as a stranger would. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './native-build.mjs';
import { writeRecord, wrongWith } from './provenance.mjs';

process.chdir(root);
const folder = mkdtempSync(join(tmpdir(), 'nearmetal-package-'));
const app = join(folder, 'app');
const installed = join(app, 'node_modules/nearmetal');
const exportsMap = JSON.parse(readFileSync('package.json', 'utf8')).exports;
const faces = Object.keys(exportsMap).filter((face) => face !== './package.json');
const names = faces.map((face) => `nearmetal${face.slice(1)}`);

/** npm itself, as a script: for other programs than the one in PATH. */
const NPM = join(dirname(realpathSync(run('which', ['npm']).output.trim())), 'npm-cli.js');
const QUIET = ['--no-audit', '--no-fund', '--loglevel', 'error'];
const MOST_BYTES = 1_500_000;

let passed = 0;
const failures = [];

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', ...options });
  return {
    code: result.status ?? 1,
    output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}`,
  };
}

function check(name, { code, output }, expected = '') {
  const good = code === 0 && output.includes(expected);
  console.log(`${good ? 'ok    ' : 'FAILED'}  ${name}`);
  if (good) passed += 1;
  else {
    failures.push(name);
    console.log(output.replace(/^/gm, '        '));
  }
  return good;
}

const node = (args, options) => run(process.execPath, args, { cwd: app, ...options });

function tool(name, args) {
  return run(join('node_modules/.bin', name), args, { env: { ...process.env, FORCE_COLOR: '0' } });
}

function pack() {
  const result = run('npm', [
    'pack',
    '--ignore-scripts',
    '--pack-destination',
    folder,
    '--loglevel',
    'error',
  ]);
  const file = /nearmetal-\S+\.tgz/.exec(result.output)?.[0];
  check('npm pack', file ? result : { ...result, code: 1 });
  return join(folder, file ?? 'none');
}

function size(tarball) {
  const bytes = statSync(tarball).size;
  const output = `${bytes} bytes`;
  check(`packed in less than ${MOST_BYTES} bytes`, { code: bytes < MOST_BYTES ? 0 : 1, output });
}

/** An empty folder to install into. */
function project(name) {
  const place = join(folder, name);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "name": "app", "private": true }\n');
  return place;
}

/** A folder of programs for a machine that has no compiler. */
function withoutCompiler() {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['sh', 'env']) symlinkSync(`/bin/${name}`, join(bin, name));
  symlinkSync(process.execPath, join(bin, 'node'));
  return { PATH: bin, HOME: folder };
}

/** The record beside a prebuild is of it and of the sources in the package, and of no others. */
function provenance(staged, addon) {
  writeRecord(staged, addon, {});
  const expectWrong = (name, expected) => {
    const wrong = wrongWith(staged, addon);
    check(`provenance: ${name}`, { code: wrong === expected ? 0 : 1, output: `${wrong}` });
  };
  expectWrong('a prebuild is as its record says', undefined);
  const source = join(staged, 'native/SOURCES');
  const text = readFileSync(source);
  writeFileSync(source, `${text}#\n`);
  expectWrong('other sources are noticed', 'was built of other sources than these');
  writeFileSync(source, text);
  const bytes = readFileSync(addon);
  writeFileSync(addon, Buffer.concat([bytes, Buffer.of(0)]));
  expectWrong('another addon is noticed', 'is not the one that was built');
  writeFileSync(addon, bytes);
}

/** A release brings the addon along, and then nothing is compiled; no script has to run either. */
function prebuilt(tarball, env) {
  const staged = join(folder, 'staged');
  mkdirSync(staged);
  run('tar', ['-xzf', tarball, '-C', staged, '--strip-components=1']);
  const platform = join(staged, 'prebuilds', `linux-${process.arch}`);
  rmSync(join(staged, 'prebuilds'), { recursive: true, force: true });
  mkdirSync(platform, { recursive: true });
  const addon = join(platform, 'nearmetal.glibc.node');
  copyFileSync('build/Release/nearmetal.node', addon);
  provenance(staged, addon);
  for (const words of [[], ['--ignore-scripts']]) {
    const place = project(`prebuilt${words.length}`);
    const args = [
      NPM,
      'install',
      staged,
      '--install-links',
      '--prefer-offline',
      ...QUIET,
      ...words,
    ];
    const result = node(args, { cwd: place, env: { ...process.env, ...env } });
    const way = ['npm install', ...words].join(' ');
    check(`${way} with a prebuild, without a compiler`, result);
    const code = `console.log('loaded', typeof require('nearmetal').features)`;
    check(`${way} with a prebuild: it loads`, node(['-e', code], { cwd: place }), 'loaded');
  }
}

/** From source, whatever the tarball brings along. */
function install(tarball) {
  project('app');
  const args = ['install', tarball, '--prefer-offline', ...QUIET];
  const env = { ...process.env, npm_config_build_from_source: 'true' };
  const result = run('npm', args, { cwd: app, env });
  return check('npm install of the tarball into an empty folder', result);
}

/** Both doors, and one instance of the library behind them. */
function load() {
  for (const name of names) {
    check(
      `import('${name}')`,
      node([
        '-e',
        `import('${name}').then((m) => console.log('names', Object.keys(m).length > 0))`,
      ]),
      'names true',
    );
    check(
      `require('${name}')`,
      node(['-e', `console.log('names', Object.keys(require('${name}')).length > 0)`]),
      'names true',
    );
  }
  const same = `const { SystemError } = require('nearmetal/errors');
    import('nearmetal/errors').then((m) => console.log('same', m.SystemError === SystemError))`;
  check('import and require give the same classes', node(['-e', same]), 'same true');
  check(
    'require warns about nothing',
    node([
      '--throw-deprecation',
      '-e',
      `process.on('warning', () => process.exit(1)); require('nearmetal')`,
    ]),
  );
  check('npx nearmetal doctor', run('npx', ['--no-install', 'nearmetal', 'doctor'], { cwd: app }));
}

function types() {
  symlinkSync(join(root, 'node_modules/@types'), join(app, 'node_modules/@types'));
  const lines = names.map(
    (name, index) => `import * as m${index} from '${name}';\nexport const v${index} = m${index};\n`,
  );
  writeFileSync(join(app, 'a.mts'), lines.join(''));
  writeFileSync(join(app, 'b.cts'), lines.join(''));
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
  };
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['a.mts', 'b.cts'] }),
  );
  check('types for import and for require', run(join(root, 'node_modules/.bin/tsc'), ['-p', app]));
}

function refused(name, before, env) {
  const code = `import('nearmetal').then(
    () => console.log('loaded'),
    (e) => console.log(e.name, '|', e.message, '|', e.hint ?? ''))`;
  const again = `try { require('nearmetal'); console.log('loaded') }
    catch (e) { console.log(e.name) }`;
  check(
    `${name}: import throws UnsupportedError`,
    node([...before, '-e', code], { env: { ...process.env, ...env } }),
    'UnsupportedError |',
  );
  check(
    `${name}: require throws UnsupportedError`,
    node([...before, '-e', again], { env: { ...process.env, ...env } }),
    'UnsupportedError',
  );
}

/** What a machine without Linux, without an addon, and without a compiler sees. */
function elsewhere(tarball, env) {
  const other = `data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`;
  refused('not Linux', ['--import', other]);
  const place = project('elsewhere');
  const args = ['--import', other, NPM, 'install', tarball, '--prefer-offline', ...QUIET];
  // The script is a process of its own, which has to be told as well.
  const there = { ...process.env, NODE_OPTIONS: `--import ${other}` };
  check('not Linux: npm install succeeds', node(args, { cwd: place, env: there }));
  const compiled = existsSync(join(place, 'node_modules/nearmetal/build'));
  check('not Linux: nothing is compiled', { code: compiled ? 1 : 0, output: '' });

  for (const name of ['build', 'prebuilds']) {
    rmSync(join(installed, name), { recursive: true, force: true });
  }
  refused('no addon', []);

  const result = node([join(installed, 'scripts/install.mjs')], { env });
  check(
    'no compiler: the install script says what is missing and succeeds',
    result,
    'missing: g++',
  );
  refused('no compiler', []);
}

const prepared = run(process.execPath, ['scripts/ensure-built.mjs']);
if (check('build', prepared)) {
  const tarball = pack();
  size(tarball);
  check('publint', tool('publint', ['run', tarball, '--strict']), 'All good');
  check('attw', tool('attw', [tarball, '--no-color', '--format', 'ascii']), 'No problems found');
  if (existsSync(tarball) && install(tarball)) {
    load();
    types();
    const env = withoutCompiler();
    elsewhere(tarball, env);
    prebuilt(tarball, env);
  }
}
rmSync(folder, { recursive: true, force: true });
console.log(`package check: ${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
