// The page: what is pressed, what is sent, and what is shown of the answers.

import { Captions } from "./captions.js";
import { Choices } from "./choices.js";
import { Connection } from "./connection.js";
import * as downloads from "./downloads.js";
import { listenToDrops, listenToKeys } from "./gestures.js";
import * as sounds from "./sound.js";
import { Strip } from "./strip.js";
import { Transcript } from "./transcript.js";

const BEHIND_S = 2; // more is told

const find = (id) => document.getElementById(id);
const transcript = new Transcript();
const captions = new Captions(find("captions"), find("sentences"), find("spoken"));
const strip = new Strip(find("strip"), find("wave"), find("words"), find("why"), transcript);
const token = new URLSearchParams(location.hash.slice(1)).get("token");

let choices; // once the server has told its settings
let connection;
let sound = null; // what is heard now
let paused = false;
let speaking = false; // a stream is open
let asked = false; // the browser is to give a sound, and has not yet

const now = () => performance.now() / 1000;

// For whoever looks at the page from the console.
Object.assign(window, { transcript });

start();

async function start() {
  for (const id of ["microphone", "tab"]) find(id).addEventListener("click", () => press(id));
  find("file").addEventListener("click", () => (sound ? stop() : find("picked").click()));
  find("picked").addEventListener("change", ({ target }) => play(target.files[0]).then(() => (target.value = "")));
  for (const id of ["source", "target"]) find(id).addEventListener("change", beginAnew);
  find("policy").addEventListener("change", () => choices.showPolicy() || changePolicy());
  find("slider").addEventListener("input", () => choices.movePace() || changePolicy());
  find("preview").addEventListener("change", () => speaking && connection.say({ stability: choices.stability }));
  find("pause").addEventListener("click", pause);
  find("clear").addEventListener("click", clear);
  find("copy").addEventListener("click", copy);
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => download(button.dataset.download));
  }
  listenToKeys({ m: () => press("microphone"), p: () => sound && pause() });
  listenToDrops(find("drop"), play);
  drawStrip();
  await loadSettings();
  const address = new URL(location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.hash = "";
  address.search = token ? new URLSearchParams({ token }) : "";
  connection = new Connection(address.href);
  connection.onopen = opened;
  connection.onanswer = answered;
  connection.onlost = lost;
  connection.onfull = beginInTheMiddle;
  connection.connect();
  strip.draw();
}

