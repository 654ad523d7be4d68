// The read/write path: audio time against words written, one staircase a run, over the source itself.

const PIXELS_PER_SECOND = 14;
const STEPS_HEIGHT = 230;
const WINDOW_STEPS_HEIGHT = 150;
const LOUDNESS_HEIGHT = 30;
const LANE_HEIGHT = 16;

/** Draw what the view shows; in a window, steps count the words written in it. Returns the scale of time. */
function drawStaircase(container, view, width) {
  const {pair, tracks, packet} = view;
  const x = timeScale(view, width);
  const stepsBottom = view.long ? WINDOW_STEPS_HEIGHT : STEPS_HEIGHT;
  const loudnessTop = stepsBottom + 14;
  const segmentsTop = loudnessTop + (packet.loudness ? LOUDNESS_HEIGHT + 8 : 0);
  const lanesTop = segmentsTop + segmentsHeight(view);
  const layouts = wordLayout(view, x);
  let bottom = lanesTop;
  const tops = layouts.map(({rows}) => {
    const top = bottom;
    bottom += LANE_HEIGHT + (rows ? rows * WORD_HEIGHT + 6 : 0);
    return top;
  });
  bottom += 4;
  const height = bottom + 40;
  const most = mostWritten(view);
  const y = scale(0, most, stepsBottom, 14);
  const unit = pair.unit === "word" ? "words" : "characters";
  fill(
    container,
    svg(
      "svg",
      {width: x.width, height, "aria-hidden": "true"},
      leftAxis(ticks(0, most, view.long ? 3 : 5).filter(Number.isInteger), y, x.left, x.right),
      svg(
        "svg",
        view.long ? insideWindow(x, height) : {width: x.width, height},
        pace(view, x, y),
        loudnessBars(view, x, loudnessTop),
        drawSegments(view, x, segmentsTop),
        tracks.map((one, at) => lane(one, view, x, tops[at])),
        tracks.map((one, at) => drawWords(one, layouts[at], view, x, tops[at] + LANE_HEIGHT - 4)),
        x.has(view.sourceMs)
          ? svg("line", {class: "source-end", x1: x(view.sourceMs), x2: x(view.sourceMs), y1: 6, y2: bottom})
          : null,
        tracks.map((one) => steps(one, view, x, y)),
        svg("line", {class: "cursor", y1: 6, y2: bottom, visibility: "hidden"}),
      ),
      svg(
        "text",
        {class: "axis-label halo", x: x.left + 6, y: 12},
        `${unit} written${view.long ? " in this window" : ""}`,
      ),
      timeAxis(view, x, bottom),
      svg(
        "text",
        {class: "axis-label", x: x.right, y: height - 4, "text-anchor": "end"},
        (view.clock === "done" ? "time since the audio began" : "audio heard") + (view.long ? "" : " (s)"),
      ),
    ),
  );
  return x;
}

/** What lies outside a window is cut off, but for a little at its edges. */
function insideWindow(x, height) {
  const [left, width] = [x.left - 4, x.right - x.left + 18];
  return {x: left, width, height, viewBox: `${left} 0 ${width} ${height}`, class: "inside"};
}

function timeAxis(view, x, bottom) {
  const count = (x.right - x.left) / 70;
  if (view.long) return bottomAxis(clockTicks(x.from, x.to, count), x, bottom, (ms) => clockText(ms));
  const values = ticks(0, x.to / 1000, count).map((value) => value * 1000);
  return bottomAxis(values, x, bottom, secondsText(x.to));
}

function secondsText(end) {
  return end < 4000 ? (value) => (value / 1000).toFixed(1) : (value) => String(Math.round(value / 10) / 100);
}

/**
 * The upper end of the axis of words. In a window one and a half times what an even speaker would say, so
 * that it stays as it is while the recording is scrolled, or more where a run writes more.
 */
function mostWritten({tracks, clock, from, span, long, referenceUnits, sourceMs}) {
  if (!long) return Math.max(referenceUnits, ...tracks.map(({chunks}) => chunks.at(-1)?.total ?? 0), 1);
  const written = tracks.map((one) => {
    return writtenBy(one, from + span, clock) - writtenBy(one, from - 0.02, clock);
  });
  const even = Math.max(10, (1.5 * referenceUnits * span) / sourceMs);
  let most = Math.ceil(even / 10) * 10;
  while (most < Math.max(...written)) most *= 2;
  return most;
}

/** Words that a run had written by a moment. */
function writtenBy(one, ms, clock) {
  return ms <= 0 ? 0 : (chunkAt(one, ms, clock)?.total ?? 0);
}

/**
 * A speaker of even pace whose words are those of the reference: what AL measures against. With segments even
 * within each.
 */
