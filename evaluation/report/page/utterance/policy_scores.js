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
function drawScores(container, view, {run, chunks}, width) {
  const x = timeScale(view, width);
  const box = {top: 10, bottom: SCORES_HEIGHT - 10};
  const scored = chunks.filter((chunk) => chunk.scores);
  const [
    {
      scores: {limit},
    },
  ] = scored;
  const [low, high] = mostOf(
    scored.flatMap((chunk) => chunk.scores.values),
    limit,
  );
  const room = (high - low || 1) * 0.08;
  const inside = scale(low - room, high + room, box.bottom, box.top);
  // What lies outside stands at the edge.
  const y = (value) => Math.max(box.top, Math.min(box.bottom, inside(value)));
  fill(
    container,
    svg(
      "svg",
      {width: x.width, height: SCORES_HEIGHT, class: colour(run), "aria-hidden": "true"},
      leftAxis(ticks(low - room, high + room, 3), y, x.left, x.right),
      svg("line", {class: "limit", x1: x.left, x2: x.right, y1: y(limit), y2: y(limit)}),
      svg("line", {
        class: "source-end",
        x1: x(view.sourceMs),
        x2: x(view.sourceMs),
        y1: 0,
        y2: SCORES_HEIGHT,
      }),
      scored.map((chunk) => tokenDots(chunk, next(chunks, chunk, view), view, x, y)),
      svg("line", {class: "cursor", y1: 0, y2: SCORES_HEIGHT, visibility: "hidden"}),
    ),
  );
}

/** A range that holds nine of ten values, and the limit: a few scores far away would flatten all others. */
function mostOf(values, limit) {
  const sorted = values.filter((value) => value !== null).sort((one, other) => one - other);
  const edge = Math.floor(sorted.length * 0.05);
  return [Math.min(limit, sorted[edge]), Math.max(limit, sorted.at(-1 - edge))];
}

/** When the chunk after this one ends: the tokens of a chunk are spread over the time until then. */
function next(chunks, chunk, {sourceMs}) {
  return chunks[chunks.indexOf(chunk) + 1]?.arrival ?? sourceMs;
}

/** A dot for each token that was written, a ring for one that was not; grey where the policy stopped. */
function tokenDots(chunk, end, view, x, y) {
  const {written, values} = chunk.scores;
  const start = timeOf(chunk, view.clock);
  const step = (Math.max(0, end - chunk.arrival) * 0.85) / values.length;
  // A policy is not asked where the hypothesis stops for another reason, such as its length.
  const places = values.flatMap((value, at) =>
    value === null ? [] : [[x(start + at * step), y(value), at]],
  );
  return svg(
    "g",
    {class: "tokens"},
    svg("path", {
      class: "token-line",
      d: places.map(([left, top], at) => `${at ? "L" : "M"}${left.toFixed(1)} ${top.toFixed(1)}`).join(""),
    }),
    places.map(([left, top, at]) =>
      svg("circle", {
        class: `token ${tokenKind(chunk.scores, at)}`,
        cx: left,
        cy: top,
        r: at < written ? 2.4 : 2.8,
      }),
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
