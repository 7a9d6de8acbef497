// @ts-check
/** The feature maps of a part of a network for the current picture: all of them small, and one large. */

import { html, nothing, render } from '../vendor/lit-html-3.3.3/lit-html.js';
import { Mosaic } from './mosaic.js';
import { noticeAt } from './notice.js';
import * as picture from './picture.js';
import { fromBase64 } from './png.js';
import { json, query, whenTold } from './service.js';
import { shapeOf } from './stages.js';
import * as state from './state.js';
import { labelOf, language, t } from './text.js';
import { STEPS, inColours } from './tint.js';

/** @typedef {import('./inside.js').Table} Table */
/** @typedef {import('./inside.js').Part} Part */
/** @typedef {{index: number, minimum: number, maximum: number, mean: number}} Channel */
/** @typedef {{model: string, dataset: string, stage: string, shape: number[], columns: number, rows: number, normalise: string, minimum: number, maximum: number, channels: Channel[], png: string}} Features */

const SLOW_MS = 400; // what takes longer is told of
const digits = new Intl.NumberFormat(language, { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
const number = (/** @type {number} */ value) => digits.format(value).replace('-', '−');

export class Maps {
  #place;
  #notice;
  #mosaic;
  /** @type {{table: Table, part: Part} | null} */
  #wanted = null;
  #normalise = 'each';
  /** What was asked last, so that nothing is asked twice. @type {unknown[]} */
  #asked = [];
  /** @type {AbortController | null} */
  #asking = null;
  #slow = false;
  #timer = 0;
  /** @type {{features: Features, bitmap: ImageBitmap} | null} */
  #shown = null;
  #picture = '';

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
    this.#draw();
    this.#notice = noticeAt(/** @type {HTMLElement} */ (place.querySelector('.notice')));
    const canvas = (/** @type {string} */ name) => /** @type {HTMLCanvasElement} */ (place.querySelector(name));
    this.#mosaic = new Mosaic(canvas('.mosaic'), canvas('.large'), () => this.#draw());
    picture.watch((it) => (it?.settled ?? true) && this.#ask());
    state.watch((changed) => {
      if (changed.has('theme')) this.#paint();
      this.#draw(); // its links hold the whole state
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#paint());
  }

  /** Show the maps of a part, once there is a picture. @param {Table} table @param {Part} part */
  show(table, part) {
    this.#wanted = { table, part };
    this.#ask();
  }

  /** @param {boolean} [again] even if it is what was asked last */
  async #ask(again = false) {
    if (!this.#wanted || state.get('tab') !== 'inside') return;
    const { table, part } = this.#wanted;
    const [it, dataset, normalise] = [picture.now(), state.get('dataset'), this.#normalise];
    const asked = [it, dataset, normalise, table.model, part.name];
    if (!again && asked.every((value, place) => value === this.#asked[place])) return;
    this.#asked = asked;
    this.#begin();
    if (!it) return this.#end(null);
    const mine = (this.#asking = new AbortController());
    this.#draw();
    try {
      const body = await it.blob();
      const path = `features${query({ model: table.model, stage: part.name, dataset, normalise })}`;
      const features = await json(path, { body, signal: mine.signal });
      const bitmap = await createImageBitmap(fromBase64(features.png));
      if (this.#asking === mine) this.#end({ features, bitmap }, body);
    } catch (error) {
      if (this.#asking === mine) this.#fail(error);
    }
  }

  #begin() {
    this.#asking?.abort();
    this.#asking = null;
    this.#notice.content();
    this.#slow = false;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#slow = this.#asking !== null;
      this.#draw();
    }, SLOW_MS);
  }

  /** @param {{features: Features, bitmap: ImageBitmap} | null} shown @param {Blob} [body] */
  #end(shown, body) {
    clearTimeout(this.#timer);
    this.#asking = null;
    this.#slow = false;
    this.#shown = shown;
    URL.revokeObjectURL(this.#picture);
    this.#picture = body ? URL.createObjectURL(body) : '';
    this.#draw();
    this.#paint();
  }

  /** Tell of an error; where the service said when to come again, come again. @param {unknown} error */
  #fail(error) {
    this.#end(null);
    this.#asked = []; // who comes back to this tab asks again
    const again = () => this.#ask(true);
    this.#notice.complain(error, again);
    this.#timer = whenTold(error, again);
  }

  /** The maps, in the page's colours. */
  #paint() {
    if (!this.#shown) return;
    const { features, bitmap } = this.#shown;
    const [channels, height = 1, width = 1] = features.shape;
    const source = inColours(bitmap, this.#place.querySelectorAll('.scale i'));
    this.#mosaic.show({ source, channels, height, width, columns: features.columns });
    this.#draw();
  }

  #draw() {
    const shown = this.#shown;
    const none = !shown && !this.#asking && !picture.now();
    render(
      html`
        <header><h3>${t('inside.maps')}</h3> ${this.#wanted ? this.#choice(this.#wanted) : nothing}</header>
        ${none ? invitation() : nothing}
        <p class="notice" role="alert" hidden></p>
        <p class="muted" role="status">${this.#slow ? t('inside.waiting') : nothing}</p>
        <div class="gallery ${this.#asking ? 'waits' : ''}" ?hidden=${!shown}>
          <figure class="one">
            <canvas class="large" aria-hidden="true" ?hidden=${shown && isSingle(shown.features)}></canvas>
            <figcaption>${shown && this.#mosaic ? this.#caption(shown.features) : nothing}</figcaption>
          </figure>
          <canvas class="mosaic" tabindex="0" role="slider" aria-label=${t('inside.channel')} aria-describedby="maps-help"></canvas>
        </div>
        <p class="help" id="maps-help" ?hidden=${!shown}>${t('inside.help')}</p>
      `,
      this.#place,
    );
  }

  /** @param {{table: Table, part: Part}} wanted */
  #choice({ table, part }) {
    const choose = (/** @type {Event} */ event) => state.set({ stage: /** @type {HTMLSelectElement} */ (event.target).value }, { enter: true });
    const share = (/** @type {Event} */ event) => {
      this.#normalise = /** @type {HTMLInputElement} */ (event.target).checked ? 'all' : 'each';
      this.#ask();
    };
    const option = (/** @type {Part} */ one) => html`<option value=${one.name} .selected=${one === part}>${one.name}: ${shapeOf(one.shape)}</option>`;
    return html`<label class="choice">${t('inside.of')}
        <select id="stage" @change=${choose}>
          ${table.stages.map((stage) => html`<optgroup label=${stage.name}>${stage.layers.map(option)}${option(stage)}</optgroup>`)}
        </select></label>
      <label class="choice"><input type="checkbox" @change=${share} />${t('inside.one_scale')}</label>`;
  }

  /** What is told of the map that is shown large. @param {Features} features */
  #caption(features) {
    const { channels, dataset, normalise, minimum, maximum } = features;
    const index = Math.min(this.#mosaic.chosen, channels.length - 1);
    const one = channels[index];
    const values = { number: index + 1, of: channels.length, mean: number(one.mean) };
    const single = isSingle(features);
    const ends = normalise === 'all' ? [minimum, maximum] : [one.minimum, one.maximum];
    const told = t(single ? 'inside.value' : 'inside.map', { ...values, minimum: number(one.minimum), maximum: number(one.maximum) });
    this.#mosaic.tell(told);
    return html`<p class="told">${told}</p>
      ${this.#isAnswer(features) ? html`<p>${t('inside.says', { label: labelOf(dataset, index, String(index)) })}</p>` : nothing}
      ${single || one.maximum > one.minimum ? nothing : html`<p>${t('inside.silent')}</p>`}
      <p class="scale"><span>${number(ends[0])}</span>${Array.from({ length: STEPS }, (_, step) => html`<i class="step-${step}"></i>`)}<span>${number(ends[1])}</span></p>
      <p class="given"><img src=${this.#picture} alt="" /> ${t('inside.given')} <a href=${state.link({ tab: 'draw' })}>${t('inside.another')}</a></p>`;
  }

  /** Whether the values are those of the ten classes. @param {Features} features */
  #isAnswer({ stage, shape }) {
    const stages = this.#wanted?.table.stages ?? [];
    const last = stages[stages.length - 1];
    return shape[0] === 10 && [last?.name, last?.layers[last.layers.length - 1].name].includes(stage);
  }
}

/** Whether each map is a single value. @param {Features} features */
const isSingle = ({ shape }) => shape.slice(1).every((side) => side === 1);

function invitation() {
  return html`<p class="ask">${t('inside.ask')} <a class="button" href=${state.link({ tab: 'draw' })}>${t('inside.draw')}</a></p>`;
}
