// Elements and numbers.

/**
 * An HTML element: el("p", {class: "small", onclick: act}, "text", child). Children may be lists; null ones
 * are left out.
 */
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child != null);
}

function byId(id) {
  return document.getElementById(id);
}

/** Replace what is in a container. Whatever had the focus there keeps it, found by its data-key. */
function fill(container, ...children) {
  const key = container.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  container.replaceChildren(...present(children));
  if (key !== undefined)
    container.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({preventScroll: true});
}

/** Options of a <select>; rows of [value, text]. */
function fillSelect(select, rows, chosen) {
  fill(
    select,
    rows.map(([value, text]) => el("option", {value, selected: value === chosen}, text)),
  );
}

/** 1234.5 ms -> "1.23" s. */
function seconds(ms, digits = 2) {
  return (ms / 1000).toFixed(digits);
}

/** A score of any metric: latencies in s, proportions in full, everything else with one decimal. */
function shown(pair, name, value) {
  if (value == null) return "–";
  if (pair.milliseconds.includes(name)) return seconds(value);
  return value.toFixed(pair.latency.includes(name) ? 3 : 1);
}

/** "BLEU 24.1 (23.0 to 25.2)", "LAAL 1.24 s". */
function shownWithInterval(pair, name, [value, low, high]) {
  const unit = pair.milliseconds.includes(name) ? " s" : "";
  const interval = low === null ? "" : ` (${shown(pair, name, low)} to ${shown(pair, name, high)})`;
  return `${name} ${shown(pair, name, value)}${unit}${interval}`;
}

function axisLabel(pair, name) {
  return pair.milliseconds.includes(name) ? `${name} (s)` : name;
}

/** "1 utterance", "3 utterances". */
function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** 95000 ms -> "1 min 35 s"; 7000 ms -> "7.0 s". */
function duration(ms) {
  if (ms < 60000) return `${seconds(ms, 1)} s`;
  const minutes = Math.round(ms / 60000);
  if (ms < 600000) return `${Math.floor(ms / 60000)} min ${Math.round((ms % 60000) / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** 754500 ms -> "12:34.5", 3754500 ms -> "1:02:34.5": moments of long recordings. */
function clockText(ms, digits = 0) {
  const rounded = Number((ms / 1000).toFixed(digits));
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor((rounded % 3600) / 60)];
  const rest = (rounded % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** The same to be spoken: "1 h 2 min 34 s". */
function clockWords(ms) {
  const all = Math.round(ms / 1000);
  const parts = [
    [Math.floor(all / 3600), "h"],
    [Math.floor((all % 3600) / 60), "min"],
    [all % 60, "s"],
  ];
  return parts
    .filter(([count, unit]) => count || unit === "s")
    .map((part) => part.join(" "))
    .join(" ");
}

/** The first `length` characters, with a sign that there are more. */
function shortened(text, length) {
  return text.length > length ? `${text.slice(0, Math.max(0, length - 1)).trimEnd()}…` : text;
}
