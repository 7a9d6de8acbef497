// @ts-check
/** What a network takes for what: a table whose fields open the test pictures behind them. */

import { html, nothing } from '../vendor/lit-html-3.3.3/lit-html.js';
import { round } from './charts.js';
import { missing } from './panel.js';
import { explain, json, query } from './service.js';
import * as state from './state.js';
import { exactly, labelOf, t } from './text.js';

/** @typedef {import('./measured.js').Report} Report */
/** @typedef {{of: number, pictures: {place: number, png: string}[], error: unknown}} Opened */

const PAGE = 40; // pictures asked for at a time
const STEPS = [0.005, 0.02, 0.08, 0.5]; // shares of a row at which the colour changes

/** The open field's pictures, and whose they are. @type {{asked: string, found: Opened | null}} */
let open = { asked: '', found: null };

/** A class as the page's reader calls it. @param {Report} report @param {number} index */
const label = (report, index) => labelOf(report.dataset, index, report.classes[index]);

/** @param {number} share of a row */
const step = (share) => (share === 0 ? 0 : 1 + STEPS.filter((least) => share > least).length);

/** The table. @param {Report & {confusion: number[][]}} report */
export function matrix(report) {
  const cell = state.get('cell');
  const first = report.confusion.flatMap((row, is) => row.flatMap((count, said) => (count && is !== said ? [`${is}-${said}`] : [])))[0];
  const reached = isThere(report, cell) ? cell : first; // Tab comes to one field, the arrow keys to the others
  return html`<table class="confusion ${report.dataset === 'mnist' ? 'digits' : ''}" @keydown=${onKey}>
    <caption class="unseen">${t('lineup.confusion.caption', { network: report.title })}</caption>
    <thead><tr>
      <th scope="col"><span class="unseen">${t('lineup.confusion.is')}</span></th>
      ${report.classes.map((_, said) => html`<th scope="col"><span>${label(report, said)}</span></th>`)}
    </tr></thead>
    <tbody>
      ${report.confusion.map((row, is) => {
        const all = row.reduce((sum, count) => sum + count, 0);
        return html`<tr>
          <th scope="row">${label(report, is).replace('/', '/\u200b')}</th>
          ${row.map((count, said) => field(report, is, said, count, count / (all || 1), cell, reached))}
        </tr>`;
      })}
    </tbody>
  </table>`;
}

/** @param {Report} report @param {number} is @param {number} said @param {number} count @param {number} share @param {string} open @param {string} reached */
function field(report, is, said, count, share, open, reached) {
  const tint = `tint-${step(share)}`;
  if (is === said || !count) return html`<td class=${`${tint} ${count > 999 ? 'long' : ''}`}>${count ? exactly(count) : html`<span class="zero">0</span>`}</td>`;
  const name = `${is}-${said}`;
  const told = t('lineup.confusion.field', { count, is: label(report, is), said: label(report, said) });
  return html`<td class=${tint}><button data-cell=${name} title=${told} aria-label=${told} aria-expanded=${String(open === name)}
    aria-controls="mistakes" tabindex=${name === reached ? 0 : -1} @click=${() => state.set({ cell: open === name ? '' : name })}>${exactly(count)}</button></td>`;
}

/** Arrow keys go to the next field that can be opened. @param {KeyboardEvent} event */
function onKey(event) {
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  const here = /** @type {HTMLElement} */ (event.target).dataset?.cell;
  if (!step || !here) return;
  event.preventDefault();
  const table = /** @type {HTMLElement} */ (event.currentTarget);
  let [is, said] = here.split('-').map(Number);
  for (;;) {
    is += step[0];
    said += step[1];
    if (is < 0 || is > 9 || said < 0 || said > 9) return;
    const next = /** @type {HTMLElement | null} */ (table.querySelector(`[data-cell="${is}-${said}"]`));
    if (!next) continue;
    for (const button of table.querySelectorAll('button')) button.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    return;
  }
}

/** @param {Report} report @param {string} cell */
function isThere(report, cell) {
  const [is, said] = cell.split('-').map(Number);
  return is !== said && Boolean(report.confusion?.[is]?.[said]);
}

/** The pictures of the field that is open; they are asked for when they are not there. @param {Report} report @param {() => void} redraw */
export function mistakes(report, redraw) {
  const cell = state.get('cell');
  if (report.missing.mistakes) return missing([report.missing.mistakes]);
  if (report.missing.pictures) return missing([report.missing.pictures], t('lineup.mistakes.away'));
  if (!isThere(report, cell)) open = { asked: '', found: null }; // so that it is asked for anew
  if (!isThere(report, cell)) return html`<p class="muted">${t('lineup.mistakes.choose')}</p>`;
  const asked = `${report.model} ${report.dataset} ${report.digest} ${cell}`;
  if (open.asked !== asked) {
    open = { asked, found: null };
    more(report, cell, redraw);
  }
  const [is, said] = cell.split('-').map(Number);
  const names = { is: label(report, is), said: label(report, said) };
  return html`<h4>${t('lineup.mistakes.title', { is: names.is, said: names.said, count: exactly(report.confusion?.[is][said] ?? 0) })}</h4>
    ${open.found ? opened(open.found, () => more(report, cell, redraw)) : html`<p class="muted">${t('lineup.loading')}</p>`}`;
}

/** @param {Opened} found @param {() => void} more */
function opened(found, more) {
  if (found.error) {
    const { told, detail } = explain(found.error);
    return html`<p class="notice">${told} <span lang="en">${detail}</span></p>`;
  }
  const rest = found.of - found.pictures.length;
  return html`<ul class="mistakes">
      ${found.pictures.map(({ place, png }) => html`<li><img src="data:image/png;base64,${png}" width="56" height="56"
        alt=${t('lineup.mistakes.picture', { place })} title=${t('lineup.mistakes.picture', { place })}></li>`)}
    </ul>
    ${rest > 0 ? html`<button @click=${more}>${t('lineup.mistakes.more', { count: exactly(rest) })}</button>` : nothing}`;
}

/** Ask for the next pictures of a field. @param {Report} report @param {string} cell @param {() => void} redraw */
async function more(report, cell, redraw) {
  const [is, said] = cell.split('-');
  const { asked, found: before } = open;
  const shown = before?.pictures ?? [];
  /** @type {Opened} */
  let found;
  try {
    const told = await json(`models/${report.model}/mistakes${query({ dataset: report.dataset, is, said, offset: String(shown.length), limit: PAGE })}`);
    found = { of: told.of, pictures: [...shown, ...told.pictures], error: null };
  } catch (error) {
    found = { of: 0, pictures: shown, error };
  }
  if (open.asked !== asked) return; // another field was opened meanwhile
  open = { asked, found };
  redraw();
}

/** What the colours mean. */
export function legend() {
  const ends = ['0', ...STEPS.map(round), round(1)];
  return html`<ul class="legend" aria-label=${t('lineup.confusion.legend')}>
    ${ends.slice(1).map((end, place) => html`<li><span class="swatch tint-${place + 1}"></span>${t('lineup.confusion.upto', { share: end })}</li>`)}
  </ul>`;
}
