// Charts as plain drawings: lines over time, bars over categories, columns over time.

import { h, svg } from "./dom.js";
import * as format from "./format.js";

const [WIDTH, HEIGHT] = [600, 140];

/** A round number at or above the greatest value, so that the scale does not change all the time. */
function ceiling(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((factor) => factor * power >= value) * power;
}

function frame(label, top, left, right, drawing) {
  return h("figure", { class: "chart" },
    h("figcaption", {}, label),
    h("span", { class: "chart-top" }, top),
    svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
      svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: 0.5, y2: 0.5 }),
      svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT / 2, y2: HEIGHT / 2 }),
      svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5 }),
      drawing),
    h("div", { class: "chart-x" }, h("span", {}, left), h("span", {}, right)));
}

/** A line over the time from `start` to `now`, in ms. `points` are [ms, value] in order of time;
 *  `show` makes a text of a value. */
export function lineChart(label, { start, now, points }, show) {
  const span = Math.max(60000, now - start);
  const most = ceiling(Math.max(0, ...points.map(([, value]) => value)));
  const place = ([at, value]) => [WIDTH - (WIDTH * (now - at)) / span, HEIGHT - 1 - ((HEIGHT - 2) * value) / most];
  const path = points.map(place).map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
  const [at, value] = points.at(-1) ?? [];
  const latest = points.length ? `, ${at === now ? "now" : "last"} ${show(value)}` : ", nothing yet";
  return frame(label + latest, show(most), `${format.duration(span / 1000)} ago`, "now",
    svg("polyline", { class: "line", points: path }));
}

/** Columns over time: `columns` are [start, value], evenly or not; each stands at its time. */
export function columnChart(label, columns, unitMs) {
  const times = columns.map(([start]) => Date.parse(start));
  const [first, last] = [times[0], times.at(-1)];
  const span = last - first + unitMs;
  const most = ceiling(Math.max(...columns.map(([, value]) => value)));
  const bars = columns.map(([start, value], at) => {
    const height = Math.max(1, ((HEIGHT - 2) * value) / most);
    const x = (WIDTH * (times[at] - first)) / span;
    const width = Math.max(0.8, (0.9 * WIDTH * unitMs) / span);
    return svg("rect", { class: "column", x, width, y: HEIGHT - 1 - height, height },
      svg("title", {}, `${start}: ${format.number(value)}`));
  });
  return frame(label, format.number(most), short(columns[0][0]), short(columns.at(-1)[0]), bars);
}

/** A time of the file itself, which is not told in the reader's time zone. */
const short = (text) => `${text.slice(0, 19).replace("T", " ")} UTC`;

/** Bars of named values, as a table that is drawn: the numbers are there as text. */
export function barTable(caption, rows) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  return h("table", { class: "bars" }, h("caption", {}, caption),
    h("tbody", {}, rows.map(([name, value, note]) => h("tr", {},
      h("th", { scope: "row" }, name),
      h("td", { class: "bar" }, h("meter", { max: most, value, "aria-hidden": "true" })),
      h("td", { class: "number" }, format.number(value)),
      h("td", { class: "quiet" }, note ?? "")))));
}
