// @ts-check
/** The question as a command or a program, and the answers as data. */

/** @typedef {import('./answers.js').Answers} Answers */
/**
 * @typedef {object} Question
 * @property {string} address
 * @property {string} file the picture's name, as the page saves it
 * @property {string} type its media type
 * @property {boolean} withKey whether the service wants one
 */

const KEY = 'YOUR-KEY'; // the real one is not for sharing
const JUDGED = /** @type {const} */ ([
  'dataset',
  'dataset_confidence',
  'in_distribution',
  'in_distribution_score',
  'reason',
]);

/** The name under which a picture is saved. A file that was opened keeps its name and its bytes. @param {import('./picture.js').Picture} picture @param {string} sample '' where it is none */
export function fileName(picture, sample) {
  return picture.kind === 'file' ? picture.name || 'picture' : `${sample || 'drawing'}.png`;
}

/** As it is declared to the service. @param {Blob} blob */
export const typeOf = (blob) => (blob.type.startsWith('image/') ? blob.type : 'application/octet-stream');

/** A command for a shell as POSIX has it. @param {Question} question */
export function curl({ address, file, type, withKey }) {
  const key = withKey ? ` -H 'X-API-Key: ${KEY}'` : '';
  return `curl --data-binary @${quoted(file)} -H ${quoted(`Content-Type: ${type}`)}${key} ${quoted(address)}\n`;
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** A program that needs httpx alone. A string of JSON is one of Python, too. @param {Question} question */
export function python({ address, file, type, withKey }) {
  const headers = { 'Content-Type': type, ...(withKey && { 'X-API-Key': KEY }) };
  return `from pathlib import Path

import httpx

answer = httpx.post(
    ${JSON.stringify(address)},
    content=Path(${JSON.stringify(file)}).read_bytes(),
    headers=${JSON.stringify(headers)},
    timeout=30,
)
answer.raise_for_status()
for result in answer.json()["results"]:
    print(result["model"], result["label"], result["confidence"])
`;
}

/** The answers as POST /compare gives them. @param {Answers} answers @param {string[]} order of the networks */
export function comparison({ of, tail }, order) {
  const results = order.flatMap((name) => of.get(name) ?? []);
  return { ...Object.fromEntries(JUDGED.map((name) => [name, results[0][name]])), results, ...tail };
}

/** One row a network, a column a class, as RFC 4180 has it. @param {Answers} answers @param {string[]} order of the networks */
export function csv({ of }, order) {
  const results = order.flatMap((name) => of.get(name) ?? []);
  const classes = [...results[0].predictions].sort((a, b) => a.index - b.index);
  const rows = results.map(({ model, dataset, label, confidence, predictions }) => {
    const byClass = new Map(predictions.map(({ index, probability }) => [index, probability]));
    return [model, dataset, label, confidence, ...classes.map(({ index }) => byClass.get(index) ?? '')];
  });
  const lines = [['model', 'dataset', 'label', 'confidence', ...classes.map(({ label }) => label)], ...rows];
  return lines.map((line) => line.map((cell) => field(String(cell))).join(',') + '\r\n').join('');
}

/** @param {string} cell */
const field = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
