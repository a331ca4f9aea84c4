/*
 * Ages and waits tick on between two answers of the server, so this is known in two places: `span` in `shown.py` tells
 * the same of the same seconds, and a test has both tell it.
 */

/** A length of time at the precision a glance needs: `4s`, `3m 12s`, `2h 5m`, `9d 3h`. @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  for (const [size, unit, rest, restUnit] of /** @type {const} */ ([
    [86400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'm'],
    [60, 'm', 1, 's'],
  ])) {
    if (whole >= size) return `${Math.floor(whole / size)}${unit} ${Math.floor((whole % size) / rest)}${restUnit}`;
  }
  return `${whole}s`;
}
