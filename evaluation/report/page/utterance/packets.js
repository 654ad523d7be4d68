// What the page holds about an utterance, unpacked when it is opened.

const packets = new Map();

/**
 * An utterance with some of its runs: {source, link, bar_ms, loudness, segments, grids, runs}; `runs` holds
 * them by their ids. Those of a long recording are packed one by one.
 */
async function packetOf(pair, position, runs) {
  const packed = pair.packets[position];
  if (typeof packed === "string") return once(packed);
  const [shared, ...others] = packed;
  const wanted = await Promise.all(runs.map((run) => once(others[run.id])));
  return {...(await once(shared)), runs: Object.fromEntries(runs.map((run, at) => [run.id, wanted[at]]))};
}

function once(packed) {
  if (!packets.has(packed)) packets.set(packed, unpack(packed));
  return packets.get(packed);
}
