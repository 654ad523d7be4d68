// One utterance: its plots share a scale of time and a cursor, which texts and audio follow.

// Texts and tables of a window are written again when scrolling has come to rest.
const REST_MS = 200;

/** Show the utterance at state.position. `act` has setClock, step and address. */
async function showDetail(container, state, act) {
  const {pair, position, runs} = state;
  if (position === null) return fill(container, el("p", {class: "notice"}, "Choose an utterance."));
  const packet = await packetOf(pair, position, runs);
  // Another utterance or other runs may have been chosen while this one was unpacked.
  if (state.position !== position || state.pair !== pair || state.runs !== runs) return;
  const view = viewOf(state, packet);
  const plots = el("div", {class: `plots scroll-x${view.long ? " windowed" : ""}`});
  const readout = el("div", {class: "readout", "aria-live": "polite"});
  const words = el("div", {});
  const player = playerOf(view, (ms, running) => cursor.follow(ms, running));
  const strip = view.long ? overview(view, {goTo: (ms) => cursor.goTo(ms)}) : null;
  const staircase = el("div", {});
  const scored = view.tracks.filter((one) => one.hasScores).map((one) => [one, el("div", {})]);
  const drawn = [staircase, scored.map(([one, box]) => [scoresHeading(view, one), box])];
  const scroller = view.long ? windowScroller(plots, view, drawWindow) : null;
  fill(scroller ? scroller.sheet : plots, drawn);
  const moved = () => container.querySelector(".address")?.setAttribute("href", act.address());
  const cursor = timeCursor(view, {plots, readout, container, scroller, strip, player, moved});
  let [plotWidth, rest] = [0, null];

  function drawPlots() {
    if (!plotWidth) return;
    cursor.x = drawStaircase(staircase, view, plotWidth);
    for (const [one, box] of scored) drawScores(box, view, one, plotWidth);
  }

  function drawTexts() {
    fill(words, texts(view, cursor.moveTo), tables(view, cursor, words));
    cursor.show();
  }

  /** The window has moved. */
  function drawWindow() {
    drawPlots();
    cursor.show(true);
    clearTimeout(rest);
    if (cursor.running) drawTexts();
    else rest = setTimeout(drawTexts, REST_MS);
  }

  function setSpan(span) {
    const {ms} = view.place;
    const middle = ms !== null && cursor.x?.has(ms) ? ms : view.from + view.span / 2;
    view.place.span = span;
    view.span = Math.min(span, view.end);
    view.place.from = view.from = Math.max(0, Math.min(middle - view.span / 2, view.end - view.span));
    scroller.resize(plotWidth);
    drawWindow();
  }

  fill(
    container,
    head(view, act),
    view.long
      ? null
      : el("p", {class: "reference"}, el("span", {class: "label"}, "reference"), view.reference),
    player.element,
    view.tracks.length
      ? [
          notesOf(view),
          el(
            "div",
            {class: "clock"},
            clockChoice(view, act),
            view.long ? spanChoice(view, setSpan) : null,
          ),
          strip?.element,
          plots,
          legendNote(view),
          readout,
          words,
        ]
      : el(
          "p",
          {class: "notice"},
          "Choose a run above: a point of the curve, a row of the table, or from the list of runs.",
        ),
  );
  container.classList.toggle("running", !player.audio.paused);
  cursor.running = !player.audio.paused;
  if (!cursor.running && view.place.ms !== null) player.seek(view.place.ms);
  if (!view.tracks.length) return;
  drawTexts();
  drawToWidth(plots, (width) => {
    plotWidth = width;
    scroller?.resize(width);
    strip?.draw(width);
    drawPlots();
    cursor.show();
  });
}

function head({index, position, packet, sourceMs}, act) {
  const number = index.index[position];
  return el(
    "div",
    {class: "detail-head"},
    el(
      "h3",
      {},
      el(
        "a",
        {href: act.address(), class: "address", title: "link to this moment and these runs"},
        `Utterance ${number}`,
      ),
    ),
    el(
      "span",
      {class: "muted source", title: packet.source},
      `${lengthText(sourceMs)} · ${packet.source.split("/").at(-1)}`,
    ),
    el(
      "span",
      {class: "steps-buttons"},
      el(
        "button",
        {
          type: "button",
          "data-key": "previous",
          onclick: () => act.step(-1),
          "aria-label": "previous utterance",
        },
        "←",
      ),
      el(
        "button",
        {type: "button", "data-key": "next", onclick: () => act.step(1), "aria-label": "next utterance"},
        "→",
      ),
    ),
  );
}

/** Source audio alone, or with the time of computation, where it was recorded. */
function clockChoice(view, act) {
  if (!view.tracks.every((one) => one.hasClock)) return null;
  const option = (value, text, title) =>
    el(
      "label",
      {class: "choice", title},
      el("input", {
        type: "radio",
        name: "clock",
        value,
        checked: view.clock === value,
        "data-key": `clock ${value}`,
        onchange: () => act.setClock(value),
      }),
      ` ${text}`,
    );
  return el(
    "div",
    {class: "clocks", role: "radiogroup", "aria-label": "clock"},
    option("heard", "audio heard", "words stand where the audio had come when they were written"),
    option(
      "done",
      "with computation",
      "the true clock: a chunk is worked on once it has arrived and the chunks before it are done",
    ),
  );
}

/** How much of a long recording is seen at once. */
function spanChoice(view, change) {
  const spans = SPANS_S.filter((span) => span * 1000 < view.end || span * 1000 === view.span);
  const select = el("select", {"data-key": "span", onchange: () => change(Number(select.value) * 1000)});
  fillSelect(
    select,
    spans.map((span) => [span, span < 60 ? `${span} s` : `${span / 60} min`]),
    view.span / 1000,
  );
  return el("label", {class: "choice"}, "seen at once ", select);
}

/** What is not known about the runs that are shown. */
function notesOf({pair, tracks}) {
  const notes = new Map();
  for (const {run, notes: own} of tracks) {
    for (const note of own) notes.set(note, [...(notes.get(note) ?? []), runName(pair, run)]);
  }
  return [...notes].map(([note, names]) => el("p", {class: "notice small"}, `${names.join(", ")}: ${note}.`));
}

function legendNote(view) {
  const {packet, tracks, segments, long} = view;
  const parts = [
    "Below the steps: ",
    packet.loudness ? "the loudness of the audio, " : "",
    segments.length
      ? "the segments of the reference and, for each run, how long after their end their last word came, "
      : "",
    "the chunks of each run, darker where more was written, and its words where they were written.",
    " Dotted: a speaker of even pace.",
    " Point at the plot, or use the arrow keys on it, to follow the texts in time; a click leads the audio" +
      " there.",
    tracks.some((one) => one.hasScores)
      ? " Policy scores: a dot is a token that was written, a ring one that was held back, a grey ring" +
        " where the policy stopped."
      : "",
    long ? " Words are drawn where they have room: see less at once for more of them." : "",
  ];
  return el("p", {class: "muted small"}, parts.join(""));
}
