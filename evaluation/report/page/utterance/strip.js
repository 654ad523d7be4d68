// A whole recording at a glance: loudness, segments, and how densely each run wrote.

const STRIP_LOUDNESS = 26;
const STRIP_SEGMENTS = 8;
const STRIP_ROW = 11;
const STRIP_AXIS = 20;

/**
 * The strip over the detail: it is drawn once for a width, and only its window and its playhead move. act has
 * goTo(ms), of whatever place is chosen.
 */
function overview(view, act) {
  const canvas = el("canvas", {"aria-hidden": "true"});
  const shownWindow = el("div", {class: "strip-window"});
  const playhead = el("div", {class: "strip-playhead"});
  const strip = el(
    "div",
    {
      class: "strip",
      tabindex: 0,
      role: "slider",
      "data-key": "strip",
      "aria-label": "place in the recording",
      "aria-valuemin": 0,
      "aria-valuemax": Math.round(view.end / 1000),
    },
    canvas,
    shownWindow,
    playhead,
  );
  const heightOf = () =>
    STRIP_AXIS +
    (view.packet.loudness ? STRIP_LOUDNESS : 0) +
    (view.segments.length ? STRIP_SEGMENTS : 0) +
    view.tracks.length * STRIP_ROW;
  let x = scale(0, view.end, 0, 1);

  function draw(width) {
    const height = heightOf();
    const pixels = devicePixelRatio || 1;
    Object.assign(canvas, {width: Math.round(width * pixels), height: Math.round(height * pixels)});
    canvas.style.height = strip.style.height = `${height}px`;
    x = scale(0, view.end, 0, width);
    const brush = canvas.getContext("2d");
    brush.scale(pixels, pixels);
    const style = getComputedStyle(strip);
    drawStrip(brush, view, x, width, (name) => style.getPropertyValue(`--${name}`));
    show();
  }

  /** Put window and playhead where they are. */
  function show(ms = view.place.ms) {
    const inner = heightOf() - STRIP_AXIS;
    // A window of 30 s in two hours is three pixels wide: it stays visible.
    const wide = Math.max(4, x(view.span) - x(0));
    const left = x(view.from + view.span / 2) - wide / 2;
    shownWindow.style.cssText = `left:${left}px;width:${wide}px;height:${inner}px`;
    playhead.style.cssText = `left:${ms === null ? 0 : x(ms)}px;height:${inner}px`;
    playhead.hidden = ms === null;
    const now = ms !== null && ms >= view.from && ms <= view.from + view.span ? ms : view.from;
    strip.setAttribute("aria-valuenow", String(Math.round(now / 1000)));
    strip.setAttribute("aria-valuetext", `${clockWords(now)} of ${clockWords(view.end)}`);
  }

  const goTo = (ms) => act.goTo(Math.max(0, Math.min(view.end, ms)));
  const point = (event) => goTo(x.invert(event.clientX - strip.getBoundingClientRect().left));
  strip.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    strip.setPointerCapture(event.pointerId);
    point(event);
  });
  strip.addEventListener("pointermove", (event) => {
    if (strip.hasPointerCapture(event.pointerId)) point(event);
  });
  strip.addEventListener("keydown", (event) => {
    const now = view.place.ms ?? view.from;
    const to = {
      ArrowRight: now + view.span / 3,
      ArrowLeft: now - view.span / 3,
      ArrowUp: now + view.span / 3,
      ArrowDown: now - view.span / 3,
      PageUp: now + view.span * 4,
      PageDown: now - view.span * 4,
      Home: 0,
      End: view.end,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    goTo(to);
  });
  // The colours are those of the page by day or by night.
  const night = matchMedia("(prefers-color-scheme: dark)");
  const again = () => {
    if (strip.isConnected) draw(strip.clientWidth);
    else night.removeEventListener("change", again);
  };
  night.addEventListener("change", again);
  return {element: strip, draw, show};
}

function drawStrip(brush, view, x, width, colourOf) {
  const {packet, segments, tracks, end} = view;
  let top = 0;
  if (packet.loudness) {
    brush.fillStyle = colourOf("strong-line");
    const bars = Math.max(1, Math.floor(end / width / packet.bar_ms));
    for (let at = 0; at * bars < packet.loudness.length; at++) {
      const half = (loudest(packet.loudness, at * bars, bars) / 9) * (STRIP_LOUDNESS / 2 - 1);
      const left = x(at * bars * packet.bar_ms);
      const wide = Math.max(1, x(bars * packet.bar_ms));
      brush.fillRect(left, top + STRIP_LOUDNESS / 2 - half, wide, Math.max(1, 2 * half));
    }
    top += STRIP_LOUDNESS;
  }
  if (segments.length) {
    brush.fillStyle = colourOf("muted");
    // Where segments follow each other without a pause, a gap still tells them apart if there is room.
    for (const one of segments) {
      const wide = x(one.end) - x(one.offset);
      brush.fillRect(x(one.offset), top + 2, Math.max(0.6, wide - (wide > 3 ? 1 : 0)), STRIP_SEGMENTS - 4);
    }
    top += STRIP_SEGMENTS;
  }
  for (const one of tracks) {
    drawDensity(brush, one, view, x, width, top, colourOf(`${colour(one.run)}`));
    top += STRIP_ROW;
  }
  brush.globalAlpha = 1;
  brush.fillStyle = colourOf("muted");
  brush.font = "11px system-ui, sans-serif";
  for (const ms of clockTicks(0, end, width / 70)) {
    brush.fillRect(x(ms), top, 1, 4);
    brush.textAlign = x(ms) < 12 ? "left" : x(ms) > width - 20 ? "right" : "center";
    brush.fillText(clockText(ms), Math.max(1, x(ms)), top + 15);
  }
}

/** One row of a run, darker where it wrote more in the time of two pixels; full at twice the mean. */
function drawDensity(brush, one, view, x, width, top, colourName) {
  const columns = new Float64Array(Math.ceil(width / 2));
  for (const chunk of one.chunks) {
    const at = Math.floor(x(timeOf(chunk, view.clock)) / 2);
    columns[Math.min(columns.length - 1, at)] += chunk.units;
  }
  const mean = (one.chunks.at(-1)?.total ?? 0) / columns.length || 1;
  brush.fillStyle = colourName;
  columns.forEach((count, at) => {
    if (!count) return;
    brush.globalAlpha = Math.min(1, 0.2 + (0.4 * count) / mean);
    brush.fillRect(at * 2, top + 2, 2, STRIP_ROW - 3);
  });
  brush.globalAlpha = 1;
}
