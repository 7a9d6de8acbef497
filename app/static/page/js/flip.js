// @ts-check
/** "Make it a 9": how few dabs of ink each network needs to change its mind, and where they are. */

import { html, nothing, render, svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import * as answers from './answers.js';
import { agreementOf } from './cards.js';
import { Flips } from './flips.js';
import { call, canvas, paint } from './grey.js';
import { noticeAt } from './notice.js';
import { networks } from './service.js';
import { labelOf, listed, percent, t } from './text.js';

/** @typedef {import('./service.js').Network} Network */
/** @typedef {import('./flips.js').Flip} Flip */

const REACH = 1.6; // pixels from a dab's centre to where half of its ink is
const [NINE, OTHER] = [9, 4]; // what a picture is to become; the other where it is a 9 already

const notice = Object.assign(document.createElement('p'), { className: 'notice', hidden: true });
notice.setAttribute('role', 'alert');
const { complain, content } = noticeAt(notice);
const flips = new Flips({ changed: draw, busy: (error) => (error ? complain(error) : content()), failed: complain });

/** @type {HTMLElement} */
let place;
/** @type {Network[]} */
let known = [];
const large = canvas(t('flip.title'));
/** @type {Map<string, HTMLCanvasElement>} */
let small = new Map();
/** What the searches are about; they stay so while newer answers are of the same. @type {answers.Answers | null} */
let about = null;
/** The wanted class; null: what is proposed. @type {number | null} */
let wanted = null;
/** Whose picture is shown large; '': see foremost. */
let chosen = '';

/** @param {HTMLElement} section */
export async function open(section) {
  place = section;
  answers.watch(follow);
  follow(answers.now());
  try {
    await meet();
  } catch {
    return; // draw.js says so, and asks again
  }
  draw();
}

/** Know the networks that are to be asked. */
async function meet() {
  if (known.length) return;
  known = await networks();
  small = new Map(known.map(({ name }) => [name, canvas()]));
}

/** Of the same picture, taken for the same: all are asked again as long as one of the networks loads. @param {answers.Answers | null} one @param {answers.Answers | null} other */
const alike = (one, other) => one?.picture === other?.picture && one?.dataset === other?.dataset;

/** Another picture: whatever is known of the last one is of no use. Of the same, newer answers are for the next search. @param {answers.Answers | null} it */
function follow(it) {
  if (it && flips.each.size && alike(it, about)) return draw();
  if (it && it.dataset !== about?.dataset) wanted = null;
  about = it ?? about;
  forget();
}

function forget() {
  chosen = '';
  content();
  flips.clear();
}

/** The classes by their place. @param {answers.Answers} it @returns {{index: number, label: string}[]} */
function classes({ of }) {
  const [one] = of.values();
  return one ? [...one.predictions].sort((a, b) => a.index - b.index).map(({ index, label }) => ({ index, label: labelOf(one.dataset, index, label) })) : [];
}

/** @param {answers.Answers} it */
function target(it) {
  return wanted ?? (agreementOf([...it.of.values()], it.tail.agreement)?.index === NINE ? OTHER : NINE);
}

async function start() {
  const asked = answers.now();
  if (!asked) return;
  chosen = '';
  content();
  await meet(); // draw.js has them by now, or there were no answers
  const body = await asked.picture.blob();
  const it = answers.now(); // who had not loaded yet at the last search may have answered since
  if (!it || !alike(asked, it)) return;
  about = it;
  await flips.start(known, { body, dataset: it.dataset, to: target(it) });
}

function halt() {
  content();
  flips.stop();
}

function draw() {
  if (!place) return;
  const newest = answers.now();
  const now = newest && about;
  const shown = chosen || foremost();
  const flip = flips.each.get(shown);
  for (const [name, at] of small) paint(at, flips.each.get(name)?.after ?? null);
  paint(large, flip?.after ?? null);
  if (flip) call(large, t('flip.picture', { network: titleOf(shown) }));
  render(
    html`<h2>${t('flip.title')}</h2>
      <p class="lede">${t('flip.lesson')}</p>
      ${newest && now ? controls(flips.running ? now : newest) : html`<p class="muted">${t('flip.none')}</p>`} ${notice}
      ${now && flips.each.size ? results(now, shown, flip) : nothing}`,
    place,
  );
}

/** @param {answers.Answers} it */
function controls(it) {
  const choose = (/** @type {Event} */ event) => {
    wanted = Number(/** @type {HTMLSelectElement} */ (event.target).value);
    forget();
  };
  return html`<div class="tools">
    <label class="choice">${t('flip.to')}
      <select @change=${choose}>
        ${classes(it).map(({ index, label }) => html`<option value=${index} ?selected=${index === target(it)}>${label}</option>`)}
      </select>
    </label>
    <button class="main" ?disabled=${flips.running} @click=${start}>${t('flip.start')}</button>
    <button ?disabled=${!flips.running} @click=${halt}>${t('flip.stop')}</button>
  </div>`;
}

/** @param {answers.Answers} it @param {string} shown @param {Flip | undefined} flip */
function results(it, shown, flip) {
  return html`<p class="score" aria-live="polite">${flips.running ? '' : score()}</p>
    <div class="look">
      <figure>
        <div class="dabbed">${large}${flip && marks(flip)}</div>
        <figcaption>${flip?.first ? caption(it, shown, flip) : nothing}</figcaption>
      </figure>
      <ol class="flips">${known.map((network) => row(it, network, network.name === shown))}</ol>
    </div>`;
}

/** @param {answers.Answers} it @param {Network} network @param {boolean} pressed */
function row(it, { name, title, year }, pressed) {
  const flip = flips.each.get(name);
  if (!flip) return nothing;
  const choose = () => {
    chosen = name;
    draw();
  };
  return html`<li class=${flip.state}>
    <button aria-pressed=${String(pressed)} ?disabled=${!flip.after} @click=${choose}>
      <span class="dabbed">${small.get(name)}${marks(flip)}</span>
      <span class="who"><strong>${title}</strong> ${year}</span>
      <span class="count">${flip.state === 'done' && flip.flipped ? dabs(flip.dabs.length) : ''}</span>
      <span class="how">${progress(it, flip)}</span>
    </button>
  </li>`;
}

/** @param {answers.Answers} it @param {Flip} flip */
function progress(it, flip) {
  const { state, dabs: made, said, problem, flipped, late, towards } = flip;
  const wished = classes(it).find(({ index }) => index === target(it))?.label ?? '';
  if (problem) return html`${problem.told} <span lang="en">${problem.detail}</span>`;
  if (state === 'waits' || !said) return t(flips.running ? 'flip.waits' : 'flip.stopped');
  if (state === 'works') return t('flip.works', { dabs: dabs(made.length), share: percent(towards), label: wished });
  if (!flipped) return t(late ? 'flip.late' : 'flip.kept', { dabs: dabs(made.length), share: percent(towards), label: wished });
  return made.length ? t('flip.says', saying(it, said)) : t('flip.already', saying(it, said));
}

/** @param {answers.Answers} it @param {import('./flips.js').Said} said */
function saying({ dataset }, { index, label, confidence }) {
  return { label: labelOf(dataset, index, label), share: percent(confidence) };
}

/** @param {number} count */
const dabs = (count) => t(count === 1 ? 'flip.dab' : 'flip.dabs', { count });

/** Where the dabs are. @param {Flip} flip */
function marks({ dabs }) {
  return html`<svg viewBox="-0.5 -0.5 28 28" aria-hidden="true">
    ${dabs.map(({ x, y, ink }) => svg`<circle class=${ink} cx=${x} cy=${y} r=${REACH} vector-effect="non-scaling-stroke"></circle>`)}
  </svg>`;
}

/** @param {answers.Answers} it @param {string} name @param {Flip} flip */
function caption(it, name, { dabs: made, first, said }) {
  if (!first || !said) return nothing;
  const added = made.filter(({ ink }) => ink === 'add').length;
  const [before, after] = [saying(it, first), saying(it, said)];
  return html`<strong>${titleOf(name)}</strong>: ${t('flip.before', before)}
    ${made.length
      ? html`${t('flip.after', { dabs: dabs(made.length), label: after.label, share: after.share })}
          <span class="dab-kinds"><span class="add">${t('flip.added', { count: added })}</span> <span class="erase">${t('flip.erased', { count: made.length - added })}</span></span>`
      : nothing}`;
}

/** Who is hardest to fool, once all have been asked: after a stop or an error, some were not. */
function score() {
  if ([...flips.each.values()].some(({ state }) => state === 'waits')) return '';
  const done = known.flatMap(({ name, title }) => {
    const flip = flips.each.get(name);
    return flip?.state === 'done' ? [{ title, late: flip.late, count: flip.flipped ? flip.dabs.length : Infinity }] : [];
  });
  const counts = done.filter(({ late }) => !late).map(({ count }) => count);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const who = (/** @type {number} */ count) => listed(done.filter((one) => !one.late && one.count === count).map(({ title }) => title));
  const compared = counts.length > 1;
  const late = done.filter((one) => one.late).map(({ title }) => title);
  return [
    compared && most === Infinity && t('flip.unmoved', { networks: who(most) }),
    compared && most < Infinity && least < most && t('flip.hardest', { networks: who(most), dabs: dabs(most) }),
    least < most && t('flip.easiest', { networks: who(least), dabs: dabs(least) }),
    compared && least === most && least < Infinity && t('flip.even', { networks: who(most), dabs: dabs(most) }),
    late.length && t('flip.unfinished', { networks: listed(late) }),
  ]
    .filter(Boolean)
    .join(' ');
}

/** Whose picture is large unless another is chosen: who is at work, then who needed most dabs. */
function foremost() {
  const flipped = [...flips.each].filter(([, { flipped }]) => flipped).sort(([, a], [, b]) => b.dabs.length - a.dabs.length);
  return flips.now || flipped[0]?.[0] || [...flips.each].find(([, { after }]) => after)?.[0] || '';
}

/** @param {string} name */
const titleOf = (name) => known.find((network) => network.name === name)?.title ?? name;
