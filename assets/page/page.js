"use strict";
// The curves of a finished training: one cursor through all plots, a drag zooms, a double-click shows all.
const data = JSON.parse(document.getElementById("data").textContent);
const WIDTH = 900, HEIGHT = 240, LEFT = 64, RIGHT = 12, TOP = 10, BOTTOM = 24;
const SVG = "http://www.w3.org/2000/svg";
const hidden = new Set();
const whole = [0, Math.max(1, ...data.runs.flatMap(run => Object.values(run.curves).flatMap(curve => curve.x)))];
let view = whole.slice();
const plots = data.plots.filter(plot => data.runs.some(run => run.curves[plot.key]));

const node = (name, attributes, parent, text) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};
const element = (name, parent, text) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
};
const said = value => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
};
const shown = () => data.runs.filter((run, at) => !hidden.has(at));
const colour = run => `var(--run${run.slot % 8})`;

/// Round numbers between two, about as many as asked for.
const ticks = (low, high, count) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(times => times * power).find(step => step >= raw);
  const made = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) made.push(Number(at.toPrecision(12)));
  return made;
};

const x = update => LEFT + (update - view[0]) / (view[1] - view[0]) * (WIDTH - LEFT - RIGHT);
const updateAt = (plot, event) => {
  const box = plot.svg.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width * WIDTH;
  return view[0] + (at - LEFT) / (WIDTH - LEFT - RIGHT) * (view[1] - view[0]);
};
const nearest = (curve, update) => {
  let low = 0, high = curve.x.length - 1;
  if (high < 0 || update > curve.x[high] + 1 || update < curve.x[0] - 1) return null;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.x[middle] < update) low = middle + 1; else high = middle;
  }
  return curve.y[low];
};

