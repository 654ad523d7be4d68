// The read/write path: audio time against words written, one staircase a run, over the source itself.

// Long audio scrolls: a second is never narrower than this.
const PIXELS_PER_SECOND = 14;
const STEPS_HEIGHT = 230;
const LOUDNESS_HEIGHT = 30;
const LANE_HEIGHT = 16;

/** The scale of time that all plots of an utterance share. */
function timeScale(view, width) {
  const end = Math.max(
    view.sourceMs,
    ...view.tracks.map(({chunks}) => (chunks.length ? timeOf(chunks.at(-1), view.clock) : 0)),
  );
  const left = 46;
  const right = Math.max(width, left + 14 + (end / 1000) * PIXELS_PER_SECOND) - 14;
  return Object.assign(scale(0, end, left, right), {left, right, end, width: right + 14});
}

function drawStaircase(container, view, width) {
  const {pair, tracks, packet} = view;
  const x = timeScale(view, width);
  const loudnessTop = STEPS_HEIGHT + 14;
  const lanesTop = loudnessTop + (packet.loudness ? LOUDNESS_HEIGHT + 8 : 0);
  const bottom = lanesTop + tracks.length * LANE_HEIGHT + 4;
  const height = bottom + 40;
  const most = Math.max(view.referenceUnits, ...tracks.map(({chunks}) => chunks.at(-1)?.total ?? 0), 1);
  const y = scale(0, most, STEPS_HEIGHT, 14);
  const unit = pair.unit === "word" ? "words" : "characters";
  fill(
    container,
    svg(
      "svg",
      {width: x.width, height, "aria-hidden": "true"},
      leftAxis(ticks(0, most, 5).filter(Number.isInteger), y, x.left, x.right),
      svg("text", {class: "axis-label", x: x.left + 6, y: 12}, `${unit} written`),
      pace(view, x, y),
      loudness(packet.loudness, view.sourceMs, x, loudnessTop),
      tracks.map((one, at) => lane(one, view, x, lanesTop + at * LANE_HEIGHT)),
      svg("line", {class: "source-end", x1: x(view.sourceMs), x2: x(view.sourceMs), y1: 6, y2: bottom}),
      bottomAxis(
        ticks(0, x.end / 1000, (x.right - x.left) / 70).map((value) => value * 1000),
        x,
        bottom,
        secondsText(x.end),
      ),
      svg(
        "text",
        {class: "axis-label", x: x.right, y: height - 4, "text-anchor": "end"},
        view.clock === "done" ? "time since the audio began (s)" : "audio heard (s)",
      ),
      tracks.map((one) => steps(one, view, x, y)),
      svg("line", {class: "cursor", y1: 6, y2: bottom, visibility: "hidden"}),
    ),
  );
  return x;
}

function secondsText(end) {
  return end < 4000 ? (value) => (value / 1000).toFixed(1) : (value) => String(Math.round(value / 10) / 100);
}

/** A speaker of even pace whose words are those of the reference: what AL measures against. */
function pace({referenceUnits, sourceMs}, x, y) {
  return svg("path", {class: "pace", d: `M${x(0)} ${y(0)}L${x(sourceMs)} ${y(referenceUnits)}H${x.right}`});
}

function steps({run, chunks}, view, x, y) {
  const runs = view.tracks.map((one) => one.run);
  const corners = [[x(0), y(0)], ...chunks.map((chunk) => [x(timeOf(chunk, view.clock)), y(chunk.total)])];
  const dots = chunks
    .filter((chunk) => chunk.units)
    .map((chunk) => svg("circle", {cx: x(timeOf(chunk, view.clock)), cy: y(chunk.total), r: 2.6}));
  return svg(
    "g",
    {class: `steps ${colour(run)}`},
    svg("path", {class: "run-line", d: stairs(corners), "stroke-dasharray": dash(runs, run)}),
    dots,
  );
}

/** Bars, one for each digit from 0 (silent) to 9. */
function loudness(digits, sourceMs, x, top) {
  if (!digits) return null;
  const step = sourceMs / digits.length;
  const middle = top + LOUDNESS_HEIGHT / 2;
  const path = [...digits].map((digit, at) => {
    const half = Math.max(0.5, (Number(digit) / 9) * (LOUDNESS_HEIGHT / 2));
    return `M${x((at + 0.5) * step).toFixed(1)} ${middle - half}V${middle + half}`;
  });
  return svg("path", {
    class: "loudness",
    d: path.join(""),
    "stroke-width": Math.max(1, (x(step) - x(0)) * 0.6),
  });
}

/** The source chunks of one run as cells, darker where more was written. */
function lane({run, chunks}, view, x, top) {
  let start = 0;
  const cells = chunks.map((chunk) => {
    const [left, right] = [x(start), x(chunk.arrival)];
    start = chunk.arrival;
    const opacity = chunk.units ? Math.min(1, 0.25 + 0.15 * chunk.units) : 0;
    return svg("rect", {
      class: "cell",
      x: left + 0.5,
      y: top,
      width: Math.max(0.5, right - left - 1),
      height: LANE_HEIGHT - 5,
      "fill-opacity": opacity,
    });
  });
  return svg("g", {class: `lane ${colour(run)}`}, cells);
}
