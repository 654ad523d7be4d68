// What the policy saw before each token, chunk by chunk.

const SCORES_HEIGHT = 120;

/** The heading of a run's scores: what they are, and what they mean. */
function scoresHeading({pair, tracks}, {run, chunks}) {
  const {
    scores: {limit},
  } = chunks.find((chunk) => chunk.scores);
  const runs = tracks.map((one) => one.run);
  return el(
    "h4",
    {class: "score-heading"},
    swatch(runs, run),
    `policy score, ${runName(pair, run)}; READ above ${Number(limit.toFixed(3))} (dashed)`,
  );
}

/** Draw the scores of one run over the same time as the staircase. */
function drawScores(container, view, one, width) {
  const x = timeScale(view, width);
  const box = {top: 10, bottom: SCORES_HEIGHT - 10};
  const {limit, low, high} = (one.scoreRange ??= scoreRange(one));
  const room = (high - low || 1) * 0.08;
  const inside = scale(low - room, high + room, box.bottom, box.top);
  // What lies outside stands at the edge.
  const y = (value) => Math.max(box.top, Math.min(box.bottom, inside(value)));
  const shown = shownChunks(one, view).filter((chunk) => chunk.scores);
  fill(
    container,
    svg(
      "svg",
      {width: x.width, height: SCORES_HEIGHT, class: colour(one.run), "aria-hidden": "true"},
      leftAxis(ticks(low - room, high + room, 3), y, x.left, x.right),
      svg("line", {class: "limit", x1: x.left, x2: x.right, y1: y(limit), y2: y(limit)}),
      x.has(view.sourceMs)
        ? svg("line", {
            class: "source-end",
            x1: x(view.sourceMs),
            x2: x(view.sourceMs),
            y1: 0,
            y2: SCORES_HEIGHT,
          })
        : null,
      tokenDots(one, shown, view, x, y),
      svg("line", {class: "cursor", y1: 0, y2: SCORES_HEIGHT, visibility: "hidden"}),
    ),
  );
}

/**
 * The limit of a run's scores, and a range that holds it and nine of ten values: a few scores far away would
 * flatten all others.
 */
function scoreRange({chunks}) {
  const scored = chunks.filter((chunk) => chunk.scores);
  const {limit} = scored[0].scores;
  const sorted = scored
    .flatMap((chunk) => chunk.scores.values)
    .filter((value) => value !== null)
    .sort((one, other) => one - other);
  const edge = Math.floor(sorted.length * 0.05);
  return {
    limit,
    low: Math.min(limit, sorted[edge] ?? limit),
    high: Math.max(limit, sorted.at(-1 - edge) ?? limit),
  };
}

/** When the chunk after this one ends: the tokens of a chunk are spread over the time until then. */
function nextArrival({chunks}, chunk, {sourceMs}) {
  return chunks[placeOf(chunks, chunk.arrival + 0.01, (other) => other.arrival)]?.arrival ?? sourceMs;
}

/** A dot for each token that was written, a ring for one that was not; grey where the policy stopped. */
function tokenDots(one, shown, view, x, y) {
  const kinds = {written: [], held: [], stop: []};
  let line = "";
  for (const chunk of shown) {
    const {values} = chunk.scores;
    const start = timeOf(chunk, view.clock);
    const step = (Math.max(0, nextArrival(one, chunk, view) - chunk.arrival) * 0.85) / values.length;
    let joined = "M";
    values.forEach((value, at) => {
      // A policy is not asked where the hypothesis stops for another reason, such as its length.
      if (value === null) return;
      const point = [x(start + at * step), y(value)];
      kinds[tokenKind(chunk.scores, at)].push(point);
      line += `${joined}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      joined = "L";
    });
  }
  return svg(
    "g",
    {class: "tokens"},
    svg("path", {class: "token-line", d: line}),
    Object.entries(kinds).map(([kind, points]) =>
      svg("path", {class: `token ${kind}`, d: circles(points, kind === "written" ? 2.4 : 2.8)}),
    ),
  );
}

/** A token was written, or held back because its word was not complete; where it stopped there is none. */
function tokenKind({written, tokens}, at) {
  if (at < written) return "written";
  return at < tokens.length ? "held" : "stop";
}

/** The tokens of one chunk with their scores: written ones, ones held back, and where the policy stopped. */
function tokenStrip({scores}) {
  const {limit, tokens, values} = scores;
  const boxes = values.map((value, at) => {
    return el(
      "span",
      {class: `token-box ${tokenKind(scores, at)}`},
      el("span", {}, at < tokens.length ? tokens[at].trim() || "␣" : "stop"),
      el("small", {}, value === null ? "–" : String(Number(value.toFixed(2)))),
    );
  });
  return el("div", {class: "token-strip", title: `the policy READs above ${limit}`}, boxes);
}
