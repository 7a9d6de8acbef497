// @ts-check
/** What a network is made of: its stages and layers as a table, and where its parameters and multiply-adds sit. */

import { html, nothing, svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import { about, exactly, percent, t } from './text.js';

/** @typedef {import('./inside.js').Table} Table */
/** @typedef {import('./inside.js').Stage} Stage */
/** @typedef {import('./inside.js').Layer} Layer */
/** @typedef {import('./inside.js').Part} Part */
/**
 * @typedef {object} Shown
 * @property {Part} part the one whose feature maps are shown
 * @property {Map<string, boolean>} opened the stages that somebody opened or closed
 * @property {(name: string) => void} choose show the maps of a part
 * @property {(name: string, open: boolean) => void} toggle show or hide a stage's layers
 */

const KINDS =
  /dense block layer|inception path|residual path|shortcut|global average pool|average pool|max pool|batch norm|concatenation|addition|sigmoid|linear|conv|channels/g;
const LETTER = 7.5; // CSS pixels of a letter of a name

/** [96, 54, 54] -> "96×54×54" @param {number[]} shape */
export const shapeOf = (shape) => shape.join('×');

/** What a layer is, in the page's language: "conv 11x11/4, 96 channels". @param {string} kind */
export function kindOf(kind) {
  const told = kind.replace(KINDS, (word) => t(`inside.kind.${word}`));
  return told.replace(/(\d)x(\d)/g, '$1×$2').replace(/(\d) to (\d)/g, '$1 → $2');
}

/** Two bars, each the whole network from its first layer to its last. @param {Table} it @param {Part} part @param {Shown['choose']} choose @param {number} room CSS pixels */
export function costs(it, part, choose, room) {
  return html`<div class="costs" aria-hidden="true">${(/** @type {const} */ (['parameters', 'macs'])).map((what) => cost(it, what, part, choose, room))}</div>`;
}

/** @param {Table} it @param {'parameters' | 'macs'} what @param {Part} part @param {Shown['choose']} choose @param {number} room */
function cost(it, what, part, choose, room) {
  let from = 0;
  const pieces = it.stages.flatMap((stage, number) =>
    stage.layers.map((layer) => {
      const share = layer[what] / it[what];
      const piece = segment({ layer, share, from, odd: number % 2 === 1, chosen: layer === part || stage === part, choose, room });
      from += share;
      return share ? piece : nothing;
    }),
  );
  return html`<p>${t(`inside.${what}`)} <span class="muted">${about(it[what])}</span></p>
    <svg width="100%" height="44">${pieces}</svg>`;
}

/** @param {{layer: Layer, share: number, from: number, odd: boolean, chosen: boolean, choose: Shown['choose'], room: number}} piece */
function segment({ layer, share, from, odd, chosen, choose, room }) {
  const middle = `${100 * (from + share / 2)}%`;
  const names = svg`<text x=${middle} y="18">${layer.name}</text><text x=${middle} y="35">${percent(share)}</text>`;
  return svg`<g class="segment ${odd ? 'odd' : ''} ${chosen ? 'chosen' : ''}" @click=${() => choose(layer.name)}>
    <title>${layer.name}: ${kindOf(layer.kind)}, ${percent(share)}</title>
    <rect x="${100 * from}%" width="${100 * share}%" height="44"></rect>${share * room > LETTER * Math.max(6, layer.name.length) ? names : nothing}
  </g>`;
}

/** @param {Table} it @param {Shown} shown */
export function table(it, shown) {
  return html`<div class="parts">
    <h3 id="inside-parts">${t('inside.parts')}</h3>
    <table aria-labelledby="inside-parts">
      <thead><tr>${['part', 'shape', 'parameters', 'macs'].map((name) => html`<th scope="col">${t(`inside.${name}`)}</th>`)}</tr></thead>
      ${it.stages.map((stage) => rows(stage, it, shown))}
      <tfoot><tr><th scope="row">${t('inside.total')}</th><td></td><td title=${exactly(it.parameters)}>${about(it.parameters)}</td><td title=${exactly(it.macs)}>${about(it.macs)}</td></tr></tfoot>
    </table>
  </div>`;
}

/** @param {Stage} stage @param {Table} whole @param {Shown} shown */
function rows(stage, whole, shown) {
  const open = shown.opened.get(stage.name) ?? [stage, ...stage.layers].some((one) => one === shown.part);
  const name = t('inside.layers', { stage: stage.name, count: stage.layers.length });
  const toggle = html`<button class="toggle" aria-expanded=${open} aria-label=${name} title=${name} @click=${() => shown.toggle(stage.name, !open)}>${open ? '▾' : '▸'}</button>`;
  return html`<tbody data-stage=${stage.name}>
    ${row(stage, '', toggle, whole, shown)}
    ${open ? stage.layers.map((layer) => row(layer, kindOf(layer.kind), nothing, whole, shown)) : nothing}
  </tbody>`;
}

/** @param {Part} it @param {string} kind @param {unknown} toggle @param {Table} whole @param {Shown} shown */
function row(it, kind, toggle, whole, { part, choose }) {
  return html`<tr class=${kind ? 'layer' : 'stage'}>
    <th scope="row">
      ${toggle}<button class="part" aria-pressed=${it === part} title=${t('inside.show', { part: it.name })} @click=${() => choose(it.name)}>${it.name}</button>
      ${kind && html`<span class="kind">${kind}</span>`}
    </th>
    <td>${shapeOf(it.shape)}</td>
    <td>${amount(it.parameters, whole.parameters)}</td>
    <td>${amount(it.macs, whole.macs)}</td>
  </tr>`;
}

/** @param {number} count @param {number} all */
function amount(count, all) {
  if (!count) return html`<span class="muted">0</span>`;
  return html`<span title="${exactly(count)} (${percent(count / all)})">${about(count)}</span>
    <svg class="share" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width=${(100 * count) / all} height="1"></rect></svg>`;
}
