// Times, sizes and numbers as people read them.

const NUMBER = new Intl.NumberFormat("en");
const ROUGH = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
// h23: with hour12, the first second after midnight would be 24:00:00.
const DATE = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium", hourCycle: "h23" });
const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export const number = (value) => NUMBER.format(value);
export const rough = (value) => ROUGH.format(value);

/** As in 1.5 MiB. */
export function bytes(value) {
  let at = 0;
  while (value >= 1024 && at < UNITS.length - 1) [value, at] = [value / 1024, at + 1];
  return `${at ? ROUGH.format(value) : NUMBER.format(value)} ${UNITS[at]}`;
}

/** Seconds as in 12 ms, 3.4 s, 2 min 5 s, 3 h 10 min, 4 d 2 h. */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 59.95) return `${ROUGH.format(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return two(whole, 60, "min", 1, "s");
  if (whole < 86400) return two(whole, 3600, "h", 60, "min");
  return two(whole, 86400, "d", 3600, "h");
}

function two(seconds, large, largeName, small, smallName) {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/** A time of the service in the reader's time zone: of today only the clock. */
export function time(text) {
  const date = new Date(text);
  const today = date.toDateString() === new Date().toDateString();
  return (today ? CLOCK : DATE).format(date);
}

export const fullTime = (text) => DATE.format(new Date(text));
export const secondsBetween = (from, to) => (new Date(to ?? Date.now()) - new Date(from)) / 1000;

/** An id in short: its end, since the start of ids that are close in time is the same. */
export const shortId = (id) => `…${id.slice(-8)}`;

/** Plural by count: plural(2, "job") is "2 jobs". */
export const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;
