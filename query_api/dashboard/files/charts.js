// Charts as SVG. Colours and fonts are the stylesheet's.

import { svg } from "./dom.js";
import * as format from "./format.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY];
const RIGHT = 6;
const TOP = 12;
const AXIS = 30;
const BETWEEN = 32;
const VOLUME_SHARE = 0.66;
const TICK_WIDTH = 64;
/** Room for the numbers beside it, as large as the reader has letters. */
const LEFT = 2.9 * parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Small bars of a few numbers. */
export function sparkBars(numbers, label) {
  const most = Math.max(1, ...numbers);
  const bars = numbers.map((number, index) => {
    const height = Math.max(number ? 2 : 0.75, (number / most) * 30);
    return svg("rect", { x: index * 4, y: 30 - height, width: 3, height, rx: 0.75 });
  });
  const viewBox = `0 0 ${numbers.length * 4 - 1} 30`;
  return svg("svg", { viewBox, preserveAspectRatio: "none", role: "img", "aria-label": label }, ...bars);
}

/**
 * Bars of posts over a line of their sentiment, as large as the element that they are put in.
 *
 * `draw(points, granularity)` takes points of /api/v1/timeseries/: {from, posts, sentiment: {posts, mean}}.
 */
export function timeChart(element) {
  let drawn = [[], "hour"];

  function draw(points, granularity) {
    drawn = [points, granularity];
    const { clientWidth: width, clientHeight: height } = element;
    if (!points.length || !width) return;
    const room = height - TOP - BETWEEN - AXIS;
    const upper = { top: TOP, bottom: TOP + room * VOLUME_SHARE };
    const lower = { top: upper.bottom + BETWEEN, bottom: height - AXIS };
    const step = (width - LEFT - RIGHT) / points.length;
    const middle = (index) => LEFT + (index + 0.5) * step;
    const label = summary(points, granularity);
    const image = svg(
      "svg",
      { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label },
      gradient(lower),
      ...timeAxis(points, granularity, middle, width, height),
      ...volume(points, middle, step, width, upper),
      ...mood(points, middle, width, lower),
    );
    const cursor = svg("line", { class: "cursor", y1: upper.top, y2: lower.bottom });
    image.append(cursor);
    const readout = Object.assign(document.createElement("p"), { className: "readout", hidden: true });
    readout.setAttribute("aria-hidden", "true");
    image.onpointermove = (event) => {
      const at = Math.floor((event.offsetX - LEFT) / step);
      const point = points[at];
      readout.hidden = !point;
      if (!point) return;
      const x = middle(at);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      cursor.classList.add("shown");
      const mean = format.sentiment(point.sentiment.mean);
      readout.textContent = `${format.time(point.from, granularity)} · ${format.count(point.posts)} posts · ${mean}`;
      readout.style.left = `${Math.min(Math.max(x, 110), width - 110)}px`;
    };
    image.onpointerleave = () => {
      readout.hidden = true;
      cursor.classList.remove("shown");
    };
    element.replaceChildren(image, readout);
  }

  new ResizeObserver(() => draw(...drawn)).observe(element);
  return draw;
}

function summary(points, granularity) {
  const posts = points.reduce((sum, point) => sum + point.posts, 0);
  const most = points.reduce((first, point) => (point.posts > first.posts ? point : first));
  return (
    `${format.count(posts)} posts by the ${granularity}, most of them, ${format.count(most.posts)}, ` +
    `from ${format.time(most.from, "hour")} on; with their mean sentiment. The table below has all values.`
  );
}

function volume(points, middle, step, width, place) {
  const top = nice(Math.max(1, ...points.map((point) => point.posts)));
  const y = (posts) => place.bottom - (posts / top) * (place.bottom - place.top);
  const lines = [0, top / 2, top].filter(Number.isInteger).flatMap((value) => [
    svg("line", { class: value ? "grid" : "axis", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick end", x: LEFT - 8, y: y(value) + 4 }, format.brief(value)),
  ]);
  const bar = Math.min(28, Math.max(1, step - Math.max(1.5, step * 0.25)));
  const bars = points.map((point, index) =>
    svg("rect", {
      // The last one has not come to its end.
      class: index === points.length - 1 ? "bar open" : "bar",
      x: middle(index) - bar / 2,
      y: y(point.posts),
      width: bar,
      height: place.bottom - y(point.posts),
      rx: Math.min(3, bar / 3),
    }),
  );
  return [...lines, ...bars];
}

function mood(points, middle, width, place) {
  const rated = points.map((point) => point.sentiment.mean).filter((mean) => mean != null);
  const reach = Math.min(1, Math.max(0.25, Math.ceil(Math.max(0, ...rated.map(Math.abs)) * 4) / 4));
  const centre = (place.top + place.bottom) / 2;
  const y = (mean) => centre - (mean / reach) * (centre - place.top);
  const lines = [reach, 0, -reach].flatMap((value) => [
    svg("line", { class: value ? "grid" : "axis", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick end", x: LEFT - 8, y: y(value) + 4 }, value ? format.sentiment(value) : "0"),
  ]);
  const paths = runs(points).flatMap((run) => {
    const places = run.map((index) => `${middle(index)},${y(points[index].sentiment.mean)}`);
    if (run.length === 1) {
      return [svg("circle", { class: "mood-dot", cx: middle(run[0]), cy: y(points[run[0]].sentiment.mean), r: 2.5 })];
    }
    const line = `M${places.join("L")}`;
    const area = `${line}L${middle(run.at(-1))},${centre}L${middle(run[0])},${centre}Z`;
    return [svg("path", { class: "mood-area", d: area }), svg("path", { class: "mood-line", d: line })];
  });
  return [...lines, ...paths];
}

/** Indices of points that follow one another and have a sentiment. */
function runs(points) {
  const found = [];
  points.forEach((point, index) => {
    if (point.sentiment.mean == null) return;
    if (index && points[index - 1].sentiment.mean != null) found.at(-1).push(index);
    else found.push([index]);
  });
  return found;
}

function timeAxis(points, granularity, middle, width, height) {
  const times = points.map((point) => new Date(point.from));
  const span = times.at(-1) - times[0];
  const step = STEPS.find((each) => span / each <= (width - LEFT) / TICK_WIDTH) ?? STEPS.at(-1);
  return times.flatMap((at, index) => {
    const local = at - at.getTimezoneOffset() * MINUTE;
    const x = middle(index);
    if (local % step || x > width - 24) return [];
    const words = step >= DAY || (granularity !== "day" && local % DAY === 0) ? format.time(at, "date") : format.time(at, "minute");
    return [svg("text", { class: "tick middle", x, y: height - 6 }, words)];
  });
}

/** Above zero one colour, below it another. */
function gradient({ top, bottom }) {
  const stop = (offset, name) => svg("stop", { offset, class: name });
  const colours = ["positive", "positive", "negative", "negative"].map((name, index) => stop(index < 2 ? index / 2 : (index - 1) / 2, name));
  const place = { id: "mood-colours", gradientUnits: "userSpaceOnUse", x1: 0, x2: 0, y1: top, y2: bottom };
  return svg("defs", {}, svg("linearGradient", place, ...colours));
}

/** The next of 1, 2, 4, 6, 8, 10, 20, ... */
function nice(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return [1, 2, 4, 6, 8, 10].map((factor) => factor * power).find((value) => value >= number);
}
