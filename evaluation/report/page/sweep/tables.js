// NoSE of each system, and the scores of every run.

/** The NoSE table, with what the scores depend on below it. */
function noseTable(pair) {
  const {nose} = pair;
  const heading = el("h3", {}, "NoSE");
  const problems = nose.problems.map((problem) => el("p", {class: "notice small"}, problem));
  if (!nose.rows.length) return [heading, problems];
  const best = Math.max(...nose.rows.map((row) => row.score));
  const rows = nose.rows.map((row) =>
    el(
      "tr",
      {class: `c${row.system % COLOURS}`},
      el("th", {scope: "row"}, dot(row.system), pair.systems[row.system].name),
      el("td", {class: row.score === best && nose.rows.length > 1 ? "best" : ""}, row.score.toFixed(3)),
      row.low === null
        ? el(
            "td",
            {class: "muted", title: "too many resamples of the test set have no such bounds"},
            "undefined",
          )
        : el("td", {class: "muted"}, `${row.low.toFixed(3)} to ${row.high.toFixed(3)}`),
    ),
  );
  const [low, high] = nose.bounds.map((bound) => shown(pair, nose.latency, bound));
  const unit = pair.milliseconds.includes(nose.latency) ? " s" : "";
  return [
    heading,
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["system", "NoSE", "95% interval"].map((name) => el("th", {scope: "col"}, name)),
        ),
      ),
      el("tbody", {}, rows),
    ),
    el(
      "p",
      {class: "small"},
      `Area under the ${nose.quality} curve from ${low} to ${high}${unit} of ${nose.latency}, `,
      "divided by what offline quality would give.",
    ),
    el("p", {class: "small"}, el("code", {class: "signature"}, breakable(nose.signature))),
    problems,
  ];
}

/** A signature that may be broken between its parts. */
function breakable(signature) {
  return signature.split(/(?<=[|,])/).flatMap((part) => [part, el("wbr")]);
}

/** The point of a system in its colour and shape. */
function dot(system) {
  return svg(
    "svg",
    {class: `dot c${system % COLOURS}`, width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true"},
    svg("path", {class: "mark", d: marker(system, 4.5)}),
  );
}

/** One row a run; a column's name sorts by it. */
function pointsTable(state, toggle, sortBy) {
  const {pair} = state;
  const metrics = [...pair.latency, ...pair.quality].filter((name) =>
    pair.runs.some((run) => run.scores[name]),
  );
  const flags = Object.keys(pair.runs[0].flags);
  const button = (name, text) =>
    el(
      "button",
      {
        type: "button",
        class: "sort",
        "data-key": `sort ${name}`,
        "aria-pressed": String(state.table === name),
        onclick: () => sortBy(name),
      },
      text,
    );
  const head = el(
    "tr",
    {},
    el("th", {scope: "col"}, el("span", {class: "sr-only"}, "shown below")),
    el("th", {scope: "col", class: "text"}, button("system", "run")),
    metrics.map((name) => el("th", {scope: "col"}, button(name, axisLabel(pair, name)))),
    flags.map((flag) => el("th", {scope: "col", title: FLAG_MEANING[flag]}, button(flag, flag))),
  );
  const rows = sortedRuns(state).map((run) =>
    el(
      "tr",
      {},
      el(
        "td",
        {},
        el("input", {
          type: "checkbox",
          checked: state.runs.includes(run),
          "data-key": runKey(pair, run),
          "aria-label": `show ${runName(pair, run)} below`,
          onchange: () => toggle(run),
        }),
      ),
      el("th", {scope: "row"}, run.offline ? null : dot(run.system), runName(pair, run)),
      metrics.map((name) => scoreCell(pair, name, run.scores[name])),
      // Offline runs write everything at the end: that is what they are for.
      flags.map((flag) =>
        el("td", {class: run.flags[flag] && !run.offline ? "flag" : "muted"}, String(run.flags[flag])),
      ),
    ),
  );
  return el("table", {class: "points"}, el("thead", {}, head), el("tbody", {}, rows));
}

const FLAG_MEANING = {
  EMPTY: "predictions without text, which latency does not include",
  LOOPING: "predictions that repeat a phrase again and again",
  AT_END: "predictions all of which was written after the audio had ended",
};

function scoreCell(pair, name, score) {
  if (!score || score[0] == null) return el("td", {class: "muted"}, "–");
  const [value, low, high] = score;
  const interval =
    low == null
      ? null
      : el("span", {class: "interval-text"}, `${shown(pair, name, low)} to ${shown(pair, name, high)}`);
  return el("td", {}, shown(pair, name, value), interval);
}

/** By system and latency, or by one column: the highest first. */
function sortedRuns({pair, table, latency}) {
  const value = (run) => run.scores[table]?.[0] ?? run.flags[table] ?? -Infinity;
  const rank = (run) => (run.offline ? pair.systems.length : run.system);
  const order =
    table === "system"
      ? (one, other) =>
          rank(one) - rank(other) || (one.scores[latency]?.[0] ?? 0) - (other.scores[latency]?.[0] ?? 0)
      : (one, other) => value(other) - value(one);
  return [...pair.runs].sort(order);
}
