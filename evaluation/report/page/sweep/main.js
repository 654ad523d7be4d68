// The state of the page, its address, and what is drawn again when it changes.

const state = {
  pair: data.pairs[0],
  index: null,
  quality: null,
  latency: null,
  hidden: new Set(),
  intervals: false,
  runs: [],
  table: "system",
  position: null,
  clock: "heard",
  // Of the utterance that is open: its window and moment (utterance/view.js).
  place: null,
};
let list = null;

/** Turn to a language pair: its list of utterances is unpacked first. */
async function openPair(pair) {
  state.pair = pair;
  state.index = await unpack(pair.index);
  state.hidden = new Set();
  state.quality = pair.axes.quality;
  state.latency = pair.axes.latency;
  state.runs = comparableRuns(pair, state.latency);
  state.position = null;
  state.place = null;
  fillSelect(
    byId("quality"),
    pair.quality.map((name) => [name, name]),
    state.quality,
  );
  fillSelect(
    byId("latency"),
    pair.latency.map((name) => [name, name]),
    state.latency,
  );
  byId("summary").textContent = [
    counted(pair.sentences, "utterance"),
    `${duration(pair.audio_ms)} of audio`,
    counted(pair.systems.length, "system"),
    counted(pair.runs.length, "run"),
    ...(pair.included < pair.sentences
      ? [`this page opens the first ${pair.included}, the rest is in runs/`]
      : []),
  ].join(" · ");
  fill(byId("nose"), noseTable(pair));
  fill(
    byId("footer"),
    pair.notes.map((note) => el("p", {}, note)),
  );
  list = utteranceList(byId("list"), state, open);
}

function drawScoresOfRuns() {
  fill(
    byId("legend"),
    state.pair.systems.map((system, at) =>
      el(
        "button",
        {
          type: "button",
          class: `chip c${at % COLOURS}`,
          "aria-pressed": String(!state.hidden.has(at)),
          "data-key": system.name,
          onclick: () => {
            if (!state.hidden.delete(at)) state.hidden.add(at);
            drawScoresOfRuns();
          },
        },
        dot(at),
        system.name,
      ),
    ),
  );
  byId("curves").redraw?.();
  fill(
    byId("points"),
    pointsTable(state, toggle, (name) => {
      state.table = name;
      drawScoresOfRuns();
    }),
  );
}

function drawUtterances() {
  const {pair, runs} = state;
  const add = el(
    "select",
    {"aria-label": "add a run", "data-key": "add", onchange: () => toggle(pair.runs[Number(add.value)])},
    el("option", {value: ""}, "add a run…"),
    runGroups(),
  );
  fill(
    byId("chosen-runs"),
    runs.map((run) =>
      el(
        "span",
        {class: `chip ${colour(run)}`},
        swatch(runs, run),
        runName(pair, run),
        el(
          "button",
          {
            type: "button",
            class: "remove",
            "aria-label": `hide ${runName(pair, run)}`,
            onclick: () => toggle(run),
          },
          "×",
        ),
      ),
    ),
    add,
  );
  list.update();
  showDetail(byId("detail"), state, {setClock, step, address});
}

/** Options for all runs that are not shown, by system. */
function runGroups() {
  const {pair, runs, latency} = state;
  const rest = pair.runs.filter((run) => !runs.includes(run));
  return [...new Set(rest.map((run) => systemName(pair, run)))].map((name) =>
    el(
      "optgroup",
      {label: name},
      rest
        .filter((run) => systemName(pair, run) === name)
        .map((run) =>
          el(
            "option",
            {value: run.id},
            `${runName(pair, run)} · ${latency} ${shown(pair, latency, run.scores[latency]?.[0])}`,
          ),
        ),
    ),
  );
}

/** Show a run's utterances, or no longer. */
function toggle(run) {
  if (!run) return;
  state.runs = state.runs.includes(run) ? state.runs.filter((other) => other !== run) : [...state.runs, run];
  history.replaceState(null, "", address());
  drawScoresOfRuns();
  drawUtterances();
}

function open(position) {
  state.position = position;
  state.place = null;
  history.pushState(null, "", address());
  drawUtterances();
}

function step(by) {
  const at = list.found.indexOf(state.position) + by;
  if (list.found[at] === undefined) return;
  open(list.found[at]);
  list.scrollTo();
}

function setClock(clock) {
  state.clock = clock;
  showDetail(byId("detail"), state, {setClock, step, address});
}

/** The address of what is shown: #u=17&t=754.5&run=reina/threshold=0.5; t is the moment in s. */
function address() {
  const words = new URLSearchParams();
  if (data.pairs.length > 1) words.set("pair", state.pair.languages);
  if (state.position !== null) words.set("u", state.index.index[state.position]);
  if (state.place?.ms != null) words.set("t", Number(seconds(state.place.ms)));
  for (const run of state.runs) words.append("run", runKey(state.pair, run));
  return `#${words}`;
}

/** Show what the address says. An address without runs keeps those that are shown. */
async function followAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const pair = data.pairs.find((one) => one.languages === words.get("pair")) ?? state.pair;
  if (pair !== state.pair || !state.index) await openPair(pair);
  const named = words
    .getAll("run")
    .map((key) => pair.runs.find((run) => runKey(pair, run) === key))
    .filter(Boolean);
  if (named.length) state.runs = named;
  const wanted = state.index.index.indexOf(Number(words.get("u") ?? NaN));
  state.position = wanted >= 0 ? wanted : 0;
  const moment = Number(words.get("t") ?? NaN) * 1000;
  state.place = Number.isFinite(moment) && moment >= 0 ? placeAt(moment) : null;
  byId("pair").value = pair.languages;
  drawScoresOfRuns();
  drawUtterances();
  list.scrollTo();
  if (wanted >= 0) byId("utterances").scrollIntoView();
}

function start() {
  byId("title").textContent = data.name;
  byId("pair-choice").hidden = data.pairs.length < 2;
  fillSelect(
    byId("pair"),
    data.pairs.map((pair) => [pair.languages, pair.languages]),
    data.pairs[0].languages,
  );
  byId("pair").addEventListener("change", (event) => {
    location.hash = new URLSearchParams({pair: event.target.value});
  });
  for (const name of ["quality", "latency"]) {
    byId(name).addEventListener("change", (event) => {
      state[name] = event.target.value;
      drawScoresOfRuns();
      drawUtterances();
    });
  }
  byId("intervals").addEventListener("change", (event) => {
    state.intervals = event.target.checked;
    drawScoresOfRuns();
  });
  drawToWidth(byId("curves"), (width) => width && drawCurves(byId("curves"), state, toggle, width));
  addEventListener("hashchange", followAddress);
  followAddress();
}

start();
