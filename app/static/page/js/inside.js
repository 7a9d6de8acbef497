// @ts-check
/** The part that shows one network from within: what was new in it, what it is made of, what it makes of the picture. */

import { html, nothing, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { about } from './novelty.js';
import { Maps } from './maps.js';
import { noticeAt } from './notice.js';
import { json, networks, whenTold } from './service.js';
import { shapes } from './shapes.js';
import { dress } from './sheet.js';
import { costs, table } from './stages.js';
import * as state from './state.js';
import { t } from './text.js';

/** @typedef {import('./service.js').Network} Network */
/** @typedef {{name: string, shape: number[], parameters: number, macs: number}} Part a stage, or a layer of one */
/** @typedef {Part & {kind: string}} Layer */
/** @typedef {Part & {layers: Layer[]}} Stage */
/** @typedef {{model: string, input_size: number, stages: Stage[], parameters: number, macs: number}} Table */

/** @type {HTMLElement} */
let section;
/** @type {Maps} */
let maps;
/** @type {ReturnType<typeof noticeAt>} */
let notice;
/** @type {Network[]} */
let known = [];
/** @type {Map<string, Table>} */
const tables = new Map();
/** Stages that somebody opened or closed. @type {Map<string, boolean>} */
const opened = new Map();

/** @param {HTMLElement} it */
export async function open(it) {
  section = it;
  await dress('inside');
  draw();
  const place = (/** @type {string} */ name) => /** @type {HTMLElement} */ (section.querySelector(`.${name}`));
  notice = noticeAt(place('notice'));
  maps = new Maps(place('maps'));
  new ResizeObserver(() => section.clientWidth && draw()).observe(section);
  state.watch((changed) => {
    if (changed.has('network')) opened.clear();
    if (['network', 'stage', 'tab', 'dataset'].some((name) => changed.has(/** @type {state.Name} */ (name)))) load();
  });
  load();
}

/** Ask for what is not there yet, and show the network that the state names. */
async function load() {
  if (state.get('tab') !== 'inside') return;
  try {
    known = await networks();
    const { name } = chosen();
    draw();
    if (!tables.has(name)) tables.set(name, await json(`models/${name}/stages`));
    notice.content();
  } catch (error) {
    notice.complain(error, load);
    whenTold(error, load);
  }
  draw();
  const it = known.length ? tables.get(chosen().name) : null;
  if (it) maps.show(it, partOf(it));
}

/** The network that the state names; the last one where it names none of them. */
const chosen = () => known.find(({ name }) => name === state.get('network')) ?? known[known.length - 1];

/** The part whose maps are shown: the one that the state names, else the first layer. @param {Table} it @returns {Part} */
function partOf(it) {
  const named = it.stages.flatMap((stage) => [stage, ...stage.layers]).find(({ name }) => name === state.get('stage'));
  return named ?? it.stages[0].layers[0];
}

function draw() {
  const it = known.length ? chosen() : null;
  const stages = it && tables.get(it.name);
  render(
    html`
      <nav class="timeline" aria-label=${t('inside.networks')}>${known.map((one) => moment(one, one === it))}</nav>
      <p class="notice" role="alert" hidden></p>
      ${it ? about(it, known[known.indexOf(it) - 1] ?? null) : html`<p class="muted">${t('inside.loading')}</p>`}
      ${stages ? html`<section aria-labelledby="inside-where"><h3 id="inside-where">${t('inside.where')}</h3>${costs(stages, partOf(stages), choose, section.clientWidth)} ${shapes(stages, partOf(stages), choose)}</section>` : nothing}
      <div class="halves">
        <section class="maps" aria-label=${t('inside.maps')}></section>
        ${stages ? table(stages, { part: partOf(stages), opened, choose, toggle }) : nothing}
      </div>
    `,
    section,
  );
}

/** @param {Network} network @param {boolean} pressed */
function moment({ name, title, year }, pressed) {
  const show = () => state.set({ network: name, stage: '' }, { enter: true });
  return html`<button aria-pressed=${pressed} data-network=${name} @click=${show}><span class="year">${year}</span> ${title}</button>`;
}

/** @param {string} name */
function choose(name) {
  state.set({ stage: name }, { enter: true });
  section.querySelector('.maps')?.scrollIntoView({ block: 'nearest' });
}

/** @param {string} name @param {boolean} open */
function toggle(name, open) {
  opened.set(name, open);
  draw();
}
