// The audio of an utterance: played from where it lies, or from a file that the reader chooses.

// A file whose duration differs by more is another one.
const DURATION_TOLERANCE_MS = 1000;

/** What is open, and its audio: it plays on while runs or the clock are changed. */
const playing = {key: null, audio: null, element: null, heard: null};

/**
 * The player of the utterance that is shown. heard(ms, running) is called as the audio goes on, and when it
 * is moved; the one of the last call counts. Returns {audio, element, seek(ms), toggle()}.
 */
function playerOf(view, heard) {
  const key = view.pair.packets[view.position];
  if (playing.key !== key) {
    playing.audio?.pause();
    Object.assign(playing, {key, ...newPlayer(view)});
  }
  playing.heard = heard;
  return playing;
}

function newPlayer({packet, sourceMs, end}) {
  const name = packet.source.split("/").at(-1) || "the audio";
  const note = el("p", {class: "notice small", role: "status", hidden: true});
  const audio = el("audio", {controls: true, preload: "metadata", "aria-label": `audio of ${name}`});
  const choose = el("input", {
    type: "file",
    accept: "audio/*,.flac,.wav",
    class: "sr-only",
    onchange: () => {
      const [file] = choose.files;
      if (!file) return;
      URL.revokeObjectURL(audio.src);
      start(URL.createObjectURL(file), file.name);
    },
  });
  const chooser = el("label", {class: "choose", hidden: true}, "Choose the file…", choose);
  const element = el("div", {class: "player"}, audio, note, chooser);
  let [shownName, wanted, movable] = [name, null, true];

  function start(address, file) {
    shownName = file;
    audio.src = address;
    audio.hidden = false;
    tell(null);
  }

  function tell(problem) {
    note.textContent = problem ?? "";
    note.hidden = chooser.hidden = !problem;
  }

  audio.addEventListener("error", () => {
    audio.hidden = true;
    tell(
      audio.src.startsWith("blob:")
        ? `This browser cannot play ${shownName}: choose the recording as WAV, FLAC or MP3.`
        : `This browser cannot find or play ${decodeURIComponent(packet.link)}: put it back beside this ` +
            "page, or choose it.",
    );
  });
  audio.addEventListener("loadedmetadata", () => {
    const difference = audio.duration * 1000 - sourceMs;
    movable = audio.seekable.length > 0 && audio.seekable.end(0) > audio.duration - 1;
    if (Math.abs(difference) > DURATION_TOLERANCE_MS) {
      tell(
        `${shownName} lasts ${clockText(audio.duration * 1000, 1)}, but the recording ` +
          `${clockText(sourceMs, 1)}: it is another file, and words would appear at wrong times.`,
      );
    } else if (!movable) {
      tell(
        "The server of this page sends files only as a whole, so the audio cannot be played from any place " +
          "but its start: open the page from its folder, or choose the file.",
      );
    }
    if (wanted !== null) seek(wanted);
  });

  function seek(ms) {
    wanted = ms;
    if (audio.readyState && movable) audio.currentTime = Math.min(ms / 1000, audio.duration || Infinity);
  }

  function toggle() {
    if (audio.hidden) return;
    if (audio.paused) audio.play();
    else audio.pause();
  }

  const told = (running) => playing.audio === audio && playing.heard(audio.currentTime * 1000, running);
  const follow = () => {
    if (audio.paused || audio.ended) return;
    told(true);
    requestAnimationFrame(follow);
  };
  audio.addEventListener("play", follow);
  audio.addEventListener("pause", () => told(false));
  audio.addEventListener("seeked", () => {
    // A place that was asked for is known more exactly than the audio's.
    if (wanted === null || Math.abs(audio.currentTime * 1000 - wanted) > 60) told(!audio.paused);
    wanted = null;
  });
  // What is computed or flushed behind the audio appears with its end.
  audio.addEventListener("ended", () => playing.audio === audio && playing.heard(end, false));
  if (packet.link) start(packet.link, name);
  else {
    audio.hidden = true;
    tell(`${name} was not there when this page was written: to hear it, choose the file.`);
  }
  return {audio, element, seek, toggle};
}
