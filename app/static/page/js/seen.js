// @ts-check
/**
 * What the networks see: the picture after preparation, and beside it what a page would have sent that does not prepare;
 * and what the seven say of both. Asked for while it is in view, once the cards have all answered.
 */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import * as answers from './answers.js';
import { call, canvas, naive, paint } from './grey.js';
import { noticeAt } from './notice.js';
import * as picture from './picture.js';
import { json, networks, query, whenTold } from './service.js';
import { told } from './steps.js';
import { labelOf, percent, t } from './text.js';

/** @typedef {import('./service.js').Prediction} Prediction */
/** @typedef {Map<string, Prediction>} Predictions */
/** @typedef {{pixels: import('./grey.js').Pixels, steps: string[], of: Predictions}} Side */
/** @typedef {'prepared' | 'sent'} Which */
/** @typedef {Record<Which, Side | null>} Both */

const WHICH = /** @type {Which[]} */ (['prepared', 'sent']);
const large = canvas(t('seen.picture_prepared'));
const small = { prepared: canvas(), sent: canvas() };
const notice = Object.assign(document.createElement('p'), { className: 'notice', hidden: true });
notice.setAttribute('role', 'alert');
const { complain, content } = noticeAt(notice);

/** @type {HTMLElement} */
let place;
/** @type {import('./service.js').Network[]} */
let known = [];
/** @type {Both} */
let both = { prepared: null, sent: null };
/** @type {Which} */
let chosen = 'prepared';
let inView = false;
/** What was asked about last. @type {answers.Answers | null} */
let asked = null;
let stop = new AbortController();
let timer = 0;

/** @param {HTMLElement} section */
export async function open(section) {
  place = section;
  draw();
  answers.watch(consider);
  picture.watch((it) => (it && both.prepared) || draw());
  new IntersectionObserver((entries) => {
    inView = entries[entries.length - 1].isIntersecting;
    consider();
  }).observe(section);
}

/** Ask where there is something to ask about, and give up what is about another picture. */
function consider() {
  const now = answers.now();
  if (now !== asked) {
    giveUp();
    place.classList.add('waits');
  }
  if (answers.isRefused()) {
    both = { prepared: null, sent: null };
    draw();
  }
  if (now && now !== asked && inView) look(now);
}

function giveUp() {
  stop.abort();
  clearTimeout(timer);
  content();
  asked = null;
}

/** @param {answers.Answers} it */
async function look(it) {
  asked = it;
  const { signal } = (stop = new AbortController());
  try {
    known = await networks();
    const body = await it.picture.blob();
    const [prepared, sent] = await Promise.all([asPrepared(it, body, signal), asSent(it, body, signal)]);
    if (signal.aborted) return;
    both = { prepared, sent };
    place.classList.remove('waits');
    draw();
  } catch (error) {
    if (!signal.aborted) fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  stop.abort(); // the other question, too
  const again = () => {
    giveUp();
    consider();
  };
  complain(error, again);
  timer = whenTold(error, again);
}

/** @param {answers.Answers} it @param {Blob} body @param {AbortSignal} signal @returns {Promise<Side>} */
async function asPrepared({ dataset, of }, body, signal) {
  const { pixels, steps } = await json(`prepare${query({ dataset })}`, { body, signal });
  return { pixels: pixels.flat(), steps: steps.map(told), of };
}

/** Null where the browser cannot open what the service can. @param {answers.Answers} it @param {Blob} body @param {AbortSignal} signal @returns {Promise<Side | null>} */
async function asSent({ dataset }, body, signal) {
  const made = await naive(body).catch(() => null);
  signal.throwIfAborted();
  if (!made) return null;
  const { results } = await json(`compare${query({ dataset, prepare: 'raw' })}`, { body: made.png, signal });
  const of = new Map(results.map((/** @type {Prediction} */ one) => [one.model, one]));
  return { pixels: made.pixels, steps: [t('seen.step.sent')], of };
}

function draw() {
  const side = both[chosen] ?? both.prepared;
  paint(large, side?.pixels ?? null);
  call(large, t(`seen.picture_${both[chosen] ? chosen : 'prepared'}`));
  for (const which of WHICH) paint(small[which], both[which]?.pixels ?? null);
  const comes = picture.now() !== null && !answers.isRefused();
  render(
    html`<h2>${t('seen.title')}</h2>
      <p class="lede">${t('seen.lesson')}</p>
      ${notice} ${picture.now() && both.prepared ? looks(both.prepared, both.sent) : html`<p class="muted ${comes ? 'comes' : ''}">${t(comes ? 'seen.comes' : 'seen.none')}</p>`}`,
    place,
  );
}

/** @param {Side} prepared @param {Side | null} sent */
function looks(prepared, sent) {
  const side = (chosen === 'sent' && sent) || prepared;
  return html`<div class="look">
    <figure>
      <div class="tools" role="group" aria-label=${t('seen.switch')}>${WHICH.map((which) => choice(which, !both[which]))}</div>
      ${large}
      <figcaption><ol class="steps">${side.steps.map((step) => html`<li>${step}</li>`)}</ol></figcaption>
    </figure>
    ${sent ? comparison(prepared.of, sent.of) : html`<p>${t('seen.unopened')}</p>`}
  </div>`;
}

/** @param {Which} which @param {boolean} missing */
function choice(which, missing) {
  const choose = () => {
    chosen = which;
    draw();
  };
  return html`<button aria-pressed=${String(which === chosen)} ?disabled=${missing} @click=${choose}>
    <span aria-hidden="true">${small[which]}</span>${t(`seen.${which}`)}
  </button>`;
}

/** @param {Predictions} prepared @param {Predictions} sent */
function comparison(prepared, sent) {
  const both = known.filter(({ name }) => prepared.has(name) && sent.has(name));
  const changed = both.filter(({ name }) => prepared.get(name)?.index !== sent.get(name)?.index);
  const said = t(changed.length ? 'seen.changed' : 'seen.unchanged', { changed: changed.length, of: both.length });
  return html`<div class="beside">
    <p class="score" aria-live="polite">${said}</p>
    <div class="scroll">
      <table>
        <caption class="unseen">${t('seen.table')}</caption>
        <thead><tr><th scope="col">${t('seen.network')}</th>${WHICH.map((which) => html`<th scope="col">${t(`seen.${which}`)}</th>`)}</tr></thead>
        <tbody>
          ${known.map(({ name, title }) => html`<tr class=${changed.some((one) => one.name === name) ? 'changed' : ''}>
              <th scope="row">${title}</th><td>${answer(prepared.get(name))}</td><td>${answer(sent.get(name))}</td>
            </tr>`)}
        </tbody>
      </table>
    </div>
  </div>`;
}

/** @param {Prediction | undefined} prediction */
function answer(prediction) {
  if (!prediction) return '–';
  const { dataset, index, label, confidence } = prediction;
  return html`<strong>${labelOf(dataset, index, label)}</strong> <span class="muted">${percent(confidence)}</span>`;
}
