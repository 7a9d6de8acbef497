// @ts-check
/** The seven cards, in the order of their years, and what they say together. */

import { html, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { fresh } from './answers.js';
import { ServiceError, explain } from './service.js';
import { link } from './state.js';
import { about, ideaOf, labelOf, listed, milliseconds, percent, reasonOf, t } from './text.js';

/** @typedef {import('./service.js').Network} Network */
/** @typedef {import('./service.js').Prediction} Prediction */
/** @typedef {import('./service.js').Judged} Judged */
/** @typedef {import('./answers.js').Answer} Answer */
/** @typedef {{label: string, index: number, votes: number, of: number, dissent: string[]}} Agreement */

const list = /** @type {HTMLElement} */ (document.getElementById('cards'));
const headline = /** @type {HTMLElement} */ (document.getElementById('agreement'));
const kind = /** @type {HTMLElement} */ (document.getElementById('kind'));
const spoken = /** @type {HTMLElement} */ (document.getElementById('spoken'));

/**
 * What they say together: as the service told it once all that were asked had answered; until then what most of them say, a
 * tie to the label with the higher sum of confidences. Null where none has answered.
 * @param {Prediction[]} predictions @param {Agreement | null} [told] @returns {Agreement | null}
 */
export function agreementOf(predictions, told) {
  if (told && told.of === predictions.length) return told;
  /** @type {Map<number, {label: string, votes: number, confidence: number}>} */
  const counted = new Map();
  for (const { index, label, confidence } of predictions) {
    const one = counted.get(index) ?? { label, votes: 0, confidence: 0 };
    counted.set(index, { label, votes: one.votes + 1, confidence: one.confidence + confidence });
  }
  const [first] = [...counted].sort(([, a], [, b]) => b.votes - a.votes || b.confidence - a.confidence);
  if (!first) return null;
  const [index, { label, votes }] = first;
  const dissent = predictions.filter((one) => one.index !== index).map((one) => one.model);
  return { label, index, votes, of: predictions.length, dissent };
}

/**
 * Show the cards. @param {Network[]} networks @param {Map<string, Answer>} answers @param {Agreement | null} told what the
 * service says of all of these answers, once it has @param {boolean} speak whether all have answered or failed, so that
 * screen readers are told, too: not of every stroke
 */
export function showCards(networks, answers, told, speak) {
  const said = fresh(answers);
  const predictions = networks.flatMap(({ name }) => said.get(name) ?? []);
  const agreement = agreementOf(predictions, told);
  render(networks.map((network) => card(network, answers.get(network.name), agreement)), list);
  if (!agreement && !speak) return; // more may come: until then what was said before stands
  const { most, others } = agreement ? together(agreement, predictions, networks) : { most: t('answer.nobody'), others: '' };
  render(html`${most}<span class="others">${others}</span>`, headline);
  if (speak) spoken.textContent = [most, others, kind.textContent].filter(Boolean).join(t('answer.semicolon'));
}

/**
 * Nothing is said of the picture, or there is none. @param {Network[]} networks @param {Map<string, Answer>} [answers] of the
 * picture before @param {string} [ask] what is wanted of people
 */
export function showNone(networks, answers = new Map(), ask = t('answer.ask')) {
  render(networks.map((network) => card(network, answers.get(network.name), null)), list);
  render(html`${t('answer.none')}<span class="others"></span>`, headline);
  kind.textContent = ask;
  kind.classList.remove('odd');
  spoken.textContent = '';
}

/**
 * Say what kind of picture it is: digit, clothing or neither. Where the dataset was named, the service has looked for that
 * one alone, and what is not of it may well be of the other. @param {Judged} judged @param {boolean} asked whether it was named
 */
export function showKind(judged, asked) {
  const dataset = t(`dataset.${judged.dataset}`);
  const sure = judged.dataset_confidence === null ? '' : percent(judged.dataset_confidence);
  const odd = judged.in_distribution === false;
  const reason = reasonOf(judged.reason);
  const taken = `${t(odd ? 'kind.neither' : 'kind.taken', { dataset, sure })}${reason ? t('kind.reason', { reason }) : ''}`;
  kind.textContent = asked ? t(odd ? 'kind.asked_odd' : 'kind.asked', { dataset, reason }) : taken;
  kind.classList.toggle('odd', odd);
}

/** "6 of 7 say 3", and of the others: "LeNet says 8". @param {Agreement} agreement @param {Prediction[]} predictions @param {Network[]} networks */
function together({ label, index, votes, of, dissent }, predictions, networks) {
  const name = labelOf(predictions[0].dataset, index, label);
  if (of === 1) return { most: t('answer.one', { label: name }), others: '' };
  if (!dissent.length) return { most: t('answer.all', { of, label: name }), others: '' };
  /** @type {Map<number, Prediction[]>} */
  const others = new Map();
  for (const one of predictions) if (one.index !== index) others.set(one.index, [...(others.get(one.index) ?? []), one]);
  const said = [...others.values()].map((group) =>
    t(group.length === 1 ? 'answer.says' : 'answer.say', {
      networks: listed(group.map((one) => titleOf(networks, one.model))),
      label: labelOf(group[0].dataset, group[0].index, group[0].label),
    }),
  );
  return { most: t('answer.most', { votes, of, label: name }), others: said.join(t('answer.semicolon')) };
}

/** @param {Network[]} networks @param {string} name */
const titleOf = (networks, name) => networks.find((one) => one.name === name)?.title ?? name;

/** @param {Network} network @param {Answer | undefined} answer @param {Agreement | null} agreement */
function card(network, answer, agreement) {
  const prediction = answer?.prediction;
  const side = !prediction || answer.old || !agreement ? '' : prediction.index === agreement.index ? 'agrees' : 'differs';
  const waits = !answer || answer.old ? 'waits' : '';
  return html`<li class="card ${side} ${waits}" data-network=${network.name}>
    <header>
      <a class="title" href=${link({ tab: 'inside', network: network.name })} title=${ideaOf(network)}>${network.title}</a>
      <span class="year">${network.year}</span>
    </header>
    ${prediction ? said(prediction) : answer?.error ? problem(answer.error) : blank()}
    <footer class="muted">
      <span title=${t('card.parameters_long', { count: network.parameters })}>${t('card.parameters', { count: about(network.parameters) })}</span>
      <span title=${t('card.ms_long')}>${prediction ? milliseconds(prediction.timing_ms.inference) : ''}</span>
    </footer>
  </li>`;
}

/** @param {Prediction} prediction */
function said({ dataset, label, index, confidence, predictions }) {
  const name = labelOf(dataset, index, label);
  return html`<p class="said">
      <span class="label ${dataset === 'mnist' ? '' : 'word'}">${name}</span>
      <span class="confidence">${percent(confidence)}</span>
    </p>
    ${bars(dataset, predictions, index)}`;
}

/** The ten classes in their own order, so that bars stay where they are. @param {string} dataset @param {import('./service.js').Scored[]} predictions @param {number} first */
function bars(dataset, predictions, first) {
  const ordered = [...predictions].sort((a, b) => a.index - b.index);
  return html`<dl class="bars">
    ${ordered.map(({ label, index, probability }) => {
      const name = labelOf(dataset, index, label);
      return html`<dt class=${index === first ? 'first' : ''} title=${name}>${name}</dt>
        <dd class=${index === first ? 'first' : ''}>
          <svg viewBox="0 0 100 1" preserveAspectRatio="none" role="img" aria-label=${percent(probability)}>
            <rect width=${(100 * probability).toFixed(2)} height="1"></rect>
          </svg>
        </dd>`;
    })}
  </dl>`;
}

const blank = () => html`<p class="said"><span class="label muted" aria-hidden="true">–</span></p><div class="no-bars"></div>`;

/** @param {import('./service.js').ErrorDetail} error */
function problem(error) {
  const { told, detail } = explain(new ServiceError(error.code, error.message));
  return html`<p class="problem">${told} <span lang="en">${detail}</span></p>`;
}
