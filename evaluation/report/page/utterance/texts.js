// What each run wrote, in words: whole texts, the moment under the cursor, and a table of all chunks.

/** The text of each run; the words of a chunk are one span that leads to its moment. */
function texts(view, moveTo) {
  const runs = view.tracks.map((one) => one.run);
  const rows = view.tracks.map((one) => {
    const scores = [
      `chrF ${scoreText(view.index.chrf[one.run.id][view.position])}`,
      `${view.latency} ${latencyText(view, one.run, view.position)}`,
    ];
    const spans = one.chunks
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
      el("p", {}, spans.length ? spans : el("em", {class: "muted"}, "nothing was written")),
    );
  });
  return el("div", {class: "texts"}, rows);
}

/** Dim what had not been written at a time, and mark what was written last. null: everything is written. */
function showTextsAt(container, ms) {
  const spans = [...container.querySelectorAll(".written[data-time]")];
  for (const span of spans) {
    const time = Number(span.dataset.time);
    span.classList.toggle("later", ms !== null && time > ms + 0.01);
    span.classList.toggle("newest", ms !== null && Math.abs(time - ms) < 0.01);
  }
}

/** One line a run about the moment under the cursor. */
function moment(view, ms) {
  const runs = view.tracks.map((one) => one.run);
  const unit = view.pair.unit === "word" ? "word" : "character";
  return [
    el("h4", {}, `${seconds(ms)} s`),
    view.tracks.map((one) => {
      const chunk = chunkAt(one, ms, view.clock);
      const now = chunk && Math.abs(timeOf(chunk, view.clock) - ms) < 0.01;
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

/** A row for each moment at which some run wrote, a column for each run. */
function chunkTable(view, moveTo) {
  const times = moments(view.tracks, view.clock);
  const columns = view.tracks.map(
    (one) => new Map(one.chunks.map((chunk) => [timeOf(chunk, view.clock), chunk])),
  );
  const rows = times
    .filter((time) => columns.some((column) => column.get(time)?.text.trim()))
    .map((time) =>
      el(
        "tr",
        {"data-time": time, onclick: () => moveTo(time)},
        el("th", {scope: "row"}, `${seconds(time)} s`),
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
