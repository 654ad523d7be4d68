// One utterance: its plots share a scale of time and a cursor, which the texts follow.

/** Show the utterance at state.position. `act` has setClock, step and address. */
async function showDetail(container, state, act) {
  const {pair, position, index} = state;
  if (position === null) return fill(container, el("p", {class: "notice"}, "Choose an utterance."));
  const packet = await packetOf(pair, position);
  // Another utterance may have been chosen while this one was unpacked.
  if (state.position !== position || state.pair !== pair) return;
  const tracks = state.runs.map((run) => track(pair, packet, run));
  const view = {
    pair,
    packet,
    tracks,
    index,
    position,
    latency: state.latency,
    clock: tracks.every((one) => one.hasClock) ? state.clock : "heard",
    sourceMs: index.source_ms[position],
    reference: index.reference[position],
    referenceUnits: unitCount(index.reference[position], pair.unit),
  };
  const plots = el("div", {class: "plots scroll-x"});
  const readout = el("div", {class: "readout", "aria-live": "polite"});
  const cursor = timeCursor(view, plots, readout, container);
  fill(
    container,
    head(view, state, act),
    el("p", {class: "reference"}, el("span", {class: "label"}, "reference"), view.reference),
    tracks.length
      ? [
          clockChoice(view, state, act),
          plots,
          legendNote(view),
          readout,
          texts(view, cursor.moveTo),
          el(
            "details",
            {open: true},
            el("summary", {}, "Chunk by chunk"),
            el(
              "div",
              {class: "scroll-x", tabindex: 0, role: "region", "aria-label": "chunk by chunk"},
              chunkTable(view, cursor.moveTo),
            ),
          ),
        ]
      : el(
          "p",
          {class: "notice"},
          "Choose a run above: a point of the curve, a row of the table, or from the list of runs.",
        ),
  );
  const staircase = el("div", {});
  const scored = tracks.filter((one) => one.hasScores).map((one) => [one, el("div", {})]);
  fill(
    plots,
    staircase,
    scored.map(([one, box]) => [scoresHeading(view, one), box]),
  );
  drawToWidth(plots, (width) => {
    cursor.x = drawStaircase(staircase, view, width);
    for (const [one, box] of scored) drawScores(box, view, one, width);
    cursor.show();
  });
}

const packets = new Map();

async function packetOf(pair, position) {
  const packed = pair.packets[position];
  if (!packets.has(packed)) packets.set(packed, unpack(packed));
  return packets.get(packed);
}

function head({pair, index, position, packet, sourceMs}, state, act) {
  const number = index.index[position];
  return el(
    "div",
    {class: "detail-head"},
    el(
      "h3",
      {},
      el("a", {href: act.address(), title: "link to this utterance and these runs"}, `Utterance ${number}`),
    ),
    el(
      "span",
      {class: "muted source", title: packet.source},
      `${seconds(sourceMs, 1)} s · ${packet.source.split("/").at(-1)}`,
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
function clockChoice(view, state, act) {
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
    {class: "clock", role: "radiogroup", "aria-label": "clock"},
    option("heard", "audio heard", "words stand where the audio had come when they were written"),
    option(
      "done",
      "with computation",
      "the true clock: a chunk is worked on once it has arrived and the chunks before it are done",
    ),
  );
}

function legendNote({packet, tracks}) {
  const loud = packet.loudness ? "the loudness of the audio and " : "";
  const scores = tracks.some((one) => one.hasScores)
    ? " Policy scores: a dot is a token that was written, a ring one that was held back, a grey ring where the" +
      " policy stopped."
    : "";
  return el(
    "p",
    {class: "muted small"},
    `Below the steps: ${loud}the chunks of each run, darker where more was written.`,
    " Dotted: a speaker of even pace.",
    " Point at the plot, or use the arrow keys on it, to follow the texts in time.",
    scores,
  );
}

/** A moment in time that the plots, the texts and the table show together; it snaps to decisions. */
function timeCursor(view, plots, readout, container) {
  const times = moments(view.tracks, view.clock);
  const cursor = {
    x: null,
    ms: null,
    show,
    moveTo: (ms) => {
      place(ms);
      reveal();
    },
  };

  function place(ms) {
    cursor.ms =
      ms === null || !times.length
        ? null
        : times.reduce((best, time) => (Math.abs(time - ms) < Math.abs(best - ms) ? time : best));
    show();
  }

  /** Scroll long audio so that the cursor can be seen. */
  function reveal() {
    if (cursor.ms === null || !cursor.x) return;
    const left = cursor.x(cursor.ms) - plots.scrollLeft;
    if (left < 0 || left > plots.clientWidth) plots.scrollLeft += left - plots.clientWidth / 2;
  }

  function show() {
    const {ms, x} = cursor;
    for (const line of plots.querySelectorAll("line.cursor")) {
      line.setAttribute("visibility", ms === null ? "hidden" : "visible");
      if (ms !== null) for (const end of ["x1", "x2"]) line.setAttribute(end, x(ms));
    }
    showTextsAt(container, ms);
    for (const row of container.querySelectorAll(".chunk-table tbody tr")) {
      row.classList.toggle("current", ms !== null && Math.abs(Number(row.dataset.time) - ms) < 0.01);
    }
    fill(readout, ms === null ? el("p", {class: "muted small"}, "No moment chosen.") : moment(view, ms));
    plots.setAttribute("aria-valuenow", String(Math.round(ms ?? 0)));
    plots.setAttribute("aria-valuetext", ms === null ? "no moment chosen" : `${seconds(ms)} seconds`);
  }

  const slider = {
    tabindex: "0",
    role: "slider",
    "aria-label": "moment in the audio",
    "aria-valuemin": "0",
    "aria-valuemax": String(Math.round(times.at(-1) ?? 0)),
  };
  for (const [name, value] of Object.entries(slider)) plots.setAttribute(name, value);
  const point = (event) => {
    const svgBox = plots.querySelector("svg")?.getBoundingClientRect();
    if (svgBox && cursor.x) place(cursor.x.invert(event.clientX - svgBox.left));
  };
  plots.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse") point(event);
  });
  plots.addEventListener("click", point);
  plots.addEventListener("keydown", (event) => {
    const at = cursor.ms === null ? -1 : times.indexOf(cursor.ms);
    const to = {ArrowRight: at + 1, ArrowLeft: Math.max(0, at - 1), Home: 0, End: times.length - 1}[
      event.key
    ];
    if (event.key === "Escape") place(null);
    else if (to === undefined || times[to] === undefined) return;
    else cursor.moveTo(times[to]);
    event.preventDefault();
  });
  return cursor;
}
