/*
 * Keeps the page as the server would render it now. Without this script it is the same page, and stands still.
 *
 *   /api/stream ──something happened──> at most once a second: GET /parts ──> what differs is changed in place
 *   nobody answers ──for a while──> the page, its title and its icon say so, and its ages stand still
 *   a button    ──POST, as without script──> the page it leads to ──> its flash as a toast, the rest in place
 *
 * No word and no number is made here but ages: the server renders everything. Nodes that stay the same node keep their
 * focus, their scroll, what is typed into them and whether they are folded out.
 */

import { become } from '/static/become.js';
import { span } from '/static/span.js';

/** @param {string} id @returns {HTMLElement} */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const LEAST_MS = Number(byId('main').dataset.refreshMs); // between two refreshes
const SHARE = 5; // and so many times what the last one took: a slow server is asked less
const QUIET_MS = 20000; // the stream says how it stands every 5 s: without a word for so long, it is lost
const LOST_MS = 15000; // nothing that is older is shown as if it were so now
const TOAST_MS = 8000;
const AWAY_MS = 10000; // a tab that is hidden for so long lets go of the stream: a browser has six connections for us
const AWAY_EVERY_MS = 30000; // and looks by itself, for its title

/* ---- what the server renders, brought into the page ---- */

let lit = true;

/** Show what of it is new. @param {HTMLElement} element */
function light(element) {
  if (!lit || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  const accent = getComputedStyle(document.documentElement).getPropertyValue('--lit');
  for (const row of 'fresh' in element.dataset ? [element] : element.querySelectorAll('[data-fresh]')) {
    row.animate([{ backgroundColor: accent }, { backgroundColor: 'transparent' }], { duration: 2500 });
  }
}

/** Bring what was rendered into the page. @param {Document} page */
function show(page) {
  const focused = document.activeElement;
  const within = focused && focused.closest('[data-part]');
  for (const part of page.querySelectorAll('[data-part]')) {
    const here = document.getElementById(part.id);
    if (!here) return location.reload(); // the store could not be read when this page was made, and now it can
    become(here, part, light);
  }
  const glance = byId('glance').dataset;
  answered = Date.now();
  lost = false;
  byId('lost').hidden = true;
  delete document.body.dataset.lost;
  title(glance.title || '', glance.kind || '');
  skew = Number(glance.now || Date.now()) - Date.now();
  tick();
  if (within && focused && !focused.isConnected) {
    const heading = document.querySelector(`#${within.id} h2`); // the button's row is gone: stay in its section
    if (heading instanceof HTMLElement) heading.focus({ preventScroll: true });
  }
}

/** What a tab shows of it. @param {string} text @param {string} kind */
function title(text, kind) {
  if (document.title !== text) document.title = text;
  const icon = `/static/icon-${kind}.svg`;
  if (byId('icon').getAttribute('href') !== icon) byId('icon').setAttribute('href', icon);
}

/** @param {string} html */
const read = (html) => new DOMParser().parseFromString(html, 'text/html');

/* ---- ages ---- */

let skew = Number(byId('glance').dataset.now || Date.now()) - Date.now(); // how far the relay's clock is ahead of ours

let answered = Date.now(); // when the page was last as the relay tells it
let lost = false; // and that is too long ago

/** Something was asked in vain. */
function miss() {
  if (lost || paused || Date.now() - answered < LOST_MS) return;
  lost = true;
  const since = new Date(answered + skew).toISOString().slice(11, 19);
  byId('lost').textContent = `The relay does not answer since ${since} UTC. What stands below is from then.`;
  byId('lost').hidden = false;
  document.body.dataset.lost = '';
  title('✕ no answer · Relay', 'bad');
  tick();
}

function tick() {
  const now = (lost ? answered : Date.now()) + skew;
  for (const time of document.querySelectorAll('time[data-tick]')) {
    const seconds = (now - Date.parse(time.getAttribute('datetime') || '')) / 1000;
    const text = span(time.getAttribute('data-tick') === 'left' ? -seconds : seconds);
    if (time.textContent !== text) time.textContent = text;
  }
}

/* ---- refreshes ---- */

let paused = false;
let asking = false;
let dirty = false;
let stale = false; // the last answer was no page
let posts = 0; // buttons whose answers were shown
let timer = 0;
let next = 0;

/** Refresh as soon as it may be. */
function soon() {
  dirty = true;
  if (paused || asking || timer || document.hidden) return;
  timer = setTimeout(refresh, Math.max(0, next - Date.now()));
}

async function refresh() {
  timer = 0;
  asking = true;
  dirty = false;
  const [began, before] = [Date.now(), posts];
  let took = 0; // nothing, where it was in vain: who comes back is to be seen soon
  try {
    const answer = await fetch(`/parts${location.search}`, {
      headers: { Accept: 'text/html' },
      signal: AbortSignal.timeout(LOST_MS),
    });
    if (answer.status === 401) return over();
    if (answer.headers.get('Content-Type')?.startsWith('text/html')) {
      const page = read(await answer.text());
      took = Date.now() - began;
      if (posts !== before) dirty = true; // rendered before what was done since
      else if (!paused) show(page);
      stale = false;
      if (!paused && !stream && !away) listen(); // the session was over, and another tab began one
    } else {
      stale = dirty = true; // the stream may speak, and the page tell of an hour ago
      say('reconnecting', 'reconnecting…');
      miss();
    }
  } catch {
    miss(); // that it is tried again the stream's end says
  } finally {
    asking = false;
    lit = true;
    next = Date.now() + Math.max(LEAST_MS, SHARE * took);
    if (dirty) soon();
  }
}

/* ---- the stream ---- */

/** @type {EventSource | null} */
let stream = null;
let heard = 0;
let told = '';

/** The stream speaks. */
function hear() {
  heard = Date.now();
  if (!stale) say('live');
}

/** Say how live the page is: `live`, `reconnecting`, `paused`. @param {string} how @param {string} text */
function say(how, text = how) {
  const live = byId('live');
  if (live.dataset.how === how) return;
  live.dataset.how = how;
  live.textContent = text;
}

function listen() {
  stream?.close();
  stream = new EventSource('/api/stream');
  heard = Date.now();
  stream.onopen = () => {
    hear();
    soon();
  };
  stream.onerror = () => {
    say('reconnecting', 'reconnecting…');
    miss();
  };
  for (const name of ['event', 'delivery', 'gap']) {
    stream.addEventListener(name, () => {
      heard = Date.now();
      soon();
    });
  }
  stream.addEventListener('status', (message) => {
    hear();
    if (document.hidden && message.data !== told) void refresh(); // for the tab's title
    told = message.data;
    soon();
  });
}

let away = 0; // since when nobody looks at the tab, as far as it has let go of the stream
let leaving = 0;

/** The tab comes to the front, or goes. */
function turn() {
  clearTimeout(leaving);
  if (document.hidden) {
    leaving = setTimeout(leave, AWAY_MS);
  } else if (away) {
    away = 0;
    if (!paused) listen();
  }
  soon();
}

function leave() {
  if (paused || !stream) return;
  stream.close();
  stream = null;
  away = Date.now();
}

/** Each second: ages, and whether the stream still speaks. */
function beat() {
  if (!document.hidden) tick();
  if (away && !asking && Date.now() - away > AWAY_EVERY_MS) {
    away = Date.now();
    void refresh();
  }
  if (paused || !stream) return;
  if (stream.readyState === EventSource.CLOSED || Date.now() - heard > QUIET_MS) {
    say('reconnecting', 'reconnecting…');
    if (Date.now() - heard > LEAST_MS * 4) {
      soon(); // it may be the session that is over
      listen();
    }
  }
}

/** The session is over. */
function over() {
  stream?.close();
  stream = null;
  if (byId('live').dataset.how === 'over') return; // it is said
  say('over', '');
  const link = document.createElement('a');
  link.href = '/';
  link.textContent = 'Your session is over: log in';
  byId('live').append(link);
}

function togglePause() {
  paused = !paused;
  const button = byId('live-toggle');
  button.textContent = paused ? 'Go on' : 'Hold page';
  if (paused) {
    stream?.close();
    stream = null;
    say('paused', 'held');
  } else {
    say('reconnecting', 'reconnecting…');
    answered = Date.now(); // from here on it is asked again
    listen();
  }
}

/* ---- buttons and the filter ---- */

/** @param {Element} flash */
function toast(flash) {
  byId('toast').replaceChildren(document.importNode(flash, true));
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId('toast').replaceChildren(), TOAST_MS);
}
let toastTimer = 0;

