// The dashboard, wired.

import { get } from "./api.js";
import { leaveOut, startCompose } from "./compose.js";
import { byId } from "./dom.js";
import { startFilter } from "./filter.js";
import { ZONE } from "./format.js";
import { startGenerations } from "./generations.js";
import { startHealth } from "./health.js";
import { startLetters } from "./letters.js";
import { follow } from "./live.js";
import { startOverview } from "./overview.js";
import { startPosts } from "./posts.js";
import { startReplays } from "./replays.js";
import { startSearch } from "./search.js";

const REFRESH = 2000;

byId("zone").textContent = ZONE.replaceAll("_", " ");
startFilter();
startSearch();
const refresh = startOverview();
const posts = startPosts();
startCompose();
startHealth();
startLetters();
startReplays();
startGenerations();

// What came changes the counts: they are asked for once for all that comes within two seconds.
let due = 0;
const changed = () => {
  due ||= setTimeout(() => {
    due = 0;
    refresh();
  }, REFRESH);
};
follow({
  analysis(analysis) {
    posts.analyzed(analysis);
    changed();
  },
  deleted(postId) {
    posts.deleted(postId);
    changed();
  },
  reset: () => posts.again(),
});

// What this server is: both APIs or the one, with a page for its reference or without.
get("openapi.json").then(({ paths }) => {
  if (!paths["/api/v1/posts/"]?.post) leaveOut();
  if (paths["/docs/"]) byId("reference").href = "/docs/";
});
