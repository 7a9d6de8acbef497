// @ts-check
/** The part that tells what was measured of the seven: accuracy, what it costs, how they learned, what they mistake. */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { ask, begin, known, loading } from './measured.js';
import { noticeAt } from './notice.js';
import * as panels from './panels.js';
import { whenTold } from './service.js';
import { dress } from './sheet.js';
import * as state from './state.js';
import { t } from './text.js';
import { trust } from './trust.js';

const DATASETS = ['mnist', 'fashion-mnist'];
const SHOWN = new Set(['tab', 'measured', 'network', 'cell']);
const GAP = 24; // between two panels, in the charts' units: 16 to the rem
const LATER_MS = 2000;
const INSET = 34; // of a panel, both sides together

/** Why there is nothing to be shown. */
const notice = Object.assign(document.createElement('p'), { className: 'notice', hidden: true });
notice.setAttribute('role', 'alert');
const { complain, content } = noticeAt(notice);

/** @type {HTMLElement} */
let here;
let timer = 0;

/** @param {HTMLElement} section */
export async function open(section) {
  here = section;
  await dress('lineup');
  new ResizeObserver(draw).observe(section);
  state.watch((changed) => {
    if (changed.has('measured')) ask(dataset(), draw);
    if ([...changed].some((name) => SHOWN.has(name))) draw();
  });
  load();
}

function load() {
  clearTimeout(timer);
  content();
  draw();
  look();
}

/** Ask, and again as long as the service loads. */
async function look() {
  try {
    await begin();
    ask(dataset(), draw);
    if (loading()) timer = setTimeout(look, LATER_MS);
  } catch (error) {
    complain(error, load);
    timer = whenTold(error, load);
  }
  draw();
}

const dataset = () => (DATASETS.includes(state.get('measured')) ? state.get('measured') : 'fashion-mnist');
const network = () => (known?.some(({ name }) => name === state.get('network')) ? state.get('network') : known?.[0]?.name ?? '');

/** How wide a chart may be where so many stand beside each other, in its own units. @param {number} columns */
function widthOf(columns) {
  const all = here.clientWidth / rem();
  return Math.round((all - GAP * (columns - 1)) / columns - INSET);
}

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

/** How many of `most` panels have room beside each other. @param {number} most @param {number} least units that each needs */
const columnsOf = (most, least) => Math.max(1, Math.min(most, Math.floor((here.clientWidth / rem() + GAP) / (least + GAP))));

function draw() {
  if (!here.clientWidth) return; // another part is shown
  if (!notice.hidden) render(notice, here);
  else render(known ? shown() : html`<p class="muted">${t('lineup.loading')}</p>`, here);
}

function shown() {
  const [two, three] = [columnsOf(2, 400), columnsOf(3, 330) === 3 ? 3 : 1];
  return html`
    <div class="intro"><h2>${t('lineup.title')}</h2><p>${t('lineup.intro')}</p></div>
    <div class="row columns-${two}">${DATASETS.map((one) => panels.accuracy(one, widthOf(two)))}</div>
    <p class="muted">${t('lineup.accuracy.note')}</p>
    <div class="choices" role="group" aria-label=${t('lineup.choices')}>
      <label class="choice">${t('lineup.dataset')}
        <select id="measured" @change=${choose('measured')}>
          ${DATASETS.map((one) => html`<option value=${one} .selected=${one === dataset()}>${t(`lineup.${one}`)}</option>`)}
        </select>
      </label>
      <label class="choice">${t('lineup.network')}
        <select id="measured-network" @change=${choose('network')}>
          ${(known ?? []).map(({ name, title, year }) => html`<option value=${name} .selected=${name === network()}>${title}, ${year}</option>`)}
        </select>
      </label>
    </div>
    <h2>${t('lineup.cost.title')}</h2>
    <p class="muted">${t('lineup.cost.note')}</p>
    <div class="row columns-${three}">${panels.costs(dataset(), widthOf(three))}</div>
    <div class="row columns-1">${panels.beyond(dataset(), widthOf(1))}</div>
    <h2>${t('lineup.one', { network: panels.unbroken(known?.find(({ name }) => name === network())?.title ?? '') })}</h2>
    <div class="row columns-1">${panels.confusion(dataset(), network(), draw)}</div>
    <div class="row columns-${two}">${trust(dataset(), network(), widthOf(two))}</div>
    <div class="row columns-${two}">${panels.curves(dataset(), network(), widthOf(two))}</div>`;
}

/** @param {'measured' | 'network'} name */
function choose(name) {
  return (/** @type {Event} */ event) => state.set({ [name]: /** @type {HTMLSelectElement} */ (event.target).value, cell: '' }, { enter: true });
}
