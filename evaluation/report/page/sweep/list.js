// The list of utterances: searched, filtered, sorted.

const LIST_STEP = 200;

const ORDERS = [
  ["order", "in order"],
  ["worst", "worst chrF first"],
  ["slowest", "highest latency first"],
  ["apart", "largest difference first"],
  ["longest", "longest audio first"],
];

/** Build the list once for a language pair; its `update` is called whenever runs or the choice change. */
function utteranceList(container, state, open) {
  const choice = {search: "", order: "order", flag: "", shown: LIST_STEP};
  const search = el("input", {
    type: "search",
    placeholder: "search",
    "aria-label": "search references and numbers",
    oninput: () => renew({search: search.value.trim().toLowerCase()}),
  });
  const order = el("select", {"aria-label": "order", onchange: () => renew({order: order.value})});
  const flag = el("select", {"aria-label": "filter", onchange: () => renew({flag: flag.value})});
  fillSelect(order, ORDERS, "order");
  fillSelect(flag, [["", "all"], ...state.pair.flags.map((name) => [name, `only ${name}`])], "");
  const note = el("p", {class: "muted small list-note"});
  const items = el("ol", {class: "items", onkeydown: (event) => moveFocus(event, items)});
  const more = el(
    "button",
    {type: "button", onclick: () => renew({shown: choice.shown + LIST_STEP})},
    "Show more",
  );
  fill(container, el("div", {class: "list-tools"}, search, order, flag), note, items, more);

  function renew(change) {
    Object.assign(choice, {shown: LIST_STEP}, change);
    update();
  }

  /** Positions of utterances to show, in their order; also what "next" and "previous" follow. */
  function positions() {
    const {index} = state;
    const wanted = index.reference
      .map((_, at) => at)
      .filter((at) => matches(index, at, choice) && flagged(state, at, choice.flag));
    const keys = sortKeys(state, choice.order);
    return keys ? wanted.sort((one, other) => keys(other) - keys(one)) : wanted;
  }

  function update() {
    const {index, runs} = state;
    const [run] = runs;
    const found = positions();
    const total = index.reference.length;
    note.textContent =
      (found.length === total ? "" : `${found.length} of `) +
      counted(total, "utterance") +
      (run ? ` · chrF and ${state.latency} of ${runName(state.pair, run)}` : "");
    fill(
      items,
      found.slice(0, choice.shown).map((at) => item(state, run, at)),
    );
    // Tab leads to one link of the list, the arrow keys to the others.
    (items.querySelector("[aria-current]") ?? items.querySelector("a"))?.setAttribute("tabindex", "0");
    more.hidden = found.length <= choice.shown;
    list.found = found;
  }

  const list = {update, found: [], scrollTo};

  function scrollTo() {
    const current = items.querySelector("[aria-current]");
    if (current)
      items.scrollTop +=
        current.getBoundingClientRect().top - items.getBoundingClientRect().top - items.clientHeight / 3;
  }

  function item(state, run, at) {
    const {index} = state;
    const flags = run ? flagsOf(index, run, at) : [];
    const current = at === state.position;
    return el(
      "li",
      {},
      el(
        "a",
        {
          href: `#u=${index.index[at]}`,
          "aria-current": current ? "true" : null,
          tabindex: -1,
          "data-key": `utterance ${at}`,
          onclick: (event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            open(at);
          },
        },
        el("span", {class: "item-number"}, String(index.index[at])),
        // The line has no room for more.
        el("span", {class: "item-text"}, shortened(index.reference[at], 160)),
        el(
          "span",
          {class: "item-scores"},
          lengthText(index.source_ms[at]),
          run
            ? ` · ${scoreText(index.chrf[run.id][at])} · ${state.latency} ${latencyText(state, run, at)}`
            : "",
          flags.map((name) => el("span", {class: "flag"}, ` ${name}`)),
        ),
      ),
    );
  }

  return list;
}

function matches(index, at, {search}) {
  return !search || index.reference[at].toLowerCase().includes(search) || String(index.index[at]) === search;
}

/** Whether a run shown has this flag at this utterance. */
function flagged({index, runs}, at, flag) {
  return !flag || runs.some((run) => flagsOf(index, run, at).includes(flag));
}

/** Offline runs write everything at the end: that is what they are for. */
function flagsOf(index, run, at) {
  return (index.flags[run.id][at] ?? []).filter((flag) => !(run.offline && flag === "AT_END"));
}

/** What the list is sorted by, highest first; null keeps the order of the test set. */
function sortKeys({index, runs, latency, pair}, order) {
  const [run] = runs;
  if (order === "longest") return (at) => index.source_ms[at];
  if (!run || order === "order") return null;
  if (order === "worst") return (at) => -index.chrf[run.id][at];
  if (order === "slowest") return (at) => index.latency[latency]?.[run.id][at] ?? -Infinity;
  return (at) => {
    const scores = runs.map((one) => index.chrf[one.id][at]);
    return Math.max(...scores) - Math.min(...scores);
  };
}

function scoreText(value) {
  return value.toFixed(0);
}

/** Latency of one utterance; a dash where it has none, or where only means are known. */
function latencyText({index, latency, pair}, run, at) {
  const value = index.latency[latency]?.[run.id][at];
  return value == null ? "–" : shown(pair, latency, value);
}

/** Arrow keys move through the links of a list. */
function moveFocus(event, items) {
  const links = [...items.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  const to = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1}[event.key];
  if (at < 0 || to === undefined || !links[to]) return;
  event.preventDefault();
  links[to].focus();
}
