/** What this kernel offers to nearmetal, in the few lines that a reader of figures wants. */
import { features } from 'nearmetal/features';

/** What the fast paths rest on; the rest is `npx nearmetal doctor`'s. */
const wanted = [
  'setup:SINGLE_ISSUER',
  'setup:DEFER_TASKRUN',
  'setup:NO_SQARRAY',
  'register:PBUF_RING',
  'op:SEND_ZC',
];

function countSupported(table: Readonly<Record<string, { readonly supported: boolean }>>): string {
  const all = Object.values(table);
  const count = all.filter(({ supported }) => supported).length;
  return `${count} of ${all.length} operations known to us`;
}

export function kernelFacts(): [name: string, value: string][] {
  const { available, detail, hint } = features.ioUring;
  if (!available) {
    const facts: [string, string][] = [['io_uring', `refused: ${detail ?? 'no reason found'}`]];
    if (hint !== undefined) facts.push(['to do', hint]);
    return facts;
  }
  const [yes, no]: [string[], string[]] = [[], []];
  for (const name of wanted) (features.get(name)?.supported ? yes : no).push(name);
  const facts: [string, string][] = [
    ['io_uring', `available, ${countSupported(features.op)}`],
    ['fast paths', yes.join(', ')],
  ];
  if (no.length > 0) facts.push(['without', `${no.join(', ')} (npx nearmetal doctor says why)`]);
  return facts;
}
