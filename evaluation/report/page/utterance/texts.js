// What each run wrote, in words: texts, and the moment under the cursor.

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
      el(
        "p",
        {},
        view.long ? wordsBefore(one, view) : null,
        spans.length ? spans : el("em", {class: "muted"}, nothing),
      ),
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
