// @ts-check
/** Language, theme and the projector's size; and the way back from hidden controls. */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { isInAddress } from './share.js';
import * as state from './state.js';
import { language, t } from './text.js';

/** By their own names, for those who cannot read the other. */
const LANGUAGES = { en: 'English', zh: '中文' };
const THEMES = ['auto', 'light', 'dark'];

/** @param {HTMLElement} place */
export function open(place) {
  const back = document.createElement('button');
  back.className = 'back';
  back.textContent = t('settings.show_controls');
  back.onclick = showControls;
  place.after(back);
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !event.defaultPrevented) showControls();
  });
  place.closest('header')?.addEventListener('click', leave);
  state.watch(() => render(all(), place));
  render(all(), place);
}

/** The header's links load the page anew: a picture that no address holds would be gone without a word. @param {MouseEvent} event */
function leave(event) {
  const isLink = event.target instanceof Element && event.target.closest('a');
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey; // in a tab or window of its own
  if (isLink && !elsewhere && !isInAddress() && !confirm(t('settings.leave'))) event.preventDefault();
}

function showControls() {
  state.set({ controls: 'shown' });
}

function all() {
  const chosen = state.get('theme');
  const large = state.get('projector') === 'on';
  const choose = (/** @type {Event} */ event) =>
    state.set({ theme: /** @type {HTMLSelectElement} */ (event.target).value });
  return html`${Object.entries(LANGUAGES).map(([code, name]) =>
      code === language ? '' : html`<a href="?lang=${code}${location.hash}" lang=${code} hreflang=${code}>${name}</a>`,
    )}
    <select aria-label=${t('settings.theme')} @change=${choose}>
      ${THEMES.map((theme) => html`<option value=${theme} .selected=${theme === chosen}>${t(`settings.${theme}`)}</option>`)}
    </select>
    <button title=${t('settings.projector_long')} aria-pressed=${String(large)} @click=${() => state.set({ projector: large ? 'off' : 'on' })}>
      ${t('settings.projector')}
    </button>`;
}
