// What is done with dead letters: their records go back, or they go for good. Asked first how many that takes.

import { call } from "./api.js";
import * as format from "./format.js";
import { confirmed } from "./modal.js";

const DEEDS = {
  redrive: {
    action: "Redrive",
    done: "redriven",
    said: "Redriven",
    one: "Its record goes back to where it came from, to be processed again.",
    many: "Their records go back to where they came from, to be processed again.",
  },
  discard: {
    action: "Discard",
    done: "discarded",
    said: "Discarded",
    one: "It goes for good, with its record. This cannot be undone.",
    many: "They go for good, with their records. This cannot be undone.",
    danger: true,
  },
};

/**
 * Redrives or discards letters, if one is sure of it.
 *
 * `which` is as the API takes it. Those that a dry run names are those that are taken, whatever comes meanwhile.
 * Gives how many it took and what is to be said of it; null where it is left.
 */
export async function settle(deed, which) {
  const { action, done, said, one, many, danger } = DEEDS[deed];
  const act = async (body) => (await call("POST", `dead-letters/${deed}/`, { body })).document;
  const trial = await act({ ...which, dry_run: true });
  const ids = trial[done];
  if (!ids.length) return { took: 0, words: `There is nothing to ${deed}.${refusals(trial)}` };
  const left = trial.left ? ` They are the oldest: ${format.count(trial.left)} more stay for another time.` : "";
  const [letters, text] = ids.length === 1 ? ["one dead letter", one] : [`${format.count(ids.length)} dead letters`, many];
  const asked = { title: `${action} ${letters}?`, text: `${text}${left}${refusals(trial)}`, action, danger };
  if (!(await confirmed(asked))) return null;
  const outcome = await act({ ids });
  const took = outcome[done].length;
  return { took, words: `${said}: ${format.count(took)}.${refusals(outcome)}` };
}

function refusals({ refused }) {
  const reasons = [...new Set(refused.map(({ reason }) => reason.replaceAll("_", " ")))];
  return refused.length ? ` Refused: ${format.count(refused.length)} (${reasons.join(", ")}).` : "";
}
