// @ts-check

/** Fetch a sheet that a part alone needs; done once it is there, or cannot be had. @param {string} name */
export function dress(name) {
  const link = document.createElement('link');
  Object.assign(link, { rel: 'stylesheet', href: `static/page/style/${name}.css` });
  document.head.append(link);
  return new Promise((done) => ['load', 'error'].forEach((end) => link.addEventListener(end, done)));
}
