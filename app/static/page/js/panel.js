// @ts-check
/** What every chart of the line-up stands in: a title, what it shows, the drawing, and the same figures as a table. */

import { html, nothing } from '../vendor/lit-html-3.3.3/lit-html.js';
import { t } from './text.js';

/** A table's content, its headings first. @typedef {{headings: string[], rows: (string | number)[][]}} Table */

/**
 * @param {{title: string, note?: unknown, drawing: unknown, table?: Table | null, more?: unknown, kind?: string}} panel
 */
export function panel({ title, note = nothing, drawing, table = null, more = nothing, kind = '' }) {
  return html`<figure class="panel ${kind}">
    <figcaption><h3>${title}</h3><p class="muted">${note}</p></figcaption>
    ${drawing}
    ${table ? asTable(table, title) : nothing}
    ${more}
  </figure>`;
}

/** @param {Table} table @param {string} title */
function asTable({ headings, rows }, title) {
  return html`<details><summary>${t('lineup.table')}</summary>
    <div class="scroll" tabindex="0" role="region" aria-label=${title}>
      <table>
        <caption class="unseen">${title}</caption>
        <thead><tr>${headings.map((heading) => html`<th scope="col">${heading}</th>`)}</tr></thead>
        <tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((value) => html`<td>${value}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
  </details>`;
}

/**
 * What stands in the place of figures that nobody measured: the command that does.
 * @param {(string | undefined)[]} commands @param {string} [why]
 */
export function missing(commands, why = t('lineup.missing')) {
  const told = [...new Set(commands.filter(Boolean))];
  return html`<div class="missing"><p>${why}</p>${told.map((command) => html`<code>${command}</code>`)}</div>`;
}
