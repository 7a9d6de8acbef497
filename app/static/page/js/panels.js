// @ts-check
/** The charts of the line-up with their words and tables. `width` is that of the place, in a chart's own units. */

import { html, nothing, svg } from '../vendor/lit-html-3.3.3/lit-html.js';
import { interval } from './axes.js';
import { curve, dots, pareto, round, shape } from './charts.js';
import { legend, matrix, mistakes } from './confusion.js';
import { figures, known, reportOf } from './measured.js';
import { missing, panel } from './panel.js';
import { explain } from './service.js';
import { about, exactly, has, milliseconds, number, percent2, t } from './text.js';

/** @typedef {import('./charts.js').Mark} Mark */
/** @typedef {import('./measured.js').Report} Report */

const all = () => known ?? [];
const dash = '–';
/** A name that stays on one line. @param {string} title */
export const unbroken = (title) => title.replaceAll('-', '\u2011');

/** Accuracy on the test pictures, in the order of the years. @param {string} dataset @param {number} width */
export function accuracy(dataset, width) {
  const rows = all().map(({ title, year, checkpoints }) => {
    const { accuracy: share, n, state } = checkpoints[dataset];
    const none = t(state === 'loading' ? 'lineup.comes' : 'lineup.none');
    return { title, year, share, n, none, range: share === null || !n ? null : interval(share, n) };
  });
  const marked = rows.map(({ title, year, none, share, range }) =>
    range && share !== null ? { title, year, marks: [test(share, range)], told: percent2(share) } : { title, year, marks: [], none },
  );
  const best = rows.reduce((a, b) => ((b.share ?? 0) > (a.share ?? 0) ? b : a), rows[0]);
  const said = best?.share ? t('lineup.accuracy.best', { network: best.title, share: percent2(best.share) }) : '';
  const title = t(`lineup.accuracy.${dataset}`);
  return panel({
    title,
    note: said,
    drawing: dots(marked, width, `${title}. ${said}`, t('lineup.accuracy.axis')),
    table: {
      headings: ['network', 'year', 'accuracy', 'range', 'n'].map((name) => t(`lineup.column.${name}`)),
      rows: rows.map(({ title, year, share, n, range }) => [title, year, share === null ? dash : percent2(share), range ? range.map(percent2).join(dash) : dash, n ? exactly(n) : dash]),
    },
    more: unmeasured(dataset),
  });
}

/** @param {number} share @param {[number, number]} range @returns {Mark} */
const test = (share, [low, high]) => ({ kind: 'test', share, low, high, told: `${percent2(low)}${dash}${percent2(high)}` });

/** The commands for networks of which nothing is known. @param {string} dataset */
function unmeasured(dataset) {
  const wanting = all().filter(({ checkpoints }) => checkpoints[dataset].accuracy === null && checkpoints[dataset].state !== 'loading');
  return wanting.length ? missing(wanting.map((network) => making(network, dataset))) : nothing;
}

/** The command that makes a checkpoint or measures it. @param {import('./service.js').Network} network @param {string} dataset */
const making = ({ name, checkpoints }, dataset) => `lineup ${checkpoints[dataset].state === 'missing' ? 'train' : 'evaluate'} --model ${name} --dataset ${dataset}`;

/** What accuracy costs, by three measures. @param {string} dataset @param {number} width */
export function costs(dataset, width) {
  const speed = figures?.speed;
  const on = speed && t('lineup.cost.on', {
    date: speed.date, cores: speed.hardware.cores, processor: speed.hardware.processor, flags: speed.hardware.flags.join(' '), picture: speed.picture,
    versions: Object.entries(speed.versions).map((pair) => pair.join(' ')).join(', '),
  });
  const one = (/** @type {import('./service.js').Network} */ network) => speed?.networks[network.name];
  return [
    cost('parameters', dataset, width, (network) => network.parameters, about, exactly, t('lineup.cost.parameters_note')),
    cost('macs', dataset, width, (network) => network.macs, about, exactly, t('lineup.cost.macs_note')),
    cost('ms', dataset, width, (network) => one(network)?.lone_ms, number, milliseconds, on || '', {
      heading: t('lineup.column.per_second'),
      value: (network) => (one(network) ? t('lineup.cost.clients', { count: exactly(one(network)?.per_second ?? 0), clients: one(network)?.clients ?? 0 }) : dash),
    }),
  ];
}

