// Words against the audio: each where the audio had come, or the clock stood, when it was written.

const WORD_HEIGHT = 15;
const WORD_ROWS = 7;
// The mean width of a letter in the plots' type, in pixels.
const LETTER_WIDTH = 6.4;
// An offline run writes an hour at once.
const WORD_LETTERS = 48;

/**
 * Where the texts of a run's chunks stand without touching: {rows, of: Map chunk -> {row, before}}; `before`:
 * in front of its moment, where the end of the recording leaves no room behind it. Where too many find no
 * place, as in a wide window, there are none: rows is 0. Computed for the whole recording, so that words stay
 * in their rows while it is scrolled.
 */
function wordRows(one, view, pixelsPerMs) {
  const ends = [];
  const of = new Map();
  const edge = view.end * pixelsPerMs + 10;
  let without = 0;
  for (const chunk of one.chunks) {
    const text = chunk.text.trim();
    if (!text) continue;
    const moment = timeOf(chunk, view.clock) * pixelsPerMs;
    const width = (Math.min(text.length, WORD_LETTERS) + 1.5) * LETTER_WIDTH;
    const before = moment + width > edge && moment > width;
    const start = before ? moment - width : moment;
    const free = ends.findIndex((end) => end <= start);
    const row = free >= 0 ? free : ends.length;
    if (row >= WORD_ROWS) {
      without++;
      continue;
    }
    ends[row] = start + width;
    of.set(chunk, {row, before});
  }
  return without > of.size * 0.05 ? {rows: 0, of: new Map()} : {rows: ends.length, of};
}

/** The layout of all runs at this width, clock and span; the last one is kept. */
function wordLayout(view, x) {
  const pixelsPerMs = (x.right - x.left) / view.span;
  const key = `${view.clock} ${pixelsPerMs}`;
  if (view.words?.key !== key) {
    view.words = {key, of: view.tracks.map((one) => wordRows(one, view, pixelsPerMs))};
  }
  return view.words.of;
}

/** The words of one run in a window, with a line at the moment of each. */
function drawWords(one, layout, view, x, top) {
  if (!layout.rows) return null;
  // What was written shortly outside the window reaches into it.
  const reach = view.long ? (WORD_LETTERS * LETTER_WIDTH * view.span) / (x.right - x.left) : 0;
  const texts = chunksBetween(one, view.clock, x.from - reach, x.to + reach)
    .filter((chunk) => chunk.text.trim())
    .map((chunk) => {
      const time = timeOf(chunk, view.clock);
      const {row, before} = layout.of.get(chunk) ?? {row: layout.rows - 1, before: false};
      const text = layout.of.has(chunk) ? shortened(chunk.text.trim(), WORD_LETTERS) : "…";
      const y = top + WORD_HEIGHT * (row + 1) - 3;
      return svg(
        "g",
        {class: "word written", "data-time": time},
        svg("line", {x1: x(time), x2: x(time), y1: y - 9, y2: y + 2}),
        svg("text", {x: x(time) + (before ? -3 : 3), y, "text-anchor": before ? "end" : "start"}, text),
      );
    });
  return svg("g", {class: `words ${colour(one.run)}`}, texts);
}
