// @ts-check
/** How far a network's answers can be trusted: whether it is right as often as it says, and on spoiled pictures. */

import { svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import { below, beside, interval, linear, titleBelow } from './axes.js';
import { dots, drawing, round } from './charts.js';
import { missing, panel } from './panel.js';
import { ofReport, unbroken } from './panels.js';
import { exactly, has, number, percent2, t } from './text.js';

/** @typedef {{confidence: number, share: number, n: number}} Bin */

/** Both panels. @param {string} dataset @param {string} network @param {number} width */
export function trust(dataset, network, width) {
  return ofReport(dataset, network, t('lineup.trust.title'), (report) => {
    const name = unbroken(report.title);
    return [reliability(report, t('lineup.trust.reliability', { network: name }), width), robustness(report, t('lineup.trust.robustness', { network: name }), width)];
  });
}

/** @param {import('./measured.js').Report} report @param {string} title @param {number} width */
function reliability(report, title, width) {
  const told = report.reliability;
  if (!told) return panel({ title, drawing: missing([report.missing.reliability]) });
  const bins = told.n.flatMap((n, place) => (n ? [{ n, confidence: told.confidence[place] ?? 0, share: told.accuracy[place] ?? 0 }] : []));
  const table = {
    headings: ['confidence', 'right', 'range', 'n'].map((column) => t(`lineup.column.${column}`)),
    rows: bins.map(({ n, confidence, share }) => [percent2(confidence), percent2(share), interval(share, n).map(percent2).join('–'), exactly(n)]),
  };
  return panel({ title, note: t('lineup.trust.reliability_note'), drawing: diagram(bins, width, title), table });
}

/** Right answers against confidence, each with its range; on the diagonal both are the same. @param {Bin[]} bins @param {number} width @param {string} name */
function diagram(bins, width, name) {
  const frame = { left: 48, right: width - 16, top: 14, bottom: 220 };
  const [x, y] = [linear([0, 1], frame.left, frame.right), linear([0, 1], frame.bottom, frame.top)];
  return drawing(width, frame.bottom + 44, name, [
    below(x, frame, round),
    beside(y, frame, round),
    titleBelow(frame, t('lineup.trust.axis')),
    svg`<line class="phase" x1=${x.of(0)} y1=${y.of(0)} x2=${x.of(1)} y2=${y.of(1)}></line>`,
    bins.map(({ n, confidence, share }) => {
      const [low, high] = interval(share, n);
      const at = x.of(confidence).toFixed(1);
      return svg`<line class="range" x1=${at} x2=${at} y1=${y.of(low).toFixed(1)} y2=${y.of(high).toFixed(1)}></line>
        <circle class="point best" cx=${at} cy=${y.of(share).toFixed(1)} r="4"></circle>`;
    }),
  ]);
}

/** @param {import('./measured.js').Report} report @param {string} title @param {number} width */
function robustness(report, title, width) {
  const told = report.robustness;
  if (!told) return panel({ title, drawing: missing([report.missing.robustness]) });
  const all = Object.entries(told.corruptions);
  /** @param {import('./charts.js').Mark['kind']} kind @param {number} share @param {string} words */
  const mark = (kind, share, words) => ({ kind, share, told: `${words}: ${percent2(share)}` });
  const rows = all.map(([name, { strengths, accuracy, unit }]) => ({
    title: wordOf(name),
    year: '',
    marks: [mark('test', told.clean, t('lineup.trust.clean')), ...accuracy.map((share, place) => mark('sent', share, strengthOf(name, strengths[place], unit)))],
  }));
  return panel({
    title,
    note: t('lineup.trust.robustness_note', { n: exactly(told.n) }),
    drawing: dots(rows, width, title, t('lineup.beyond.axis')),
    table: {
      headings: ['spoiled', 'strength', 'right', 'range'].map((column) => t(`lineup.column.${column}`)),
      rows: all.flatMap(([name, { strengths, accuracy, unit }]) =>
        accuracy.map((share, place) => [wordOf(name), strengthOf(name, strengths[place], unit), percent2(share), interval(share, told.n).map(percent2).join('–')])),
    },
  });
}

/** @param {string} name */
const wordOf = (name) => (has(`lineup.spoiled.${name}`) ? t(`lineup.spoiled.${name}`) : name);
/** @param {string} name @param {number} value @param {string} unit the service's word for it */
const strengthOf = (name, value, unit) => (has(`lineup.strength.${name}`) ? t(`lineup.strength.${name}`, { value: number(value) }) : `${number(value)} ${unit}`);
