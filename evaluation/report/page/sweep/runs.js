// What the page holds, and how runs are named and coloured.

const data = JSON.parse(byId("data").textContent);

const COLOURS = 8;
const DASHES = ["none", "7 4", "2 3", "9 3 2 3"];

/** base64 of gzipped JSON -> what it holds. */
async function unpack(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function systemName(pair, run) {
  return run.offline ? "offline" : pair.systems[run.system].name;
}

/** "reina threshold=0.5"; offline runs have their setting only where there are several. */
function runName(pair, run) {
  if (!run.offline) return `${systemName(pair, run)} ${run.setting}`;
  const several = pair.runs.filter((other) => other.offline).length > 1;
  return several ? `offline ${run.setting}` : "offline";
}

/** What stands for a run in the address of the page. */
function runKey(pair, run) {
  return `${systemName(pair, run)}/${run.setting}`;
}

function colour(run) {
  return run.offline ? "neutral" : `c${run.system % COLOURS}`;
}

/** Runs of one system have one colour: the second and further ones shown get dashed lines. */
function dash(runs, run) {
  const same = runs.filter((other) => colour(other) === colour(run));
  return DASHES[same.indexOf(run) % DASHES.length];
}

/** A short line in the colour and dash of a run, to stand before its name. */
function swatch(runs, run) {
  return svg(
    "svg",
    {class: `swatch ${colour(run)}`, width: 22, height: 10, "aria-hidden": "true"},
    svg("line", {class: "run-line", x1: 1, x2: 21, y1: 5, y2: 5, "stroke-dasharray": dash(runs, run)}),
  );
}

/** The runs of one system from low to high latency. */
function settingsOf(pair, system, latency) {
  return pair.runs
    .filter((run) => !run.offline && run.system === system && run.scores[latency]?.[0] != null)
    .sort((one, other) => one.scores[latency][0] - other.scores[latency][0]);
}

/** Of each of the first systems the run nearest to the middle of the latencies that all reach. */
function comparableRuns(pair, latency, most = 4) {
  const systems = pair.systems
    .map((_, system) => settingsOf(pair, system, latency))
    .filter((runs) => runs.length);
  if (!systems.length) return pair.runs.slice(0, 1);
  const low = Math.max(...systems.map((runs) => runs[0].scores[latency][0]));
  const high = Math.min(...systems.map((runs) => runs.at(-1).scores[latency][0]));
  const distance = (run) => Math.abs(run.scores[latency][0] - (low + high) / 2);
  return systems
    .slice(0, most)
    .map((runs) => runs.reduce((best, run) => (distance(run) < distance(best) ? run : best)));
}