/** @param {string} text */
function complain(text) {
  const flash = document.createElement('p');
  flash.id = 'flash';
  flash.className = 'told bad';
  flash.textContent = text;
  toast(flash);
}

/** @type {Set<HTMLFormElement>} */
const busy = new Set(); // their requests are under way

/** @param {HTMLFormElement} form */
async function post(form) {
  if (busy.has(form)) return;
  busy.add(form);
  try {
    const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
    const answer = await fetch(form.getAttribute('action') || '/', { method: 'POST', body, headers: { Accept: 'text/html' } });
    if (answer.status === 401) return over();
    const page = read(await answer.text());
    const flash = page.getElementById('flash');
    if (flash) toast(flash);
    else complain(`That was not done (${answer.status}).`);
    posts += 1;
    if (page.getElementById('glance')) show(page);
    form.closest('details.pop')?.removeAttribute('open');
    if (flash?.classList.contains('good')) form.reset();
  } catch {
    complain('The relay does not answer. Nothing is known of what you asked for: look before you ask again.');
  } finally {
    busy.delete(form);
  }
}

/** @param {HTMLFormElement} form */
function filter(form) {
  const wanted = [...new FormData(form)].filter(([, value]) => String(value).trim());
  const query = new URLSearchParams(/** @type {any} */ (wanted)).toString();
  history.replaceState(null, '', query ? `/?${query}#alerts` : '/#alerts');
  lit = false; // what fits now is not new
  if (paused) location.reload();
  else soon();
}

document.addEventListener('submit', (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  event.preventDefault();
  if (form.getAttribute('method') === 'post') void post(form);
  else filter(form);
});

document.addEventListener('visibilitychange', turn);
byId('live-toggle').addEventListener('click', togglePause);
byId('live-toggle').hidden = false;
byId('live').textContent = 'connecting…';
if (new URLSearchParams(location.search).has('flash')) {
  const rest = new URLSearchParams(location.search);
  rest.delete('flash'); // it is shown once
  history.replaceState(null, '', `/${rest.size ? `?${rest}` : ''}${location.hash}`);
}
listen();
if (document.hidden) turn(); // opened in the background
setInterval(beat, 1000);
