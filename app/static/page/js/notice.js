// @ts-check
/** What went wrong, in words, with a way on. */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { ServiceError, explain, useKey } from './service.js';
import { t } from './text.js';

const LASTING = ['empty', 'too_large', 'too_many_pixels', 'unsupported_type', 'undecodable', 'nothing_found'];
/** Whether the picture itself is the reason: the same again would fail again. @param {unknown} error */
export const lasts = (error) => error instanceof ServiceError && LASTING.includes(error.code);
/** What another key may help against. */
const KEY_WANTED = ['unauthorized', 'unusable_key'];

/** What failed for want of a key, by place: one that is entered at any of them is tried for all. @type {Map<HTMLElement, () => void>} */
const locked = new Map();

/** A place on the page that says what went wrong there; it is hidden while all is well. @param {HTMLElement} place */
export function noticeAt(place) {
  let ticking = 0;

  /** All is well again. */
  function content() {
    clearInterval(ticking);
    locked.delete(place);
    place.hidden = true;
  }

  /** Say what happened. `again` does once more what failed. @param {unknown} error @param {(() => void) | null} [again] */
  function complain(error, again = null) {
    clearInterval(ticking);
    const { told, detail } = explain(error);
    const code = error instanceof ServiceError ? error.code : '';
    const wait = error instanceof ServiceError && error.retryAfter !== null ? Math.ceil(error.retryAfter) : null;
    let left = wait ?? 0;
    const retry = again && !lasts(error) ? () => (content(), again()) : null;
    const wanted = KEY_WANTED.includes(code);
    locked.delete(place);
    if (wanted && retry) locked.set(place, retry);
    const draw = () =>
      render(
        html`<strong>${told}</strong> <span class="detail" lang="en">${detail}</span>
          ${wait === null ? '' : countdown(wait, left)}
          ${wanted ? keyForm() : retry && html`<button @click=${retry}>${t('error.again')}</button>`}`,
        place,
      );
    draw();
    place.hidden = false;
    if (wait !== null)
      ticking = setInterval(() => {
        left = Math.max(0, left - 1);
        draw();
      }, 1000);
  }

  return { complain, content };
}

/** The page's own place. */
export const { complain, content } = noticeAt(/** @type {HTMLElement} */ (document.getElementById('notice')));

/** Screen readers read a notice out again whenever it changes: they are told the whole wait, once. @param {number} wait @param {number} left */
function countdown(wait, left) {
  const told = (/** @type {number} */ seconds) => t('error.again_in', { seconds });
  return html`<span aria-hidden="true">${told(left)}</span><span class="unseen">${told(wait)}</span>`;
}

function keyForm() {
  const enter = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    useKey(String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get('key')));
    for (const retry of [...locked.values()]) retry();
  };
  return html`<form @submit=${enter}>
    <label>${t('error.key')} <input type="password" name="key" autocomplete="off" required /></label>
    <button>${t('error.again')}</button>
  </form>`;
}
