// What each run wrote, in words: whole texts, the moment under the cursor, and a table of all chunks.

// So many words in front of a window tell how its text begins.
const WORDS_BEFORE = 12;

/** The text of each run; the words of a chunk are one span that leads to its moment. */
function texts(view, moveTo) {
  const runs = view.tracks.map((one) => one.run);
  const rows = view.tracks.map((one) => {
    const scores = [
      `chrF ${scoreText(view.index.chrf[one.run.id][view.position])}`,
      `${view.latency} ${latencyText(view, one.run, view.position)}`,
    ];
    const spans = shownChunks(one, view)
      .filter((chunk) => chunk.text.trim())
      .flatMap((chunk, at) => [
        at && /^\s/.test(chunk.text) ? " " : "",
        el(
          "span",
          {
            class: "written",
            "data-time": timeOf(chunk, view.clock),
            onclick: () => moveTo(timeOf(chunk, view.clock)),
          },
          chunk.text.trim(),
        ),
      ]);
    const nothing = view.long ? "nothing was written in this window" : "nothing was written";
    return el(
      "div",
      {class: `text ${colour(one.run)}`},
      el(
        "div",
        {class: "text-head"},
        swatch(runs, one.run),
        el("strong", {}, runName(view.pair, one.run)),
        el("span", {class: "muted"}, ` ${scores.join(" · ")}`),
        flagsOf(view.index, one.run, view.position).map((flag) => el("span", {class: "flag"}, ` ${flag}`)),
      ),
      el("p", {}, view.long ? wordsBefore(one, view) : null, spans.length ? spans : el("em", {class: "muted"}, nothing)),
    );
  });
  return el("div", {class: "texts"}, rows);
}

/** The chunks that are shown: those of the window. */
function shownChunks(one, view) {
  return view.long ? chunksBetween(one, view.clock, view.from, view.from + view.span) : one.chunks;
}

/** The last words that were written before the window. */
function wordsBefore(one, view) {
  const end = placeOf(one.chunks, view.from - 0.01, (chunk) => timeOf(chunk, view.clock));
  let text = "";
  let at = end;
  while (at > 0 && unitsOf(text, view.pair.unit).length < WORDS_BEFORE) text = one.chunks[--at].text + text;
  const space = view.pair.unit === "word" ? " " : "";
  const words = unitsOf(text, view.pair.unit).slice(-WORDS_BEFORE);
  return words.length ? el("span", {class: "muted before"}, `… ${words.join(space)}${space}`) : null;
}

/**
 * Dim what had not been written at a time, and mark what was written within `fresh` ms before it. null:
 * everything is written.
 */
function showTextsAt(container, ms, fresh) {
  for (const span of container.querySelectorAll(".written[data-time]")) {
    const age = ms === null ? null : ms - Number(span.dataset.time);
    span.classList.toggle("later", age !== null && age < -0.01);
    span.classList.toggle("newest", age !== null && age >= -0.01 && age < fresh);
  }
}

/** One line a run about the moment under the cursor; while the audio is running, about its last decision. */
function moment(view, ms, running) {
  const runs = view.tracks.map((one) => one.run);
  const unit = view.pair.unit === "word" ? "word" : "character";
  return [
    el("h4", {}, momentText(view, ms)),
    view.tracks.map((one) => {
      const chunk = chunkAt(one, ms, view.clock);
      const now = chunk && (running || Math.abs(timeOf(chunk, view.clock) - ms) < 0.01);
      const does = !now ? "between two decisions" : chunk.text.trim() ? null : "READ";
      return el(
        "div",
        {class: `moment ${colour(one.run)}`},
        swatch(runs, one.run),
        el("span", {class: "moment-name"}, runName(view.pair, one.run)),
        el(
          "span",
          {},
          does === null ? el("mark", {}, chunk.text.trim()) : el("span", {class: "muted"}, does),
        ),
        el(
          "span",
          {class: "muted"},
          counted(chunk?.total ?? 0, unit) +
            (now && chunk.compute != null ? ` · ${Math.round(chunk.compute)} ms to compute` : ""),
        ),
        now && chunk.scores ? tokenStrip(chunk) : null,
      );
    }),
  ];
}

/** A row for each moment, of those shown, at which some run wrote, and a column for each run. */
function chunkTable(view, moveTo) {
  const from = placeOf(view.times, view.from - 0.01);
  const times = view.times.slice(from, placeOf(view.times, view.from + view.span + 0.02));
  const columns = view.tracks.map(
    (one) => new Map(shownChunks(one, view).map((chunk) => [timeOf(chunk, view.clock), chunk])),
  );
  const rows = times
    .filter((time) => columns.some((column) => column.get(time)?.text.trim()))
    .map((time) =>
      el(
        "tr",
        {"data-time": time, onclick: () => moveTo(time)},
        el("th", {scope: "row"}, momentText(view, time)),
        columns.map((column) => {
          const chunk = column.get(time);
          if (!chunk) return el("td", {});
          return el("td", {}, chunk.text.trim() || el("span", {class: "muted"}, "·"));
        }),
      ),
    );
  const runs = view.tracks.map((one) => one.run);
  const head = runs.map((run) =>
    el("th", {scope: "col", class: colour(run)}, swatch(runs, run), runName(view.pair, run)),
  );
  return el(
    "table",
    {class: "chunk-table"},
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "time"), head)),
    el("tbody", {}, rows),
  );
}

/** A long recording as a whole: a row a minute, a column for each run, and one for the reference's segments. */
function minuteTable(view, moveTo) {
  const minutes = Array.from({length: Math.ceil((view.end + 0.01) / 60000)}, (_, at) => at * 60000);
  const space = view.pair.unit === "word" ? " " : "";
  const joined = (found) => found.map((text) => text.trim()).filter(Boolean).join(space);
  const runs = view.tracks.map((one) => one.run);
  const rows = minutes.map((start) => {
    const spoken = view.segments.filter(({offset}) => offset >= start && offset < start + 60000);
    return el(
      "tr",
      {},
      el("th", {scope: "row"}, momentButton(view, start, moveTo)),
      view.segments.length ? el("td", {}, joined(spoken.map((one) => one.reference))) : null,
      view.tracks.map((one) =>
        el(
          "td",
          {},
          joined(chunksBetween(one, view.clock, start, start + 59999.9).map((chunk) => chunk.text)) ||
            el("span", {class: "muted"}, "·"),
        ),
      ),
    );
  });
  const head = runs.map((run) =>
    el("th", {scope: "col", class: colour(run)}, swatch(runs, run), runName(view.pair, run)),
  );
  const reference = view.segments.length ? el("th", {scope: "col"}, "reference") : null;
  return el(
    "table",
    {class: "chunk-table minute-table"},
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "from"), reference, head)),
    el("tbody", {}, rows),
  );
}
