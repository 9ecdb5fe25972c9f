/**
 * After `npm install`: an addon that loads is kept, else one is compiled, else this says why not.
 */
import { spawnSync } from 'node:child_process';
import { missingTools, root, runNodeGyp } from './native-build.mjs';

const fromSource = process.env.npm_config_build_from_source === 'true';

function loads() {
  const code = `require('node-gyp-build')(${JSON.stringify(root)})`;
  return spawnSync(process.execPath, ['-e', code], { cwd: root, stdio: 'ignore' }).status === 0;
}

function explain(code) {
  const missing = missingTools();
  console.warn(`nearmetal: the native addon could not be built (node-gyp ended with ${code}).`);
  if (missing.length > 0) {
    console.warn(
      `nearmetal: missing: ${missing.join(', ')} (Debian: apt-get install ${missing.join(' ')})`,
    );
  }
  console.warn(
    'nearmetal: importing it will throw UnsupportedError. Try again with: npm rebuild nearmetal',
  );
}

if (process.platform === 'linux' && (fromSource || !loads())) {
  const code = runNodeGyp(['rebuild', '--jobs', 'max']);
  if (code !== 0) explain(code);
}
