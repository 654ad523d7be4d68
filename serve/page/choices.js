// What is chosen: languages, policy, its place between "sooner" and "surer", and whether there is a preview.

const REPORT = ["times", "scores", "events", "sentences", "attention"];
const PLACES = ["as soon as possible", "sooner than sure", "in balance", "rather sure", "as sure as can be"];
const NO_PREVIEW = "This policy hears everything first: there is nothing to show before";

const find = (id) => document.getElementById(id);
const previewTitle = find("preview").parentElement.title;

export class Choices {
  // settings: as the server tells them.
  constructor(settings) {
    this.settings = settings;
    for (const side of ["source", "target"]) {
      const options = settings.languages[side].map((one) => new Option(one.name, one.code));
      find(side).replaceChildren(...options);
      find(side).value = settings[`${side}_lang`];
    }
    const policies = settings.policies.map((one) => {
      const option = new Option(one.title.split(":")[0], one.name);
      option.title = one.title;
      return option;
    });
    find("policy").replaceChildren(...policies);
    this.showPolicy();
  }

  get policy() {
    return this.settings.policies.find((one) => one.name === find("policy").value);
  }

  get languages() {
    return { source_lang: find("source").value, target_lang: find("target").value };
  }

  get stability() {
    return find("preview").checked && this.policy.previews ? "preview" : "append";
  }

  // In words, with what was measured.
  get pace() {
    return find("latency").firstChild.textContent;
  }

  // What a stream is asked for, beside its languages.
  wishes() {
    const { ladder, name } = this.policy;
    const place = this.asServed ? null : ladder[find("slider").value];
    return { policy: name, ...(place ? { knob: place.value } : {}), stability: this.stability, report: REPORT };
  }

  // The slider begins at the policy's own setting. Where it has no place for that, the server's own policy keeps its
  // setting until the slider is moved, and others, whose defaults suit any model, begin in the middle.
  showPolicy() {
    const { ladder, value, title, previews } = this.policy;
    const slider = find("slider");
    slider.disabled = !ladder.length;
    slider.max = Math.max(0, ladder.length - 1);
    const distances = ladder.map((place) => Math.abs(place.value - value));
    const nearest = distances.indexOf(Math.min(...distances));
    this.asServed = distances[nearest] > 0 && this.policy === this.settings.policies[0];
    slider.value = distances[nearest] === 0 || this.asServed ? nearest : Math.floor(ladder.length / 2);
    find("policy").title = title;
    find("preview").disabled = !previews;
    find("preview").parentElement.title = previews ? previewTitle : NO_PREVIEW;
    this.showPace();
  }

  movePace() {
    this.asServed = false;
    this.showPace();
  }

  showPace() {
    const { ladder, previews, knob, value } = this.policy;
    const place = ladder[find("slider").value];
    const output = find("latency");
    const pace = this.asServed ? "as the server is set" : PLACES[find("slider").value];
    output.replaceChildren(previews ? pace : "when all has been heard");
    const small = document.createElement("small");
    if (this.asServed) small.textContent = `${knob} ${value}`;
    else if (place?.latency_s != null) small.textContent = `${place.latency_s.toFixed(1)} s behind the speaker, as measured`;
    else if (place) small.textContent = "not measured for this model";
    output.append(small);
    find("slider").setAttribute("aria-valuetext", output.textContent);
  }
}
