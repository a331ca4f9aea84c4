/*
 * A part of the page as it is, and as the server renders it now: only what differs is changed, in place.
 *
 * Nodes with an id are known by it, the others by their place and kind. A node that stays keeps its focus, its scroll,
 * what is selected in it; what a person did to it (typed, chose, folded out) is left alone.
 */

/** @param {Node} node @returns {string} what it goes by among its siblings; empty where that is its place */
const keyOf = (node) => (node instanceof Element ? node.id : '');

/**
 * Make `old` what `fresh` is, by as few changes as may be.
 * @param {Node} old @param {Node} fresh @param {(made: HTMLElement) => void} added is told what is new
 */
export function become(old, fresh, added) {
  if (old.isEqualNode(fresh)) return;
  if (old instanceof Element && fresh instanceof Element) {
    takeAttributes(old, fresh);
    takeChildren(old, fresh, added);
  } else if (old.nodeValue !== fresh.nodeValue) {
    old.nodeValue = fresh.nodeValue;
  }
}

/** @param {Element} old @param {Element} fresh */
function takeAttributes(old, fresh) {
  const kept = (/** @type {string} */ name) =>
    (name === 'open' && old.matches('details')) || // a person folds it out and in
    (name === 'value' && old.matches('input:not([type=hidden])')) || // and types
    (name === 'selected' && old.matches('option')); // and chooses
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !kept(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !kept(name)) old.setAttribute(name, value);
  }
}

/** @param {Element} old @param {Element} fresh @param {(made: HTMLElement) => void} added */
function takeChildren(old, fresh, added) {
  const wanted = new Set([...fresh.children].map(keyOf).filter(Boolean));
  const keyed = new Map();
  for (const child of [...old.children]) {
    const key = keyOf(child);
    if (key && !wanted.has(key)) child.remove(); // first, so that those behind it need not move, which takes focus
    else if (key) keyed.set(key, child);
  }
  let at = /** @type {ChildNode | null} */ (old.firstChild);
  for (const child of [...fresh.childNodes]) {
    const key = keyOf(child);
    const same = key ? keyed.get(key) : at && !keyOf(at) && at.nodeName === child.nodeName ? at : null;
    if (!same) {
      const made = old.insertBefore(document.importNode(child, true), at);
      if (made instanceof HTMLElement) added(made);
      continue;
    }
    while (at && at !== same && !keyOf(at)) at = without(at);
    if (at === same) at = at.nextSibling;
    else old.insertBefore(same, at);
    become(same, child, added);
  }
  while (at) at = without(at);
}

/** Take it away; what came after it. @param {ChildNode} node */
function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}
