// @ts-check
/** The steps of the service's preparation in words: see models/intake. */

import { has, percent, t } from './text.js';

/** @typedef {{name: string, parameters: Record<string, any>}} Step */

/** What tells steps of one name apart. @type {Record<string, (parameters: Record<string, any>) => string>} */
const KINDS = {
  ground: ({ kind, ink }) => kind ?? ink,
  stroke: ({ width, wanted }) => (wanted > width ? 'wider' : wanted < width ? 'thinner' : 'as_it_is'),
};

/** One of them in the page's language; in the service's words where it is not known. @param {Step} step */
export function told({ name, parameters }) {
  const kind = KINDS[name]?.(parameters);
  const text = `seen.step.${name}${kind ? `.${kind}` : ''}`;
  const values = Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, shown(key, value)]));
  if (has(text)) return t(text, values);
  const others = Object.entries(values).map(([key, value]) => `${key} ${value}`);
  return [name, ...others].join(', ');
}

/** @param {string} key @param {any} value */
function shown(key, value) {
  if (key === 'share' || key === 'level') return percent(value);
  if (key === 'box') return `${value[2] - value[0]}×${value[3] - value[1]}`;
  if (Array.isArray(value)) return value.join('×');
  if (key === 'dropped') return value.lines + value.others;
  if (key === 'name') return t(`seen.colour.${value}`);
  return value;
}