/**
 * @param {string} measure @param {string} dataset @param {number} width @param {(network: import('./service.js').Network) => number | undefined} of
 * @param {(value: number) => string} short @param {(value: number) => string} long @param {string} note
 * @param {{heading: string, value: (network: import('./service.js').Network) => string}} [more] a column
 */
function cost(measure, dataset, width, of, short, long, note, more) {
  const measured = all().flatMap((network) => {
    const [x, y] = [of(network), network.checkpoints[dataset].accuracy];
    return x && y !== null ? [{ title: network.title, x, y }] : [];
  });
  const title = t(`lineup.cost.${measure}`);
  const lacking = measure === 'ms' && all().some((network) => !of(network));
  return panel({
    title,
    note,
    drawing: measured.length > 1 ? pareto(measured, width, title, t(`lineup.cost.${measure}_axis`), short) : nothing,
    table: {
      headings: [t('lineup.column.network'), t(`lineup.column.${measure}`), t('lineup.column.accuracy'), ...(more ? [more.heading] : [])],
      rows: all().map((network) => {
        const [x, y] = [of(network), network.checkpoints[dataset].accuracy];
        return [network.title, x ? long(x) : dash, y === null ? dash : percent2(y), ...(more ? [more.value(network)] : [])];
      }),
    },
    more: lacking ? missing(['make bench']) : nothing,
  });
}

/** Beside the test pictures, those that people send: made ones, and real ones. @param {string} dataset @param {number} width */
export function beyond(dataset, width) {
  const sets = Object.entries(figures?.pictures?.sets ?? {}).filter(([, one]) => one.dataset === dataset);
  const rows = all().map(({ name, title, year, checkpoints }) => {
    const report = reportIn(reportOf(dataset, name));
    const { accuracy, digest } = checkpoints[dataset];
    // The recorded figures come with the page, and the service may have other checkpoints.
    const real = sets.map(([, { networks }]) => (networks[name]?.digest === digest ? networks[name].accuracy : null));
    const shares = [accuracy, report?.sent?.accuracy ?? null, ...real];
    return { title, year, shares, report };
  });
  const kinds = /** @type {Mark['kind'][]} */ (['test', 'sent', 'real', 'other']).slice(0, 2 + sets.length);
  const names = [t('lineup.kind.test'), t('lineup.kind.sent'), ...sets.map(([name, { n }]) => nameOf(name, n))];
  const marked = rows.map(({ title, year, shares }) => ({
    title,
    year,
    marks: shares.flatMap((share, place) => (share === null || !kinds[place] ? [] : [{ kind: kinds[place], share, told: `${names[place]}: ${percent2(share)}` }])),
  }));
  const title = t('lineup.beyond.title');
  const lacking = [...rows.flatMap(({ report }) => (report && !report.sent ? [report.missing.sent] : [])), ...(sets.length ? [] : ['make pictures'])];
  return panel({
    title,
    note: t('lineup.beyond.note'),
    kind: 'wide',
    drawing: html`${kindsShown(kinds, names)}${dots(marked, width, title, t('lineup.beyond.axis'))}`,
    table: {
      headings: [t('lineup.column.network'), ...names],
      rows: rows.map(({ title, shares }) => [title, ...shares.map((share) => (share === null ? dash : percent2(share)))]),
    },
    more: lacking.length ? missing(together(lacking)) : nothing,
  });
}

/** One command for all networks in place of one each. @param {string[]} commands */
function together(commands) {
  const each = commands.map((command) => command.replace(/--model \S+/, '--all'));
  return new Set(each).size < commands.length ? each : commands;
}

/** A set of real pictures. @param {string} name @param {number} n */
const nameOf = (name, n) => t('lineup.kind.real', { name: has(`lineup.set.${name}`) ? t(`lineup.set.${name}`) : name, n: exactly(n) });

/** What the marks' shapes mean. @param {Mark['kind'][]} kinds @param {string[]} names */
function kindsShown(kinds, names) {
  return html`<ul class="legend">${kinds.map((kind, place) => html`<li>
    <svg viewBox="0 0 14 14" aria-hidden="true">${svg`<g class="mark ${kind}">${shape(kind, 7, 7)}</g>`}</svg>${names[place]}</li>`)}
  </ul>`;
}

