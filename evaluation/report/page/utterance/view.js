// What is shown of an utterance: all of it, or of a long recording a window that is scrolled.

// Longer ones are seen through a window.
const WHOLE_MS = 60000;
const SPANS_S = [10, 30, 60, 120, 300];
// A window of 30 s is legible in so many pixels; narrower screens show 10 s.
const WIDE = 700;

/** A window around a moment, as state.place holds it; its span is chosen by the width of the screen. */
function placeAt(ms) {
  return {from: null, span: null, ms};
}

/**
 * The whole state of what is shown: tracks of the runs, the clock, and from where on how much: `from` and
 * `span` in ms. state.place keeps the window and the moment while runs or the clock are changed.
 */
function viewOf(state, packet) {
  const {pair, position, index} = state;
  const tracks = state.runs.map((run) => track(pair, packet, run));
  const clock = tracks.every((one) => one.hasClock) ? state.clock : "heard";
  const sourceMs = index.source_ms[position];
  const written = tracks.map(({chunks}) => (chunks.length ? timeOf(chunks.at(-1), clock) : 0));
  const end = Math.max(sourceMs, ...written);
  const long = sourceMs > WHOLE_MS;
  const place = (state.place ??= placeAt(null));
  if (place.ms > end) place.ms = end;
  place.span ??= (innerWidth < WIDE ? SPANS_S[0] : SPANS_S[1]) * 1000;
  const span = long ? Math.min(place.span, end) : end;
  place.from ??= place.ms === null ? 0 : place.ms - span / 2;
  return {
    pair,
    packet,
    tracks,
    index,
    position,
    latency: state.latency,
    clock,
    sourceMs,
    end,
    long,
    place,
    span,
    from: long ? Math.max(0, Math.min(place.from, end - span)) : 0,
    times: moments(tracks, clock),
    segments: (packet.segments ?? []).map(segmentOf),
    reference: index.reference[position],
    referenceUnits: unitCount(index.reference[position], pair.unit),
  };
}

/** A moment as people read it: "1.23 s", in long recordings "12:34.5". */
function momentText(view, ms) {
  return view.long ? clockText(ms, 1) : `${seconds(ms)} s`;
}

/** How long an utterance is: "6.7 s", of long recordings "1:00:00". */
function lengthText(ms) {
  return ms > WHOLE_MS ? clockText(ms) : `${seconds(ms, 1)} s`;
}

/** A moment as a button that leads there. */
function momentButton(view, ms, moveTo) {
  return el(
    "button",
    {type: "button", class: "moment-button", onclick: () => moveTo(ms), title: "go there"},
    momentText(view, ms),
  );
}

/** The scale of time that all plots of an utterance share; from and to are what it shows. */
function timeScale(view, width) {
  const left = 46;
  // Short audio scrolls where it must: a second is never narrower than this.
  const least = view.long ? 0 : left + 14 + (view.end / 1000) * PIXELS_PER_SECOND;
  const right = Math.max(width, least) - 14;
  const [from, to] = [view.from, view.from + view.span];
  const has = (ms) => ms >= from - 0.01 && ms <= to + 0.01;
  return Object.assign(scale(from, to, left, right), {left, right, from, to, has, width: right + 14});
}

/**
 * Make `plots` scroll through the whole recording while it holds no more than its window: an empty space as
 * wide as all of it, over which a sheet stays in place. `draw` is called when the window has moved.
 */
function windowScroller(plots, view, draw) {
  const space = el("div", {class: "space"});
  const sheet = el("div", {class: "sheet"});
  let [width, asked] = [0, false];
  fill(plots, space);
  space.append(sheet);
  const pixelsPerMs = () => (width - 60) / view.span;

  plots.addEventListener("scroll", () => {
    // As placed by us: pixels are coarser than the window's place.
    if (!width || Math.abs(plots.scrollLeft - view.from * pixelsPerMs()) < 1.5) return;
    if (!asked) requestAnimationFrame(follow);
    asked = true;
  });

  function follow() {
    asked = false;
    moved(plots.scrollLeft / pixelsPerMs());
  }

  function moved(from) {
    view.from = Math.max(0, Math.min(from, view.end - view.span));
    view.place.from = view.from;
    draw();
  }

  return {
    sheet,
    /** Take a new width of the container, or a new span. */
    resize(to) {
      width = to;
      space.style.width = `${width + (view.end - view.span) * pixelsPerMs()}px`;
      sheet.style.width = `${width}px`;
      plots.scrollLeft = view.from * pixelsPerMs();
    },
    moveTo(from) {
      moved(from);
      plots.scrollLeft = view.from * pixelsPerMs();
    },
  };
}
