// @ts-check
/** What a network brought: its year, paper and idea, and how it differs from the one before it. */

import { html, nothing } from '../vendor/lit-html-3.3.3/lit-html.js';
import { exactly, has, ideaOf, t } from './text.js';

/** @typedef {import('./service.js').Network} Network */

/** Where to read the papers that the catalog does not name by their number in arXiv. @type {Record<string, string>} */
const PAPERS = {
  lenet: 'https://doi.org/10.1109/5.726791',
  alexnet: 'https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html',
  vgg11: 'https://arxiv.org/abs/1409.1556',
};
const CHANGES = [
  ['stayed', '='],
  ['went', '−'],
  ['came', '+'],
  ['here', '*'],
];

/** @param {Network} it @param {Network | null} before the one before it in time */
export function about(it, before) {
  const { name, title, year, input_size: side, parameters, macs } = it;
  return html`<article class="about" data-network=${name}>
    <header>
      <h2>${title} <span class="year">${year}</span></h2>
      <p class="idea">${ideaOf(it)}</p>
      <p class="muted">${t('inside.size', { side, parameters: exactly(parameters), macs: exactly(macs) })}</p>
      ${paper(it)}
    </header>
    <div>
      <h3>${before ? t('inside.against', { title: before.title, year: before.year }) : t('inside.first')}</h3>
      <dl class="changes">
        ${CHANGES.map(([change, sign]) => told(`inside.${change}.${name}`, change, sign))}
      </dl>
    </div>
  </article>`;
}

/** @param {string} name @param {string} change @param {string} sign */
function told(name, change, sign) {
  if (!has(name)) return nothing; // a network that this page was not written for
  return html`<dt class=${change}><span class="sign" aria-hidden="true">${sign}</span> ${t(`inside.change.${change}`)}</dt><dd>${t(name)}</dd>`;
}

/** The paper, with a link where it is known where it lies. @param {Network} network */
function paper({ name, paper: citation }) {
  const number = /arXiv (\d{4}\.\d{4,5})/.exec(citation)?.[1];
  const address = number ? `https://arxiv.org/abs/${number}` : PAPERS[name];
  return html`<p class="paper-link"><cite lang="en">${citation}</cite>
    ${address ? html`<a href=${address} target="_blank" rel="noopener noreferrer">${t('inside.paper')}</a>` : nothing}</p>`;
}