const draw = plot => {
  const { svg, log } = plot;
  svg.replaceChildren();
  const height = value => log ? (value > 0 ? Math.log10(value) : null) : value;
  const values = [];
  for (const run of shown()) {
    const curve = run.curves[plot.key];
    if (curve) curve.x.forEach((at, index) => {
      if (at >= view[0] && at <= view[1] && curve.y[index] !== null) values.push(height(curve.y[index]));
    });
  }
  const finite = values.filter(Number.isFinite);
  let low = Math.min(...finite), high = Math.max(...finite);
  if (!finite.length) [low, high] = [0, 1];
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  [low, high] = [low - room, high + room];
  const y = value => {
    const at = height(value);
    return at === null || !Number.isFinite(at) ? null : HEIGHT - BOTTOM - (at - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
  };
  for (const at of ticks(low, high, 5)) {
    const value = log ? 10 ** at : at, place = HEIGHT - BOTTOM - (at - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    node("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: place, y2: place, class: "grid" }, svg);
    node("text", { x: LEFT - 6, y: place + 4, "text-anchor": "end" }, svg, said(value));
  }
  for (const at of ticks(view[0], view[1], 8)) {
    node("line", { x1: x(at), x2: x(at), y1: TOP, y2: HEIGHT - BOTTOM, class: "grid" }, svg);
    node("text", { x: x(at), y: HEIGHT - 6, "text-anchor": "middle" }, svg, at.toLocaleString("en"));
  }
  const clip = node("svg", { x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM,
    viewBox: `${LEFT} ${TOP} ${WIDTH - LEFT - RIGHT} ${HEIGHT - TOP - BOTTOM}` }, svg);
  for (const run of shown()) {
    const curve = run.curves[plot.key];
    if (!curve) continue;
    if (curve.low) {
      const edge = side => curve.x.map((at, index) => [x(at), y(side[index])]).filter(point => point[1] !== null);
      const corners = edge(curve.high).concat(edge(curve.low).reverse());
      node("polygon", { points: corners.join(" "), fill: colour(run), opacity: 0.2 }, clip);
    }
    let path = "", pen = "M";
    curve.x.forEach((at, index) => {
      const place = curve.y[index] === null ? null : y(curve.y[index]);
      if (place === null) { pen = "M"; return; }
      path += `${pen}${x(at).toFixed(1)} ${place.toFixed(1)}`;
      pen = "L";
    });
    node("path", { d: path, fill: "none", stroke: colour(run), "stroke-width": 2 }, clip);
  }
  plot.cursor = node("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor", visibility: "hidden" }, svg);
  plot.box = node("rect", { y: TOP, height: HEIGHT - TOP - BOTTOM, class: "box", visibility: "hidden" }, svg);
};
const redraw = () => plots.forEach(draw);

const readout = document.getElementById("readout");
const read = update => {
  readout.replaceChildren();
  const head = element("tr", readout);
  element("th", head, update === null ? "At the end" : `Update ${Math.round(update).toLocaleString("en")}`);
  plots.forEach(plot => element("th", head, plot.title));
  for (const run of shown()) {
    const row = element("tr", readout);
    const name = element("td", row, run.name);
    name.style.color = colour(run);
    for (const plot of plots) {
      const curve = run.curves[plot.key];
      const value = !curve ? null : update === null ? curve.y[curve.y.length - 1] : nearest(curve, update);
      element("td", row, said(value));
    }
  }
  for (const plot of plots) {
    plot.cursor.setAttribute("visibility", update === null ? "hidden" : "visible");
    if (update !== null) { plot.cursor.setAttribute("x1", x(update)); plot.cursor.setAttribute("x2", x(update)); }
  }
};

const runs = document.getElementById("runs");
data.runs.forEach((run, at) => {
  const button = element("button", runs, run.name);
  button.type = "button";
  button.style.borderColor = colour(run);
  button.setAttribute("aria-pressed", "true");
  button.addEventListener("click", () => {
    if (!hidden.delete(at)) hidden.add(at);
    button.setAttribute("aria-pressed", String(!hidden.has(at)));
    redraw();
    read(null);
  });
});

const room = document.getElementById("plots");
for (const plot of plots) {
  const section = element("section", room);
  const title = element("h2", section, plot.title);
  if (plot.key !== "val_accuracy") {
    plot.log = plot.key !== "lr";
    const button = element("button", title, "Log");
    button.type = "button";
    button.setAttribute("aria-pressed", String(plot.log));
    button.setAttribute("aria-label", `${plot.title}: logarithmic`);
    button.addEventListener("click", () => {
      plot.log = !plot.log;
      button.setAttribute("aria-pressed", String(plot.log));
      draw(plot);
    });
  }
  plot.svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: "img", "aria-label": `${plot.title} of every run` }, section);
  let from = null, at = whole[1];
  plot.svg.addEventListener("pointermove", event => {
    at = Math.min(Math.max(updateAt(plot, event), view[0]), view[1]);
    read(at);
    if (from !== null) {
      plot.box.setAttribute("visibility", "visible");
      plot.box.setAttribute("x", Math.min(x(from), x(at)));
      plot.box.setAttribute("width", Math.abs(x(at) - x(from)));
    }
  });
  plot.svg.addEventListener("pointerleave", () => read(null));
  plot.svg.addEventListener("pointerdown", event => { from = updateAt(plot, event); event.preventDefault(); });
  window.addEventListener("pointerup", () => {
    if (from !== null && Math.abs(x(at) - x(from)) > 8) {
      view = [Math.max(whole[0], Math.min(from, at)), Math.min(whole[1], Math.max(from, at))];
    }
    if (from !== null) { from = null; redraw(); read(null); }
  });
  plot.svg.addEventListener("dblclick", () => { view = whole.slice(); redraw(); read(null); });
  plot.svg.addEventListener("keydown", event => {
    const step = (view[1] - view[0]) / 100 * ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] || 0);
    if (step) { at = Math.min(Math.max(at + step, view[0]), view[1]); read(at); event.preventDefault(); }
    if (event.key === "Escape") { view = whole.slice(); redraw(); read(null); }
  });
}
redraw();
read(null);
