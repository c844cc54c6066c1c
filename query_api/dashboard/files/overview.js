// Tiles, the chart, what is trending and languages: what the counters say of the time that is looked at.

import * as address from "./address.js";
import { get, poll } from "./api.js";
import { sparkBars, timeChart } from "./charts.js";
import { byId, el, show } from "./dom.js";
import * as format from "./format.js";
import { shares } from "./marks.js";
import { ranking } from "./ranking.js";
import { isIndexed } from "./search.js";

const SECONDS = 5;
const SPARK_MINUTES = 30;
const MINUTE = 60_000;
const WINDOWS = {
  "1h": { granularity: "minute", back: 60 * MINUTE, words: "in the last hour" },
  "24h": { granularity: "hour", back: 1440 * MINUTE, words: "in the last 24 hours" },
  "7d": { granularity: "hour", back: 7 * 1440 * MINUTE, words: "in the last 7 days" },
  "30d": { granularity: "day", back: 30 * 1440 * MINUTE, words: "in the last 30 days" },
};
/** What is trending -> the filter that finds posts with it, and the sign that stands before it. */
const KINDS = {
  hashtags: { filter: "hashtag", sign: "#" },
  mentions: { filter: "mention", sign: "@" },
  keywords: { filter: "text" },
  domains: { filter: "domain" },
  authors: { filter: "author" },
  emoji: {},
};
const DEFAULT_WINDOW = "24h";
const NONE = "No posts in this time yet. Send one below, and it appears here.";

export function startOverview() {
  const draw = timeChart(byId("series-chart"));
  const rankTrends = ranking(byId("trends-rows"));
  const rankLanguages = ranking(byId("languages-rows"));
  const ofAddress = () => (address.said("window") in WINDOWS ? address.said("window") : DEFAULT_WINDOW);
  const check = (name) => (document.querySelector(`input[name=window][value="${name}"]`).checked = true);
  check(ofAddress());
  const chosen = () => document.querySelector("input[name=window]:checked").value;

  const again = [
    poll(byId("tiles"), SECONDS, async (signal) => {
      const name = chosen();
      const recent = series("minute", SPARK_MINUTES * MINUTE, "posts");
      const [stats, minutes] = await Promise.all([get(`stats/?window=${name}`, { signal }), get(recent, { signal })]);
      showTiles(stats, minutes.points, WINDOWS[name].words);
      showLanguages(stats.detected_languages, rankLanguages);
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
      showTrends(trends, kind, rankTrends);
    }),
  ];

  byId("series-zone").textContent = format.ZONE.replaceAll("_", " ");
  byId("window").addEventListener("change", () => {
    address.say({ window: chosen() });
    for (const ask of again) ask();
  });
  address.onTravel(() => {
    if (ofAddress() === chosen()) return;
    check(ofAddress());
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

function showTrends(trends, kind, rank) {
  show(byId("trends"), trends.length ? "ready" : "empty", trends.length ? "" : "Nothing is trending in this time.");
  const { filter, sign = "" } = KINDS[kind];
  const pressable = filter && (filter !== "text" || isIndexed());
  const most = trends[0]?.posts;
  rank(
    trends.map(({ value, posts, posts_before, ratio }) => ({
      name: sign + value,
      only: pressable && { name: filter, value },
      posts,
      length: posts / most,
      last: change(posts_before, ratio),
    })),
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

function showLanguages({ most, others }, rank) {
  const total = most.reduce((sum, each) => sum + each.posts, others.posts);
  show(byId("languages"), total ? "ready" : "empty", total ? "" : "No languages in this time.");
  const shown = most.slice(0, 7);
  const rest = total - shown.reduce((sum, each) => sum + each.posts, 0);
  const items = shown.map(({ language, posts }) => ({ name: format.language(language), only: { name: "language", value: language }, posts }));
  if (rest) items.push({ name: `${format.count(most.length - shown.length + others.languages)} others`, posts: rest });
  const first = Math.max(...items.map(({ posts }) => posts));
  rank(items.map((item) => ({ ...item, length: item.posts / first, last: format.percent(item.posts / total) })));
}
