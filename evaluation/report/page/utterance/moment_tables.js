// Tables below the texts: of the chunks and segments shown, and of a whole recording.

/** Tables below the texts; they stay open or closed while a recording is scrolled. */
function tables(view, cursor, words) {
  const table = (key, title, open, build) => {
    const before = words.querySelector(`[data-table="${key}"]`);
    const region = {class: "scroll-x", tabindex: 0, role: "region", "aria-label": title.toLowerCase()};
    const box = el("div", region);
    const details = el(
      "details",
      {open: before ? before.open : open, "data-table": key, ontoggle: () => show()},
      el("summary", {"data-key": key}, title),
      box,
    );
    // What is closed costs nothing.
    const show = () => details.open && !box.firstChild && fill(box, build());
    show();
    return details;
  };
  /** A table of the whole recording: built once. */
  const once = (key, title, build) =>
    words.querySelector(`[data-table="${key}"]`) ?? table(key, title, false, build);
  const reference = () => el("p", {class: "reference"}, view.reference);
  return [
    view.segments.length
      ? table("segments", "Segment by segment", true, () => segmentTable(view, cursor.goTo))
      : null,
    table("chunks", "Chunk by chunk", true, () => chunkTable(view, cursor.moveTo)),
    view.long ? once("minutes", "Minute by minute", () => minuteTable(view, cursor.goTo)) : null,
    view.long && !view.segments.length ? once("reference", "Reference", reference) : null,
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

/** A long recording as a whole: a row a minute, a column for the reference's segments, and for each run. */
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
