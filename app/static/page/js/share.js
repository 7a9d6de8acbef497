// @ts-check
/** What can be taken away: the address, the question as curl or Python, the answers and the picture as files. */

import { html, nothing, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import * as answers from './answers.js';
import { comparison, csv, curl, fileName, python, typeOf } from './formats.js';
import { complain } from './notice.js';
import * as picture from './picture.js';
import { hasKey, networks, query } from './service.js';
import * as state from './state.js';
import { language, t } from './text.js';

/** @type {HTMLElement} */
let place;
/** What was done last, in words. */
let done = '';
/** A text to be copied by hand, where the browser does not let the page do it. */
let byHand = '';

/** @param {HTMLElement} where */
export function open(where) {
  place = where;
  answers.watch(draw);
  picture.watch((it) => {
    if (!done && !byHand && it && !it.settled) return; // nothing to change while the pen moves
    say('');
  });
  draw();
}

/** @param {string} what @param {string} [text] to be copied by hand */
function say(what, text = '') {
  [done, byHand] = [what, text];
  draw();
}

function draw() {
  const shown = picture.now();
  const told = answers.now();
  const button = (/** @type {string} */ name, /** @type {() => unknown} */ act, /** @type {boolean} */ possible) =>
    html`<button ?disabled=${!possible} @click=${() => attempt(act)}>${t(`share.${name}`)}</button>`;
  const group = (/** @type {string} */ name, /** @type {unknown[]} */ buttons) =>
    html`<div class="tools" role="group" aria-labelledby=${name}><span class="muted" id=${name}>${t(`share.${name}`)}</span> ${buttons}</div>`;
  render(
    html`${group('copy', [
        button('link', () => copyLink({}), true),
        button('projector', () => copyLink({ controls: 'hidden', projector: 'on' }), true),
        button('curl', () => copyAs(curl), shown !== null),
        button('python', () => copyAs(python), shown !== null),
      ])}
      ${group('save', [
        button('picture', savePicture, shown !== null),
        button('json', () => saveAnswers('json'), told !== null && told.of.size > 0),
        button('csv', () => saveAnswers('csv'), told !== null && told.of.size > 0),
      ])}
      <p class="done" role="status">${done}</p>
      ${byHand ? html`<textarea readonly rows="6" aria-label=${t('share.text')} .value=${byHand}></textarea>` : nothing}`,
    place,
  );
}

/** @param {() => unknown} act */
async function attempt(act) {
  try {
    await act();
  } catch (error) {
    complain(error);
  }
}

/** @param {string} text @param {string} told */
async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text); // there over HTTPS and on this machine alone
    say(told);
  } catch {
    say(t('share.by_hand'), text);
    place.querySelector('textarea')?.select();
  }
}

/** @param {Parameters<typeof state.link>[0]} values */
async function copyLink(values) {
  const address = new URL(state.link(values), location.href);
  address.searchParams.set('lang', language);
  await copy(address.href, t(isInAddress() ? 'share.copied' : 'share.link_alone'));
}

/** Whether who opens the address sees the picture, too: a file is not in it, nor is a drawing of very many strokes. */
export function isInAddress() {
  return !picture.now() || state.get('drawing') !== '' || state.get('sample') !== '';
}

/** @param {typeof curl} format */
async function copyAs(format) {
  const it = picture.now();
  if (!it) return;
  const address = new URL(`compare${query({ dataset: state.get('dataset') })}`, location.href).href;
  const file = fileName(it, state.get('sample'));
  const text = format({ address, file, type: typeOf(await it.blob()), withKey: hasKey() });
  await copy(text, t('share.copied_code', { file }));
}

async function savePicture() {
  const it = picture.now();
  if (it) save(await it.blob(), fileName(it, state.get('sample')));
}

/** @param {'json' | 'csv'} as */
async function saveAnswers(as) {
  const told = answers.now();
  if (!told) return;
  const order = (await networks()).map((network) => network.name);
  const text = as === 'csv' ? csv(told, order) : JSON.stringify(comparison(told, order), null, 2) + '\n';
  save(new Blob([text], { type: as === 'csv' ? 'text/csv' : 'application/json' }), `answers.${as}`);
}

/** @param {Blob} blob @param {string} name */
function save(blob, name) {
  const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once it is on the disk
  say(t('share.saved', { file: name }));
}
