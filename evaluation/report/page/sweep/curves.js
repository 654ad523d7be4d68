// Quality against latency: a line for each system, a point for each run.

/** Draw into `container` at its width. `choose(run)` is called for a point that is clicked. */
function drawCurves(container, state, choose, width) {
  const {pair, quality, latency} = state;
  const height = Math.max(260, Math.min(440, width * 0.58));
  const box = {left: 46, right: width - 14, top: 12, bottom: height - 42};
  const shown = pair.systems.map((_, system) => system).filter((system) => !state.hidden.has(system));
  const lines = shown.map((system) => settingsOf(pair, system, latency).filter((run) => run.scores[quality]));
  const offline = offlineLines(pair, quality, shown);
  if (!lines.some((runs) => runs.length)) {
    fill(container, el("p", {class: "notice"}, "No system with these scores is shown."));
    return;
  }
  const x = axis(
    lines.flat().map((run) => run.scores[latency]),
    box.left,
    box.right,
    state.intervals,
  );
  const y = axis(
    [...lines.flat().map((run) => run.scores[quality]), ...offline.map((line) => [line.value])],
    box.bottom,
    box.top,
    state.intervals,
  );
  x.left = box.left;
  x.right = box.right;
  const labels = tickText(x.ticks.map((value) => value * x.unit(pair, latency)));
  const chart = svg(
    "svg",
    {width, height, role: "group", "aria-label": `${quality} against ${latency}`},
    bounds(pair, state, x, box),
    leftAxis(y.ticks, y, box.left, box.right),
    bottomAxis(x.ticks, x, box.bottom, (value) => labels(value * x.unit(pair, latency))),
    svg(
      "text",
      {class: "axis-label", x: box.right, y: height - 6, "text-anchor": "end"},
      axisLabel(pair, latency),
    ),
    svg("text", {class: "axis-label", x: box.left + 6, y: box.top + 4}, quality),
    lines.map((runs) => curve(runs, state, x, y)),
    offline.map((line) => offlineLine(line, y, box)),
    lines.flat().map((run) => point(run, state, x, y, choose)),
  );
  fill(container, chart);
}

/** A scale around scores [value, low, high], with a little room on both sides. */
function axis(scores, start, end, intervals) {
  const values = scores
    .flatMap((score) => (intervals ? score : score.slice(0, 1)))
    .filter((value) => value != null);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.07;
  const map = scale(low - room, high + room, start, end);
  map.unit = (pair, name) => (pair.milliseconds.includes(name) ? 0.001 : 1);
  map.ticks = ticks(low - room, high + room, Math.max(4, Math.abs(end - start) / 80));
  return map;
}

/** One dashed line for each offline quality behind the systems shown. */
function offlineLines(pair, quality, shown) {
  const lines = new Map();
  for (const system of shown) {
    const run = pair.runs[pair.systems[system].offline];
    const value = run?.scores[quality]?.[0];
    if (value == null) continue;
    const line = lines.get(value);
    if (!line) lines.set(value, {value, run, name: runName(pair, run), systems: [system]});
    else {
      line.systems.push(system);
      if (line.run !== run) line.name = "offline";
    }
  }
  return [...lines.values()];
}

function offlineLine({value, name, systems}, y, box) {
  // A line of one system alone, among several, has its colour.
  const own = systems.length === 1 ? `c${systems[0] % COLOURS}` : "neutral";
  return svg(
    "g",
    {class: own},
    svg("line", {class: "offline", x1: box.left, x2: box.right, y1: y(value), y2: y(value)}),
    svg("text", {class: "tick halo", x: box.left + 6, y: y(value) - 5}, `${name} ${value.toFixed(1)}`),
  );
}

/** Where NoSE is computed, if it is for these two metrics. */
function bounds(pair, state, x, box) {
  const nose = pair.nose;
  if (!nose.bounds || nose.quality !== state.quality || nose.latency !== state.latency) return null;
  const [low, high] = nose.bounds.map(x);
  return svg(
    "g",
    {},
    svg("rect", {class: "bounds", x: low, width: high - low, y: box.top, height: box.bottom - box.top}),
    svg("text", {class: "tick", x: low + 5, y: box.bottom - 7}, "NoSE"),
  );
}

function curve(runs, {quality, latency}, x, y) {
  if (!runs.length) return null;
  const path = runs.map(
    (run, at) => `${at ? "L" : "M"}${x(run.scores[latency][0])} ${y(run.scores[quality][0])}`,
  );
  // Where colours begin again, lines tell systems apart.
  const repeated = runs[0].system < COLOURS ? "" : " repeated";
  return svg("path", {class: `curve ${colour(runs[0])}${repeated}`, d: path.join("")});
}

function point(run, state, x, y, choose) {
  const {pair, quality, latency} = state;
  const [left, top] = [x(run.scores[latency][0]), y(run.scores[quality][0])];
  const chosen = state.runs.includes(run);
  const flags = Object.entries(run.flags)
    .filter(([, count]) => count)
    .map(([flag, count]) => `${flag} ${count}`);
  const lines = [
    runName(pair, run),
    shownWithInterval(pair, quality, run.scores[quality]),
    shownWithInterval(pair, latency, run.scores[latency]),
    ...(flags.length ? [flags.join(", ")] : []),
  ];
  const mark = svg(
    "g",
    {
      class: `point ${colour(run)}${chosen ? " chosen" : ""}`,
      transform: `translate(${left} ${top})`,
      tabindex: 0,
      role: "button",
      "aria-pressed": String(chosen),
      "aria-label": lines.join(", "),
      "data-key": runKey(pair, run),
      onclick: () => choose(run),
      onkeydown: (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose(run);
      },
      onpointerenter: () => tooltip(mark, lines),
      onpointerleave: () => tooltip(null),
      onfocus: () => tooltip(mark, lines),
      onblur: () => tooltip(null),
    },
    state.intervals ? cross(run, state, x, y) : null,
    svg("circle", {class: "target", r: 13}),
    chosen ? svg("circle", {class: "ring", r: 9}) : null,
    svg("path", {class: "mark", d: marker(run.system, 4.5)}),
  );
  return mark;
}

/** The 95% intervals of both scores, around (0, 0). */
function cross(run, {quality, latency}, x, y) {
  const [left, right] =
    run.scores[latency][1] == null
      ? [0, 0]
      : run.scores[latency].map((value) => x(value) - x(run.scores[latency][0])).slice(1);
  const [low, high] =
    run.scores[quality][1] == null
      ? [0, 0]
      : run.scores[quality].map((value) => y(value) - y(run.scores[quality][0])).slice(1);
  return svg("path", {class: "interval", d: `M${left} 0H${right}M0 ${low}V${high}`});
}
