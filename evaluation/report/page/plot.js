// Scales and axes that all plots share.

/** A linear map from [low, high] to pixels, with its inverse. */
function scale(low, high, start, end) {
  const factor = (end - start) / (high - low || 1);
  const map = (value) => start + (value - low) * factor;
  map.invert = (pixel) => low + (pixel - start) / factor;
  return map;
}

/** Round numbers from low to high, `count` of them or fewer. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) || 1;
  const values = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) values.push(at * step);
  return values;
}

/** Round times in ms from low to high, `count` of them or fewer: steps as clocks have them. */
function clockTicks(low, high, count) {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => s * 1000);
  const rough = (high - low) / Math.max(1, count);
  const step = steps.find((size) => size >= rough) ?? steps.at(-1);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({length: Math.max(0, last - first + 1)}, (_, at) => (first + at) * step);
}

/** As many decimals as tell neighbouring ticks apart. */
function tickText(values) {
  const step = values.length > 1 ? values[1] - values[0] : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return (value) => value.toFixed(digits);
}

/** Horizontal grid lines with their values on the left. */
function leftAxis(values, y, left, right) {
  const text = tickText(values);
  return values.map((value) =>
    svg(
      "g",
      {},
      svg("line", {class: "grid", x1: left, x2: right, y1: y(value), y2: y(value)}),
      svg("text", {class: "tick", x: left - 8, y: y(value) + 4, "text-anchor": "end"}, text(value)),
    ),
  );
}

/** Values below the plot, with short ticks. */
function bottomAxis(values, x, y, text = tickText(values)) {
  return [
    svg("line", {class: "axis", x1: x.left, x2: x.right, y1: y, y2: y}),
    values.map((value) =>
      svg(
        "g",
        {},
        svg("line", {class: "axis", x1: x(value), x2: x(value), y1: y, y2: y + 4}),
        svg("text", {class: "tick", x: x(value), y: y + 17, "text-anchor": "middle"}, text(value)),
      ),
    ),
  ];
}

/** A line that keeps its value until the next point. points: [x, y] in pixels. */
function stairs(points) {
  return points
    .map(([x, y], at) => (at ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`))
    .join("");
}

/** Circles around [x, y] in pixels as one path: thousands of elements would make scrolling slow. */
function circles(points, radius) {
  const round = `a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
  return points.map(([x, y]) => `M${(x - radius).toFixed(1)} ${y.toFixed(1)}${round}`).join("");
}

const MARKERS = [
  (r) => `M${-r} 0A${r} ${r} 0 1 1 ${r} 0A${r} ${r} 0 1 1 ${-r} 0Z`,
  (r) => `M${-r * 0.9} ${-r * 0.9}H${r * 0.9}V${r * 0.9}H${-r * 0.9}Z`,
  (r) => `M0 ${-r * 1.3}L${r * 1.3} 0L0 ${r * 1.3}L${-r * 1.3} 0Z`,
  (r) => `M0 ${-r * 1.2}L${r * 1.15} ${r * 0.85}H${-r * 1.15}Z`,
  (r) => `M0 ${r * 1.2}L${r * 1.15} ${-r * 0.85}H${-r * 1.15}Z`,
];

/** The shape of a system's points, around (0, 0). */
function marker(system, radius) {
  return MARKERS[system % MARKERS.length](radius);
}

/** Call `draw(width)` now and whenever the width of the container changes. */
function drawToWidth(container, draw) {
  let last = 0;
  container.redraw = () => draw(last);
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width && width !== last) draw((last = width));
  }).observe(container);
}

/** Show a tooltip beside an element, or hide it. lines: texts, the first of which is a title. */
function tooltip(target, lines) {
  const box = byId("tooltip");
  box.hidden = !target;
  if (!target) return;
  fill(
    box,
    lines.map((line, at) => el(at ? "div" : "strong", {}, line)),
  );
  const place = target.getBoundingClientRect();
  const left = place.left + place.width / 2 - box.offsetWidth / 2;
  const above = place.top - box.offsetHeight - 10;
  box.style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - box.offsetWidth - 8))}px`;
  box.style.top = `${above > 8 ? above : place.bottom + 10}px`;
}
