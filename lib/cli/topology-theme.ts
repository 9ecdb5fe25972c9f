/** The colours of the picture, for a light and a dark ground; each pair is readable on its own. */

/** 'auto' follows the viewer's setting, where the viewer has one, and is light elsewhere. */
export type Theme = 'auto' | 'light' | 'dark';

type Colours = Readonly<Record<string, readonly [fill: string, stroke: string]>>;

const LIGHT: Colours = {
  ground: ['#ffffff', 'none'],
  machine: ['#f6f8fa', '#d0d7de'],
  package: ['#ffffff', '#afb8c1'],
  die: ['#f6f8fa', '#d0d7de'],
  cluster: ['#f6f8fa', '#d0d7de'],
  node: ['#d5f2dc', '#4ac26b'],
  cache3: ['#c8e1ff', '#6cb0f5'],
  cache2: ['#ddeeff', '#8fc4f8'],
  cache1: ['#eef6ff', '#a8d1fa'],
  core: ['#fff8e6', '#d9b44a'],
  performance: ['#ffe9d6', '#e08a3c'],
  middle: ['#fff8e6', '#d9b44a'],
  efficiency: ['#d9f5f2', '#3aa89c'],
  'low-power': ['#e9eefb', '#7f95cf'],
  cpu: ['#ffffff', '#8c959f'],
  isolated: ['#f3e8ff', '#8250df'],
  forbidden: ['#eaeef2', '#afb8c1'],
  tickless: ['#8250df', 'none'],
};

const DARK: Colours = {
  ground: ['#0d1117', 'none'],
  machine: ['#151b23', '#30363d'],
  package: ['#0d1117', '#484f58'],
  die: ['#151b23', '#30363d'],
  cluster: ['#151b23', '#30363d'],
  node: ['#12351f', '#2ea043'],
  cache3: ['#12355f', '#3b82d0'],
  cache2: ['#122b49', '#33659c'],
  cache1: ['#142338', '#2c4f78'],
  core: ['#33290f', '#9e7d23'],
  performance: ['#40270f', '#c4742a'],
  middle: ['#33290f', '#9e7d23'],
  efficiency: ['#0f322f', '#2a8d82'],
  'low-power': ['#1d2540', '#5b71ad'],
  cpu: ['#1f262e', '#6e7681'],
  isolated: ['#2d1f47', '#a371f7'],
  forbidden: ['#161b22', '#3d444d'],
  tickless: ['#a371f7', 'none'],
};

const INK = { light: ['#1f2328', '#59636e', '#848d97'], dark: ['#e6edf3', '#9ea7b3', '#6e7681'] };

const SHAPES = [
  'text{font:12px system-ui,-apple-system,"Segoe UI","Helvetica Neue","DejaVu Sans",sans-serif}',
  '.title{font-weight:600;font-size:13px}',
  '.bar,.number{text-anchor:middle}',
  '.number{font-weight:600;font-variant-numeric:tabular-nums}',
  '.isolated{stroke-width:2}',
  '.forbidden{stroke-dasharray:3 3}',
];

function rules(colours: Colours, [ink, faint, faintest]: readonly string[]): string {
  const boxes = Object.entries(colours).map(
    ([name, [fill, stroke]]) => `.${name}{fill:${fill};stroke:${stroke}}`,
  );
  const [, kept] = colours['isolated'] ?? [];
  const words = [
    `.isolated.forbidden{stroke:${kept}}`,
    `text{fill:${ink}}`,
    `.small{fill:${faint}}`,
    `.forbidden+.number{fill:${faintest}}`,
  ];
  return [...boxes, ...words].join('');
}

export function styleSheet(theme: Theme): string {
  const light = rules(LIGHT, INK.light);
  const dark = rules(DARK, INK.dark);
  if (theme === 'dark') return SHAPES.join('') + dark;
  const other = theme === 'auto' ? `@media(prefers-color-scheme:dark){${dark}}` : '';
  return SHAPES.join('') + light + other;
}
