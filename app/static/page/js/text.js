// @ts-check
/** Texts and numbers in the page's language. The service puts the texts into the page: see app/web/pages.py. */

/** @type {Record<string, string>} */
const texts = JSON.parse(document.getElementById('texts')?.textContent ?? '{}');

/** "en" or "zh". */
export const language = texts.language;

/**
 * A text by its name, its places filled: t('answer.split', {votes: 6, of: 7}). Its name where there is none.
 * @param {string} name @param {Record<string, string | number>} [values]
 */
export function t(name, values = {}) {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (place, key) => String(values[key] ?? place));
}

/** Whether there is a text of that name. @param {string} name */
export function has(name) {
  return name in texts;
}

const percents = new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat(language, { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
const figure = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const list = new Intl.ListFormat(language, { type: 'conjunction' });

/** ["NiN", "VGG-11"] -> "NiN and VGG-11" @param {string[]} names */
export const listed = (names) => list.format(names);
/** 0.9871 -> "98.7%" @param {number} share */
export const percent = (share) => percents.format(share);
/** 0.98713 -> "98.71%" @param {number} share */
export const percent2 = (share) => fine.format(share);
/** 0.0412345 -> "0.0412" @param {number} value */
export const number = (value) => figure.format(value);
/** 11178378 -> "11.2M" @param {number} count */
export const about = (count) => compact.format(count);
/** 11178378 -> "11,178,378" @param {number} count */
export const exactly = (count) => whole.format(count);
/** 3.14 -> "3.1 ms" @param {number} ms */
export const milliseconds = (ms) => t('unit.ms', { value: short.format(ms) });

/** A class by its place: "Sneaker", or what that is in the page's language. @param {string} dataset @param {number} index @param {string} label */
export function labelOf(dataset, index, label) {
  const name = `class.${dataset}.${index}`;
  return has(name) ? t(name) : label;
}

/** What was new in a network, in the page's language. @param {{name: string, idea: string}} network */
export function ideaOf({ name, idea }) {
  const text = `inside.idea.${name}`;
  return has(text) ? t(text) : idea;
}

/** Why a picture is taken for what it is, in the page's language. @param {string | null} reason */
export function reasonOf(reason) {
  const name = `reason.${reason}`;
  return has(name) ? t(name) : reason ?? '';
}