function pace(view, x, y) {
  const corners = (view.spoken ??= spokenWords(view));
  const at = (ms) => {
    const next = placeOf(corners, ms, (corner) => corner[0]);
    if (!next) return 0;
    if (next === corners.length) return corners.at(-1)[1];
    const [[start, low], [end, high]] = [corners[next - 1], corners[next]];
    return low + ((high - low) * (ms - start)) / (end - start || 1);
  };
  const inside = corners.map(([ms]) => ms).filter((ms) => ms > x.from && ms < x.to);
  const path = [x.from, ...inside, x.to].map((ms) => `${x(ms)} ${y(at(ms) - at(x.from))}`);
  return svg("path", {class: "pace", d: `M${path.join("L")}`});
}

/** Corners [ms, words said by then]. */
function spokenWords({segments, sourceMs, referenceUnits, pair}) {
  const corners = [[0, 0]];
  for (const {offset, end, reference} of segments) {
    const [last, said] = corners.at(-1);
    const start = Math.max(last, offset);
    corners.push([start, said], [Math.max(start, end), said + unitCount(reference, pair.unit)]);
  }
  return segments.length ? corners : [...corners, [sourceMs, referenceUnits]];
}

function steps(one, view, x, y) {
  const runs = view.tracks.map((other) => other.run);
  const before = writtenBy(one, x.from - 0.02, view.clock);
  const chunks = chunksBetween(one, view.clock, x.from, x.to);
  const corners = chunks.map((chunk) => [x(timeOf(chunk, view.clock)), y(chunk.total - before)]);
  // Past the end of a window there is more to come.
  const end = view.long && x.to < view.end ? [[x.right, corners.at(-1)?.[1] ?? y(0)]] : [];
  const dots = chunks
    .filter((chunk) => chunk.units)
    .map((chunk) => [x(timeOf(chunk, view.clock)), y(chunk.total - before)]);
  return svg(
    "g",
    {class: `steps ${colour(one.run)}`},
    svg("path", {
      class: "run-line",
      d: stairs([[x(x.from), y(0)], ...corners, ...end]),
      "stroke-dasharray": dash(runs, one.run),
    }),
    svg("path", {class: "dots", d: circles(dots, 2.6)}),
  );
}

/** Bars, one for each digit from 0 (silent) to 9; of a wide window the loudest of several. */
function loudnessBars({packet}, x, top) {
  const {loudness, bar_ms: barMs} = packet;
  if (!loudness) return null;
  const joined = Math.max(1, Math.ceil(1 / (x(barMs) - x(0))));
  const step = barMs * joined;
  const middle = top + LOUDNESS_HEIGHT / 2;
  const first = Math.floor(x.from / step);
  const last = Math.min(Math.ceil(loudness.length / joined), Math.ceil(x.to / step));
  let path = "";
  for (let at = first; at < last; at++) {
    const half = Math.max(0.5, (loudest(loudness, at * joined, joined) / 9) * (LOUDNESS_HEIGHT / 2));
    path += `M${x((at + 0.5) * step).toFixed(1)} ${middle - half}V${middle + half}`;
  }
  return svg("path", {class: "loudness", d: path, "stroke-width": Math.max(1, (x(step) - x(0)) * 0.6)});
}

/** The largest of `count` digits. */
function loudest(digits, start, count) {
  let most = 0;
  for (let at = start; at < Math.min(digits.length, start + count); at++) {
    most = Math.max(most, digits.charCodeAt(at) - 48);
  }
  return most;
}

/** The source chunks of one run as cells, darker where more was written. */
function lane({run, chunks}, view, x, top) {
  const first = view.long ? placeOf(chunks, x.from, (chunk) => chunk.arrival) : 0;
  const paths = new Map();
  for (let at = first; at < chunks.length; at++) {
    const start = chunks[at - 1]?.arrival ?? 0;
    if (start > x.to) break;
    const left = x(start) + 0.5;
    const right = Math.max(left + 0.5, x(chunks[at].arrival) - 0.5);
    const shade = Math.min(6, chunks[at].units);
    const bottom = top + LANE_HEIGHT - 5;
    const cell = `M${left.toFixed(1)} ${top}H${right.toFixed(1)}V${bottom}H${left.toFixed(1)}Z`;
    paths.set(shade, (paths.get(shade) ?? "") + cell);
  }
  const cells = [...paths].map(([shade, d]) =>
    svg("path", {class: "cell", d, "fill-opacity": shade ? Math.min(1, 0.25 + 0.15 * shade) : 0}),
  );
  return svg("g", {class: `lane ${colour(run)}`}, cells);
}