/** @param {ReturnType<typeof reportOf>} told @returns {Report | null} */
const reportIn = (told) => (told && !('error' in told) ? told : null);

/** How a network learned. @param {string} dataset @param {string} network @param {number} width */
export function curves(dataset, network, width) {
  return ofReport(dataset, network, t('lineup.curve.title'), (report) => {
    const history = report.history;
    if (!history) return panel({ title: t('lineup.curve.of', { network: unbroken(report.title) }), kind: 'wide', drawing: missing([report.missing.history]), note: t('lineup.curve.none') });
    const starts = history.phase.flatMap((phase, place) => (place && (phase !== history.phase[place - 1] || history.run[place] !== history.run[place - 1]) ? [place] : []));
    const columns = ['pictures', 'seconds', 'learning_rate', 'loss', 'held_out_accuracy'];
    const table = {
      headings: ['run', 'phase', 'epoch', ...columns].map((name) => t(`lineup.column.${name}`)),
      rows: history.epoch.map((epoch, place) => [history.run[place] + 1, history.phase[place] + 1, epoch, exactly(history.pictures[place]), exactly(history.seconds[place]),
        ...[history.learning_rate, history.loss].map((values) => told(values[place], number)), told(history.held_out_accuracy[place], percent2)]),
    };
    const watched = [...new Set([Math.min(...history.held_out_n), Math.max(...history.held_out_n)])].map((n) => exactly(n)).join('–');
    const note = `${t('lineup.curve.note', { n: watched })} ${history.from_scratch ? '' : t('lineup.curve.later')}`;
    const title = t('lineup.curve.accuracy', { network: unbroken(report.title) });
    const loss = t('lineup.curve.loss', { network: unbroken(report.title) });
    return [
      panel({ title, note, drawing: curve(history.pictures, history.held_out_accuracy, starts, width, title, round, about), table }),
      panel({ title: loss, note: t('lineup.curve.loss_note'), drawing: curve(history.pictures, history.loss, starts, width, loss, number, about), table }),
    ];
  });
}

/** @param {number | null} value @param {(value: number) => string} words */
const told = (value, words) => (value === null ? dash : words(value));

/** What a network takes for what. @param {string} dataset @param {string} network @param {() => void} redraw */
export function confusion(dataset, network, redraw) {
  return ofReport(dataset, network, t('lineup.confusion.title'), (report) => {
    const title = t('lineup.confusion.of', { network: unbroken(report.title) });
    const counted = report.confusion;
    if (!counted) return panel({ title, kind: 'wide', drawing: missing([report.missing.confusion]) });
    return panel({
      title,
      kind: 'wide',
      note: t('lineup.confusion.note', { n: exactly(report.n ?? 0) }),
      drawing: html`<div class="sides">
        <div>${matrix({ ...report, confusion: counted })}${legend()}</div>
        <div id="mistakes" aria-live="polite">${mistakes(report, redraw)}</div>
      </div>`,
      more: html`<dl class="facts figures">
        <div><dt>${t('lineup.column.ece')}</dt><dd>${told(report.ece, percent2)}</dd></div>
        <div><dt>${t('lineup.column.nll')}</dt><dd>${told(report.nll, number)}</dd></div>
      </dl>`,
    });
  });
}

/** What is made of a report, or why there is none. @param {string} dataset @param {string} network @param {string} title @param {(report: Report) => unknown} make */
export function ofReport(dataset, network, title, make) {
  const found = reportOf(dataset, network);
  const [absent] = all().filter(({ name, checkpoints }) => name === network && ['missing', 'failed'].includes(checkpoints[dataset].state));
  if (absent) {
    const { state, reason } = absent.checkpoints[dataset];
    // Of one that is missing the reason names the command, as what is drawn does.
    return panel({ title, kind: 'wide', note: html`<span lang="en">${state === 'failed' ? reason : ''}</span>`, drawing: missing([making(absent, dataset)]) });
  }
  if (!found) return panel({ title, kind: 'wide', drawing: html`<p class="muted">${t('lineup.loading')}</p>` });
  if (!('error' in found)) return make(found);
  const { told, detail } = explain(found.error);
  return panel({ title, kind: 'wide', drawing: html`<p class="notice">${told} <span lang="en">${detail}</span> <button @click=${found.again}>${t('error.again')}</button></p>` });
}
