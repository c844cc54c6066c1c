// Tiles, the chart, what is trending and languages: what the counters say of the time that is looked at.

import { get, poll } from "./api.js";
import { sparkBars, timeChart } from "./charts.js";
import { byId, el, show, styled } from "./dom.js";
import * as format from "./format.js";
import { shares } from "./marks.js";

const SECONDS = 5;
const SPARK_MINUTES = 30;
const MINUTE = 60_000;
const WINDOWS = {
  "1h": { granularity: "minute", back: 60 * MINUTE, words: "in the last hour" },
  "24h": { granularity: "hour", back: 1440 * MINUTE, words: "in the last 24 hours" },
  "7d": { granularity: "hour", back: 7 * 1440 * MINUTE, words: "in the last 7 days" },
  "30d": { granularity: "day", back: 30 * 1440 * MINUTE, words: "in the last 30 days" },
};
const NONE = "No posts in this time yet. Send one below, and it appears here.";

export function startOverview() {
  const draw = timeChart(byId("series-chart"));
  const asked = new URLSearchParams(location.search).get("window");
  if (asked in WINDOWS) document.querySelector(`input[name=window][value="${asked}"]`).checked = true;
  const chosen = () => document.querySelector("input[name=window]:checked").value;

  const again = [
    poll(byId("tiles"), SECONDS, async (signal) => {
      const name = chosen();
      const recent = series("minute", SPARK_MINUTES * MINUTE, "posts");
      const [stats, minutes] = await Promise.all([get(`stats/?window=${name}`, { signal }), get(recent, { signal })]);
      showTiles(stats, minutes.points, WINDOWS[name].words);
      showLanguages(stats.detected_languages);
    }),
    poll(byId("series"), SECONDS, async (signal) => {
      const { granularity, back } = WINDOWS[chosen()];
      const { points } = await get(series(granularity, back, "posts,sentiment"), { signal });
      const any = points.some((point) => point.posts);
      show(byId("series"), any ? "ready" : "empty", any ? "" : NONE);
      if (!any) return;
      draw(points, granularity);
      showTable(points, granularity);
    }),
    poll(byId("trends"), SECONDS, async (signal) => {
      const kind = byId("trends-kind").value;
      const { trends } = await get(`trends/${kind}/?window=${chosen()}&limit=8`, { signal });
      showTrends(trends, kind);
    }),
  ];

  byId("series-zone").textContent = format.ZONE.replaceAll("_", " ");
  byId("window").addEventListener("change", () => {
    // So that it can be come back to, and shown to others.
    history.replaceState(null, "", `?window=${chosen()}${location.hash}`);
    for (const ask of again) ask();
  });
  byId("trends-kind").addEventListener("change", () => again.at(-1)());
  return () => again.forEach((ask) => ask.soon());
}

function series(granularity, back, metrics) {
  const from = new Date(Date.now() - back).toISOString();
  return `timeseries/?${new URLSearchParams({ metrics, granularity, from, timezone: format.ZONE })}`;
}

function showTiles(stats, minutes, words) {
  show(byId("tiles"), "ready");
  const posts = minutes.map((point) => point.posts);
  // Of the minute before as much as this one still lacks.
  const lacking = 1 - (Date.now() - new Date(minutes.at(-1).from)) / MINUTE;
  const rate = posts.at(-1) + (posts.at(-2) ?? 0) * Math.min(1, Math.max(0, lacking));
  byId("rate").textContent = format.brief(Math.round(rate));
  byId("rate-spark").replaceChildren(sparkBars(posts, `Posts of the last ${SPARK_MINUTES} minutes: ${posts.join(", ")}`));

  const { mean, labels } = stats.sentiment;
  byId("mood").textContent = format.sentiment(mean);
  byId("mood").dataset.mood = mean == null || Math.abs(mean) < 0.05 ? "neutral" : mean > 0 ? "positive" : "negative";
  byId("mood-shares").replaceChildren(mean == null ? "" : shares(labels));

  const { distinct, missing, error } = stats.authors;
  byId("authors").textContent = distinct == null ? "–" : format.brief(Math.round(distinct));
  byId("authors-note").textContent = missing ?? (distinct ? `about ${format.decimal(stats.volume.posts / distinct)} posts each; ± ${format.percent(error)}` : words);

  byId("volume").textContent = format.brief(stats.volume.posts);
  const { posts: total, words_per_post: length } = stats.volume;
  byId("volume-note").textContent = total ? `${words}, ${format.decimal(length)} words each` : words;
}

function showTable(points, granularity) {
  const rows = points.toReversed().filter((point) => point.posts);
  byId("series-rows").replaceChildren(
    ...rows.map((point) =>
      el(
        "tr",
        {},
        el("th", { scope: "row" }, format.time(point.from, granularity)),
        el("td", { class: "number" }, format.count(point.posts)),
        el("td", { class: "number" }, format.sentiment(point.sentiment.mean)),
      ),
    ),
  );
}

function showTrends(trends, kind) {
  show(byId("trends"), trends.length ? "ready" : "empty", trends.length ? "" : "Nothing is trending in this time.");
  const sign = { hashtags: "#", mentions: "@" }[kind] ?? "";
  const most = trends[0]?.posts;
  byId("trends-rows").replaceChildren(
    ...trends.map(({ value, posts, posts_before, ratio }) =>
      row(sign + value, posts, posts / most, change(posts_before, ratio)),
    ),
  );
}

function change(before, ratio) {
  if (!before) return el("span", { class: "change new" }, "new");
  const by = ratio - 1;
  const kind = Math.abs(by) < 0.005 ? "same" : by > 0 ? "up" : "down";
  const sign = { same: "=", up: "▲", down: "▼" }[kind];
  const amount = ratio >= 10 ? `${format.brief(Math.round(ratio))}×` : format.percent(Math.abs(by));
  const spoken = { same: "unchanged", up: "more than before by", down: "less than before by" }[kind];
  return el(
    "span",
    { class: `change ${kind}` },
    el("span", { "aria-hidden": "true" }, `${sign} `),
    el("span", { class: "hidden" }, `${spoken} `),
    kind === "same" ? "" : amount,
  );
}

function showLanguages({ most, others }) {
  const total = most.reduce((sum, each) => sum + each.posts, others.posts);
  show(byId("languages"), total ? "ready" : "empty", total ? "" : "No languages in this time.");
  const shown = most.slice(0, 7);
  const rest = total - shown.reduce((sum, each) => sum + each.posts, 0);
  const rows = shown.map(({ language, posts }) => [format.language(language), posts]);
  if (rest) rows.push([`${format.count(most.length - shown.length + others.languages)} others`, rest]);
  const first = Math.max(...rows.map(([, posts]) => posts));
  byId("languages-rows").replaceChildren(
    ...rows.map(([name, posts]) => row(name, posts, posts / first, format.percent(posts / total))),
  );
}

function row(name, posts, length, last) {
  const bar = styled(el("span", { class: "bar" }), { "--length": length });
  return el(
    "tr",
    {},
    el("th", { scope: "row", title: name }, bar, el("span", { class: "name" }, name)),
    el("td", { class: "number" }, format.brief(posts)),
    el("td", { class: "number last" }, last),
  );
}
