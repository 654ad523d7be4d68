// What can be taken along: text, subtitles, and a report that needs nothing but itself.

const SHORTEST_S = 1;
const LONGEST_S = 7; // of a subtitle without a following one

export function text(transcript) {
  return transcript.sentences.map((sentence) => sentence.text + "\n").join("");
}

export function srt(transcript) {
  return cues(transcript)
    .map((cue, at) => `${at + 1}\n${stamp(cue.from, ",")} --> ${stamp(cue.to, ",")}\n${cue.text}\n`)
    .join("\n");
}

export function vtt(transcript) {
  const lines = cues(transcript).map(
    (cue) => `${stamp(cue.from, ".")} --> ${stamp(cue.to, ".")}\n${escaped(cue.text)}\n`,
  );
  return `WEBVTT\n\n${lines.join("\n")}`;
}

export function report(transcript, facts) {
  const rows = transcript.words.map(
    (word) =>
      `<tr><td>${escaped(word.text)}<td>${word.heardS.toFixed(2)}<td>${word.writtenS.toFixed(2)}` +
      `<td>${word.delayS.toFixed(2)}<td>${escaped(transcript.why(word))}`,
  );
  const told = Object.entries(facts).map(([name, value]) => `<dt>${escaped(name)}<dd>${escaped(String(value))}`);
  const sentences = transcript.sentences.map((sentence) => `<p>${escaped(sentence.text)}`);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Session report</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0.2rem 1rem; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; }
td, th { padding: 0.2rem 0.7rem 0.2rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
</style>
<h1>Session report</h1><dl>${told.join("")}</dl>
<h2>Text</h2>${sentences.join("")}
<h2>Words</h2>
<table><tr><th>word<th>heard at (s)<th>written at (s)<th>delay (s)<th>why${rows.join("\n")}</table></html>
`;
}

export function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A sentence is shown from its first word's sound on, and until the next begins.
function cues(transcript) {
  const begins = transcript.sentences.map((sentence) =>
    Math.min(...sentence.words.map((word) => word.heardS)),
  );
  return transcript.sentences.map((sentence, at) => {
    const from = Math.max(0, begins[at]);
    const heard = Math.max(...sentence.words.map((word) => word.heardS)) + SHORTEST_S;
    const to = Math.max(from + SHORTEST_S, Math.min(heard, begins[at + 1] ?? Infinity, from + LONGEST_S));
    return { from, to, text: sentence.text };
  });
}

function stamp(seconds, point) {
  const ms = Math.round(1000 * seconds);
  const two = (number) => String(number).padStart(2, "0");
  const clock = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, Math.floor(ms / 1000) % 60];
  return `${clock.map(two).join(":")}${point}${String(ms % 1000).padStart(3, "0")}`;
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}
