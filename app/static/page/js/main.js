// @ts-check
/**
 * The page's start. Each part has a module: draw.js is there at once, the others come when their tab is first opened; a
 * part's module exports `open(section)`, which is called once, and watches the state from then on.
 */

import * as draw from './draw.js';
import { noticeAt } from './notice.js';
import { ServiceError } from './service.js';
import * as state from './state.js';

/** @type {Record<string, () => Promise<{open: (section: HTMLElement) => void}>>} */
const PARTS = {
  inside: () => import('./inside.js'),
  lineup: () => import('./lineup.js'),
};
/** Parts of the first tab, which come when they are about to be seen. @type {typeof PARTS} */
const BELOW = {
  seen: () => import('./seen.js'),
  flip: () => import('./flip.js'),
};
/** What stands round the first part: not needed to draw, so it comes after. @type {typeof PARTS} */
const ROUND = {
  samples: () => import('./samples.js'),
  actions: () => import('./share.js'),
  settings: () => import('./settings.js'),
};
const TABS = ['draw', 'inside', 'lineup'];
/** @type {Set<string>} */
const opened = new Set();

const byId = (/** @type {string} */ name) => /** @type {HTMLElement} */ (document.getElementById(name));

function showTab() {
  const tab = TABS.includes(state.get('tab')) ? state.get('tab') : 'draw';
  for (const name of TABS) {
    const button = byId(`tab-${name}`);
    button.setAttribute('aria-selected', String(name === tab));
    button.tabIndex = name === tab ? 0 : -1;
    byId(name).hidden = name !== tab;
  }
  if (!PARTS[tab] || opened.has(tab)) return;
  opened.add(tab);
  load(PARTS[tab], byId(tab));
}

/** Fetch a part and open it; where the service is gone, say so. The address holds what is shown, so the page may load again. @param {typeof PARTS.inside} part @param {HTMLElement} place */
async function load(part, place) {
  try {
    (await part()).open(place);
  } catch {
    const notice = Object.assign(document.createElement('p'), { className: 'notice' });
    notice.setAttribute('role', 'alert');
    place.replaceChildren(notice);
    noticeAt(notice).complain(new ServiceError('unreachable', ''), () => location.reload());
  }
}

/** Theme, projector and controls, for the sheets. */
function dress() {
  const root = document.documentElement.dataset;
  root.theme = state.get('theme');
  root.projector = state.get('projector');
  root.controls = state.get('controls');
}

/** Arrow keys go from tab to tab (ARIA Authoring Practices, tabs). @param {KeyboardEvent} event */
function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = TABS[(TABS.indexOf(state.get('tab')) + step + TABS.length) % TABS.length];
  state.set({ tab: next }, { enter: true });
  byId(`tab-${next}`).focus();
}

/** To the pad: by the link's own way the whole state would leave the address. @param {Event} event */
function skip(event) {
  event.preventDefault();
  state.set({ tab: 'draw' }, { enter: true });
  byId('pad').focus();
}

document.querySelector('.skip')?.addEventListener('click', skip);
for (const name of TABS) {
  byId(`tab-${name}`).addEventListener('click', () => state.set({ tab: name }, { enter: true }));
  byId(`tab-${name}`).addEventListener('keydown', onTabKey);
}
state.watch((changed) => {
  dress();
  if (changed.has('tab')) showTab();
});
const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(BELOW[target.id], /** @type {HTMLElement} */ (target));
    }
  },
  { rootMargin: '200px' },
);
for (const name of Object.keys(BELOW)) near.observe(byId(name));
dress();
draw.start();
showTab();
for (const [name, part] of Object.entries(ROUND)) load(part, byId(name));
