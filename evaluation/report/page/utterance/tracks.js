// One utterance as its runs went through it: what was decided at each chunk of audio.

/**
 * The decisions of one run: {run, chunks: [{arrival, done, text, units, total, scores}], notes, segments};
 * times in ms. notes: what is not known about it.
 */
function track(pair, packet, run) {
  const {grid, written, compute, scores, notes, segments, metric} = packet.runs[run.id];
  const texts = new Map(written);
  const details = new Map((scores ?? []).map(([at, ...rest]) => [at, rest]));
  let [total, done] = [0, 0];
  const chunks = packet.grids[grid].map((arrival, at) => {
    const text = texts.get(at) ?? "";
    const units = unitCount(text, pair.unit);
    total += units;
    // The true clock: a chunk is worked on once it is there and the chunks before it are done.
    done = Math.max(done, arrival) + (compute?.[at] ?? 0);
    return {arrival, done, text, units, total, compute: compute?.[at], scores: scoresOf(details.get(at))};
  });
  return {
    run,
    chunks,
    notes: notes ?? [],
    segments: segments ? segmentTexts(packet.segments, segments, chunks, pair.unit) : null,
    metric,
    hasClock: Boolean(compute),
    hasScores: Boolean(scores?.length),
  };
}

/** What the policy saw of each token of a chunk: [written, limit, tokens, values]. */
function scoresOf(details) {
  if (!details) return null;
  const [written, limit, tokens, values] = details;
  return {written, limit, tokens, values};
}

function unitCount(text, unit) {
  return unit === "word" ? text.split(/\s+/).filter(Boolean).length : [...text.replace(/\s/g, "")].length;
}

/** When a chunk's words were there: once heard, or once computed as well. */
function timeOf(chunk, clock) {
  return clock === "done" ? chunk.done : chunk.arrival;
}

/** All moments at which some run decided, in order. */
function moments(tracks, clock) {
  const times = tracks.flatMap(({chunks}) => chunks.map((chunk) => timeOf(chunk, clock)));
  return [...new Set(times)].sort((one, other) => one - other);
}

/** The first place of a sorted list whose time is `ms` or later. */
function placeOf(items, ms, time = (item) => item) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (time(items[middle]) < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The chunks of a run from one time to another, both included. */
function chunksBetween({chunks}, clock, from, to) {
  const time = (chunk) => timeOf(chunk, clock);
  return chunks.slice(placeOf(chunks, from - 0.01, time), placeOf(chunks, to + 0.02, time));
}

/** The last of a run's chunks at a time, or undefined before the first. */
function chunkAt({chunks}, ms, clock) {
  return chunks[placeOf(chunks, ms + 0.02, (chunk) => timeOf(chunk, clock)) - 1];
}
