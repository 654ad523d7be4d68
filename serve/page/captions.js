// Captions: sentences, the newest large, with a grey preview behind it.

const SHOWN = 40; // sentences; older ones stay in downloads

export class Captions {
  constructor(box, list, spoken) {
    this.box = box;
    this.list = list;
    this.spoken = spoken; // for screen readers: sentences that are final
    this.shown = new Map(); // sentence -> its paragraph, and how many of its words that holds
    this.preview = document.createElement("span");
    this.preview.className = "grey";
    this.preview.setAttribute("aria-hidden", "true");
    this.ahead = document.createElement("p"); // of a sentence of which nothing is final
    this.ahead.className = "sentence";
    this.read = 0;
  }

  draw(transcript) {
    const stays = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 80;
    for (const sentence of transcript.sentences.slice(-SHOWN)) {
      let known = this.shown.get(sentence);
      if (!known) {
        const paragraph = document.createElement("p");
        paragraph.className = "sentence";
        this.list.append(paragraph);
        known = { paragraph, words: 0 };
        this.shown.set(sentence, known);
      }
      for (; known.words < sentence.words.length; known.words++) {
        const word = document.createElement("span");
        word.className = "new";
        const { text, continues } = sentence.words[known.words];
        word.textContent = (known.words && !continues ? " " : "") + text;
        known.paragraph.append(word);
      }
    }
    while (this.shown.size > SHOWN) {
      const [oldest, { paragraph }] = this.shown.entries().next().value;
      paragraph.remove();
      this.shown.delete(oldest);
    }
    this.drawPreview(transcript);
    this.readOut(transcript);
    if (stays) this.box.scrollTop = this.box.scrollHeight;
  }

  drawPreview(transcript) {
    this.preview.remove();
    this.ahead.remove();
    if (!transcript.preview.trim()) return;
    this.preview.textContent = transcript.preview;
    const open = transcript.open && this.shown.get(transcript.open);
    (open?.paragraph ?? this.ahead).append(this.preview);
    if (!open) this.list.append(this.ahead);
  }

  readOut(transcript) {
    const final = transcript.sentences.filter((sentence) => sentence !== transcript.open);
    for (const sentence of final.slice(this.read)) {
      const line = document.createElement("p");
      line.textContent = sentence.text;
      this.spoken.append(line);
      while (this.spoken.childElementCount > 3) this.spoken.firstElementChild.remove();
    }
    this.read = final.length;
  }

  clear() {
    this.list.replaceChildren();
    this.spoken.replaceChildren();
    this.shown.clear();
    this.read = 0;
  }
}
