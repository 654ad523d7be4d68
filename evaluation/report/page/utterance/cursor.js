// A moment in time that plots, texts, tables and audio show together.

// While the audio plays, words are marked as new for so long.
const NEW_MS = 1500;
// Audio that is further on than this since the last frame was moved.
const JUMP_MS = 3000;

/**
 * The cursor of what is shown. parts: {plots, readout, container, scroller, strip, player}, of which a short
 * utterance has no scroller and no strip. Its `x` is the scale of the plots, from whoever draws them.
 */
function timeCursor(view, parts) {
  const {plots, readout, container, scroller, strip} = parts;
  const {times} = view;
  const cursor = {x: null, running: false, moveTo, goTo, follow, show};
  let last = {at: null, ms: null};

  function nearest(ms) {
    const at = placeOf(times, ms);
    const before = times[at - 1] ?? times[at];
    const behind = times[at] ?? before;
    return ms - before < behind - ms ? before : behind;
  }

  /** Lead to the decision nearest to a time. */
  function moveTo(ms) {
    goTo(nearest(ms) ?? ms);
  }

  /** Lead to a time, the audio as well. */
  function goTo(ms) {
    place(ms);
    reveal(0.5);
    parts.player.seek(ms);
  }

  /** Keep up with the audio; but whoever scrolls away from it while it plays may stay there. */
  function follow(ms, running) {
    const before = view.place.ms;
    const jumped = before === null || Math.abs(ms - before) > JUMP_MS;
    const stays = jumped || visible(before);
    cursor.running = running;
    view.place.ms = Math.min(ms, view.end);
    container.classList.toggle("running", running);
    if (stays) reveal(0.05);
    show(running);
  }

  function place(ms) {
    view.place.ms = ms;
    show();
  }

  function visible(ms) {
    if (!cursor.x || scroller) return Boolean(cursor.x?.has(ms));
    const left = cursor.x(ms) - plots.scrollLeft;
    return left >= 0 && left <= plots.clientWidth;
  }

  /** Bring the cursor into view where it is not; behind how large a part of the window. */
  function reveal(part) {
    const {ms} = view.place;
    if (ms === null || !cursor.x || visible(ms)) return;
    if (scroller) scroller.moveTo(ms - part * view.span);
    else plots.scrollLeft = cursor.x(ms) - plots.clientWidth * part;
  }

  /** Show the moment; `lightly`: texts only where something has changed, for whoever asks in every frame. */
  function show(lightly = false) {
    const {ms} = view.place;
    const {x} = cursor;
    if (x) {
      const visible = ms !== null && x.has(ms);
      for (const line of plots.querySelectorAll("line.cursor")) {
        line.setAttribute("visibility", visible ? "visible" : "hidden");
        if (visible) for (const end of ["x1", "x2"]) line.setAttribute(end, x(ms));
      }
    }
    strip?.show(ms);
    const at = ms === null ? null : placeOf(times, ms + 0.02);
    if (lightly && at === last.at && Math.abs(ms - last.ms) < 250) return;
    // Whoever has scrolled away from the moment wants to read what stands there.
    const away = view.long && !cursor.running && x && ms !== null && !x.has(ms);
    showTextsAt(container, away ? null : ms, cursor.running ? NEW_MS : 0.01);
    if (lightly && at === last.at) return;
    last = {at, ms};
    for (const row of container.querySelectorAll(".chunk-table tr[data-time]")) {
      row.classList.toggle("current", ms !== null && Math.abs(Number(row.dataset.time) - ms) < 0.01);
    }
    readout.setAttribute("aria-live", cursor.running ? "off" : "polite");
    fill(
      readout,
      ms === null ? el("p", {class: "muted small"}, "No moment chosen.") : moment(view, ms, cursor.running),
    );
    plots.setAttribute("aria-valuenow", String(Math.round(ms ?? 0)));
    plots.setAttribute("aria-valuetext", ms === null ? "no moment chosen" : spoken(ms));
    parts.moved();
  }

  function spoken(ms) {
    return view.long ? `${clockWords(ms)}` : `${seconds(ms)} seconds`;
  }

  listen(cursor, view, parts, {place, nearest});
  return cursor;
}

/** Mouse, touch and keys on the plots. */
function listen(cursor, view, {plots, player}, {place, nearest}) {
  const {times} = view;
  const slider = {
    tabindex: "0",
    role: "slider",
    "data-key": "plots",
    "aria-label": "moment in the audio",
    "aria-valuemin": "0",
    "aria-valuemax": String(Math.round(times.at(-1) ?? 0)),
  };
  for (const [name, value] of Object.entries(slider)) plots.setAttribute(name, value);
  const pointed = (event) => {
    const box = plots.querySelector("svg")?.getBoundingClientRect();
    if (!box || !cursor.x) return undefined;
    const ms = cursor.x.invert(event.clientX - box.left);
    return Math.max(cursor.x.from, Math.min(cursor.x.to, ms));
  };
  plots.addEventListener("pointermove", (event) => {
    const ms = pointed(event);
    if (event.pointerType === "mouse" && !cursor.running && ms !== undefined) place(nearest(ms) ?? null);
  });
  plots.addEventListener("click", (event) => {
    // A word or a segment leads to its own time, wherever it was hit.
    const {time, seek} = event.target.closest("[data-time], [data-seek]")?.dataset ?? {};
    const ms = pointed(event);
    if (seek !== undefined) cursor.goTo(Number(seek));
    else if (time !== undefined) cursor.moveTo(Number(time));
    else if (ms !== undefined) cursor.moveTo(ms);
  });
  plots.addEventListener("keydown", (event) => {
    const {ms} = view.place;
    const at = ms === null ? -1 : placeOf(times, ms - 0.01);
    const beyond = ms === null || Math.abs(times[at] - ms) > 0.02;
    const to = {
      ArrowRight: beyond && ms !== null ? at : at + 1,
      ArrowLeft: Math.max(0, at - 1),
      Home: 0,
      End: times.length - 1,
      PageDown: placeOf(times, (ms ?? view.from) + view.span),
      PageUp: placeOf(times, (ms ?? view.from) - view.span),
    }[event.key];
    if (event.key === "Escape") place(null);
    else if (event.key === " ") player.toggle();
    else if (to === undefined || !times.length) return;
    else cursor.moveTo(times[Math.min(to, times.length - 1)]);
    event.preventDefault();
  });
}
