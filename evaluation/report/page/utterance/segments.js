// Segments of a long recording: where its reference says something, and when a run had written that.

const SEGMENT_HEIGHT = 20;
const LAG_HEIGHT = 7;

/**
 * What a run wrote of each segment: [{offset, end, reference, text, first, last, score}]; `first` and `last`
 * are the chunks that wrote its first and last word. counts: [units, score] of each segment, in their order.
 */
function segmentTexts(segments, counts, chunks, unit) {
  const words = chunks.flatMap((chunk) => unitsOf(chunk.text, unit).map((text) => ({text, chunk})));
  let start = 0;
  return counts.map(([count, score], at) => {
    const own = words.slice(start, (start += count));
    return {
      ...segmentOf(segments[at]),
      text: own.map((word) => word.text).join(unit === "word" ? " " : ""),
      first: own[0]?.chunk,
      last: own.at(-1)?.chunk,
      score,
    };
  });
}

function segmentOf([offset, length, reference]) {
  return {offset, end: offset + length, reference};
}

function unitsOf(text, unit) {
  return unit === "word" ? text.split(/\s+/).filter(Boolean) : [...text.replace(/\s/g, "")];
}

/** Places of the segments that a window shows, whether as speech or by what is written of them. */
function segmentsBetween(view, from, to) {
  const times = view.tracks.map(({segments}) => segments).filter(Boolean);
  return view.segments.flatMap(({offset, end}, at) => {
    const last = Math.max(end, ...times.map((one) => (one[at].last ? timeOf(one[at].last, view.clock) : 0)));
    return offset < to && last > from ? [at] : [];
  });
}

/** How high the segments and the lag of each run are, 0 without any. */
function segmentsHeight({segments, tracks}) {
  if (!segments.length) return 0;
  return SEGMENT_HEIGHT + LAG_HEIGHT * tracks.filter((one) => one.segments).length + 8;
}

/** A box for each segment with its reference; below it from its end to its last word: the lag of each run. */
function drawSegments(view, x, top) {
  if (!view.segments.length) return null;
  const places = segmentsBetween(view, x.from, x.to);
  const inside = (ms) => Math.max(x.left, Math.min(x.right, x(ms)));
  const boxes = places.map((at) => {
    const {offset, end, reference} = view.segments[at];
    const [left, right] = [inside(offset), inside(end)];
    if (right - left < 1) return null;
    return svg(
      "g",
      {class: "segment", "data-seek": offset},
      svg("rect", {x: left, y: top, width: right - left - 1, height: SEGMENT_HEIGHT - 4, rx: 2}),
      svg(
        "text",
        {x: left + 4, y: top + 12},
        shortened(reference, Math.floor((right - left - 10) / LETTER_WIDTH)),
      ),
    );
  });
  const lags = view.tracks
    .filter((one) => one.segments)
    .map((one, row) => {
      const y = top + SEGMENT_HEIGHT + row * LAG_HEIGHT;
      return svg(
        "g",
        {class: `lag ${colour(one.run)}`},
        places
          .filter((at) => one.segments[at].last)
          .map((at) => {
            const {end, last} = one.segments[at];
            const time = timeOf(last, view.clock);
            // Written before the segment had ended: the line leads back.
            const path = `M${inside(end)} ${y}H${inside(time)}`;
            const tick = x.has(time) ? `M${x(time)} ${y - 2.5}V${y + 2.5}` : "";
            return svg("path", {d: path + tick});
          }),
      );
    });
  return svg("g", {}, boxes, lags);
}

/** The segments of a window: reference, what each run wrote of it, with its score and how late it was. */
function segmentTable(view, moveTo) {
  const runs = view.tracks.map((one) => one.run);
  const shownTracks = view.tracks.filter((one) => one.segments);
  const rows = segmentsBetween(view, view.from, view.from + view.span).map((at) => {
    const {offset, end, reference} = view.segments[at];
    return el(
      "tr",
      {"data-seek": offset},
      el("th", {scope: "row"}, momentButton(view, offset, moveTo), ` to ${momentText(view, end)}`),
      el("td", {}, reference),
      shownTracks.map((one) => {
        const {text, score, last} = one.segments[at];
        const late = last ? `last word ${seconds(timeOf(last, view.clock) - end, 1)} s after its end` : null;
        const value = score == null ? null : `${one.metric} ${score.toFixed(2)}`.trim();
        return el(
          "td",
          {},
          text || el("span", {class: "muted"}, "nothing"),
          el("span", {class: "interval-text"}, [value, late].filter(Boolean).join(" · ")),
        );
      }),
    );
  });
  const head = shownTracks.map((one) =>
    el("th", {scope: "col", class: colour(one.run)}, swatch(runs, one.run), runName(view.pair, one.run)),
  );
  if (!rows.length) return el("p", {class: "muted small"}, "No segment of the reference is spoken here.");
  return el(
    "table",
    {class: "chunk-table segment-table"},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        ["segment", "reference"].map((name) => el("th", {scope: "col"}, name)),
        head,
      ),
    ),
    el("tbody", {}, rows),
  );
}