async function loadSettings() {
  while (!choices) {
    try {
      choices = new Choices(await (await fetch("settings")).json());
    } catch {
      tell("The server does not answer; this page tries again.");
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
  tell(null);
  find("model").textContent = choices.settings.model;
}

function changePolicy() {
  const { policy, knob } = choices.wishes();
  // A stream that hears everything first stays so.
  if (speaking && choices.policy.previews !== changePolicy.previews) beginAnew();
  else if (speaking) connection.say({ policy, knob });
}

async function press(kind) {
  if (sound) return stop();
  await begin(sounds[kind], kind);
}

async function play(blob) {
  if (blob) await begin(() => sounds.file(blob), "file");
}

// One at a time: pieces of two sounds would be mixed in one stream.
async function begin(open, kind) {
  if (asked || !connection) return; // without one the server has not answered yet, as the page says
  asked = true;
  try {
    if (sound) await stop();
    await listen(await open(), find(kind));
  } catch (error) {
    tell(error.message);
  } finally {
    asked = false;
  }
}

async function listen(heard, button) {
  tell(null);
  sound = heard;
  paused = false;
  sound.onpiece = (samples, loudness) => {
    transcript.hear(samples.length / sound.sampleRate, loudness, now());
    connection.send(samples);
  };
  sound.onend = stop;
  button.classList.add("on");
  button.setAttribute("aria-pressed", "true");
  button.dataset.label = button.innerText;
  (button.querySelector(".label") ?? button).textContent = "Stop";
  find("hint").hidden = true;
  beginStream();
  connection.connect(); // which a server that has refused a stream may have closed for good
  show();
}

function beginStream() {
  speaking = true;
  changePolicy.previews = choices.policy.previews;
  transcript.begin();
  connection.say({
    sample_rate: sound.sampleRate,
    ...choices.languages,
    ...choices.wishes(),
    catch_up: sound.isLive,
  });
}

function endStream() {
  if (speaking) connection.say({ end_of_stream: true });
  speaking = false;
}

// What needs a new stream: languages, and policies of another kind.
function beginAnew() {
  if (!speaking) return;
  endStream();
  beginStream();
}

async function stop() {
  const heard = sound;
  sound = null;
  if (!heard) return;
  heard.onend = heard.onpiece = () => {};
  for (const button of document.querySelectorAll(".sources .on")) {
    button.classList.remove("on");
    button.removeAttribute("aria-pressed");
    (button.querySelector(".label") ?? button).textContent = button.dataset.label;
  }
  endStream();
  await heard.stop();
  show();
}

async function pause() {
  paused = !paused;
  await sound?.pause(paused);
  show();
}

function opened() {
  tell(null);
  show();
}

// Returns whether to try again: not where the server would refuse the same again and again.
function lost({ reason, waitS, wasOpen, refused }) {
  if (wasOpen) transcript.lose();
  answered.behindS = 0; // the next connection tells anew
  const was = speaking;
  if (wasOpen) speaking = false;
  if (refused && was && !paused) {
    stop();
    tell(`The server refuses this: ${reason ?? "it does not say why"}. Change what you ask for, and press again.`);
    return false;
  }
  if (wasOpen && sound) beginStream(); // it is kept, and so is the sound from now on
  const why = reason ? `The server closed the connection: ${reason}.` : "The server is gone.";
  const keeps = sound ? " What you say is kept meanwhile." : "";
  tell(`${why} This page connects again in ${waitS < 1 ? "a moment" : `${Math.round(waitS)} s`}.${keeps}`);
  show();
  return true;
}

// The server has been gone for so long that what was kept became too much.
function beginInTheMiddle() {
  transcript.lose();
  speaking = false;
  if (sound) beginStream();
}

function answered(told) {
  if (told.error) tell(`The server says: ${told.error}.`);
  if (told.behind_s !== undefined) answered.behindS = told.behind_s;
  transcript.answer(told, now());
  captions.draw(transcript);
  if (!sound || paused) strip.draw(); // else it is drawn all the time
  show();
}

function clear() {
  transcript.clear();
  captions.clear();
  strip.clear();
  find("hint").hidden = sound !== null;
  show();
}

async function copy() {
  await navigator.clipboard.writeText(downloads.text(transcript));
  find("copy").textContent = "Copied";
  setTimeout(() => (find("copy").textContent = "Copy"), 1500);
}

function download(kind) {
  const facts = {
    model: choices.settings.model,
    languages: `${find("source").value} to ${find("target").value}`,
    policy: `${choices.policy.title} (${choices.pace})`,
    words: transcript.words.length,
    "delay of the last words (s)": transcript.delayS?.toFixed(2) ?? "",
    ...(transcript.previewed ? { "words of the preview changed, for each word": transcript.erasure.toFixed(2) } : {}),
  };
  const makers = { txt: downloads.text, srt: downloads.srt, vtt: downloads.vtt, html: downloads.report };
  downloads.save(`captions.${kind}`, makers[kind](transcript, facts));
}

// A line about what is wrong; null takes it away.
function tell(problem) {
  find("problem").hidden = problem === null;
  find("problem").textContent = problem ?? "";
}

function show() {
  const state = find("state");
  const listens = sound && connection.isOpen && !paused;
  state.classList.toggle("live", Boolean(listens));
  const behind = listens && answered.behindS > BEHIND_S ? `, ${answered.behindS.toFixed(0)} s behind: the server is busy` : "";
  if (!connection?.isOpen) state.textContent = "Not connected";
  else if (paused && sound) state.textContent = "Paused";
  else if (listens) state.textContent = `Listening${behind}`;
  else state.textContent = transcript.streams.length ? "Writing the rest ..." : "Ready";
  find("pause").disabled = !sound;
  find("pause").textContent = paused && sound ? "Go on" : "Pause";
  const empty = !transcript.words.length;
  for (const button of document.querySelectorAll("#clear, #copy, [data-download]")) button.disabled = empty;
  const delayS = transcript.delayS;
  const erasure = transcript.previewed ? `; ${transcript.erasure.toFixed(1)} grey words changed a word` : "";
  find("measured").textContent =
    delayS === null ? "" : `Here: ${delayS.toFixed(1)} s from a word's sound to its caption${erasure}`;
}

function drawStrip() {
  if (sound && !paused) strip.draw();
  setTimeout(() => requestAnimationFrame(drawStrip), 200);
}
