// A graph of series over time: axes, values under the pointer, a legend to choose from, zoom by dragging.

import {fill, h, s} from "./dom.js";
import {clock, moment, selector, short} from "./format.js";
import {bounds, nearest, path, ticks, timeTicks} from "./scale.js";

const COLOURS = 10;
/** More lines than this are a carpet. */
const DRAWN_MAX = 200;
const READ_OUT_MAX = 14;
const MARGIN = {top: 10, right: 14, bottom: 26, left: 56};

/**
 * `series` are `{metric, points: [[seconds, number], …]}`; `step` is what the points are apart. `onZoom(start, end)` is
 * called when a span has been dragged, `onReset` for a double click.
 */
export class Chart {
  constructor({onZoom, onReset}) {
    this.onZoom = onZoom;
    this.onReset = onReset;
    this.hidden = new Set();
    this.svg = s("svg", {class: "graph", tabindex: "0", role: "img",
      onpointermove: event => this.pointerMoved(event), onpointerdown: event => this.dragBegun(event),
      onpointerup: event => this.dragEnded(event), onpointercancel: () => this.dragEnded(null),
      onpointerleave: () => { if (!this.drag) this.readOut(null); }, ondblclick: () => this.onReset(),
      onkeydown: event => this.keyPressed(event), onblur: () => this.readOut(null)});
    this.reading = h("div", {class: "read-out", hidden: true});
    this.legend = h("ul", {class: "legend", "aria-label": "Series"});
    this.note = h("p", {class: "quiet"});
    this.element = h("div", {class: "chart"}, h("div", {class: "plot"}, this.svg, this.reading), this.note,
      this.legend);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
    this.data = {series: [], start: 0, end: 1, step: 1};
    this.at = null;
  }

  show(data) {
    const names = data.series.map(each => selector(each.metric));
    this.hidden = new Set([...this.hidden].filter(name => names.includes(name)));
    this.data = {...data, series: data.series.slice(0, DRAWN_MAX).map((each, i) =>
      ({...each, name: names[i] === "{}" ? "value" : names[i], colour: i % COLOURS}))};
    const left = data.series.length - DRAWN_MAX;
    this.note.textContent = left > 0 ? `${left} more series are not drawn.` : "";
    this.writeLegend();
    this.draw();
  }

  get visible() { return this.data.series.filter(each => !this.hidden.has(each.name)); }

  writeLegend() {
    fill(this.legend, this.data.series.map(each => h("li", {}, h("button", {type: "button",
      "aria-pressed": String(!this.hidden.has(each.name)),
      title: "Shows or hides this series; with Ctrl it alone is shown",
      onclick: event => this.toggle(each.name, event.ctrlKey || event.metaKey),
      onpointerenter: () => this.svg.querySelector(`[data-name="${CSS.escape(each.name)}"]`)?.classList.add("strong"),
      onpointerleave: () => this.svg.querySelectorAll(".strong").forEach(line => line.classList.remove("strong")),
    }, h("i", {class: `swatch c${each.colour}`}), each.name))));
  }

  toggle(name, alone) {
    if (alone) {
      const others = this.data.series.map(each => each.name).filter(each => each !== name);
      const isAlone = !this.hidden.has(name) && others.every(each => this.hidden.has(each));
      this.hidden = new Set(isAlone ? [] : others);
    } else if (!this.hidden.delete(name)) {
      this.hidden.add(name);
    }
    const buttons = this.legend.querySelectorAll("button");
    this.data.series.forEach((each, i) => buttons[i].setAttribute("aria-pressed", String(!this.hidden.has(each.name))));
    this.draw();
  }

  // --- Drawing ---

  draw() {
    const width = this.element.clientWidth;
    if (!width) return;
    const height = width < 500 ? 240 : 340;
    const {start, end, step} = this.data;
    const [low, high] = bounds(this.visible);
    const inner = {left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom};
    this.x = at => inner.left + (at - start) / (end - start || 1) * (inner.right - inner.left);
    this.y = value => inner.bottom - (value - low) / (high - low) * (inner.bottom - inner.top);
    this.inner = inner;

    const rules = ticks(low, high, height / 55).map(value => s("g", {class: "tick"},
      s("line", {x1: inner.left, x2: inner.right, y1: this.y(value), y2: this.y(value)}),
      s("text", {x: inner.left - 8, y: this.y(value) + 4, "text-anchor": "end"},
        short(Math.abs(value) < 1e-12 ? 0 : value))));
    const times = timeTicks(start, end, width / 110);
    const days = end - start > 86400 * 1.5;
    const marks = times.list.map(at => s("g", {class: "tick"},
      s("line", {x1: this.x(at), x2: this.x(at), y1: inner.bottom, y2: inner.bottom + 4}),
      s("text", {x: this.x(at), y: height - 6, "text-anchor": "middle"},
        days ? moment(at).slice(5, 16) : times.step >= 60 ? clock(at).slice(0, 5) : clock(at))));
    const lines = this.visible.map(each => s("path", {class: `line c${each.colour}`, "data-name": each.name,
      d: path(each.points, this.x, this.y, step * 1.5)}));
    this.selection = s("rect", {class: "selection", y: inner.top, height: inner.bottom - inner.top,
      visibility: "hidden"});
    this.cursor = s("g", {class: "cursor"});
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("aria-label", `Graph of ${this.data.series.length} series from ${moment(start)} to ` +
      `${moment(end)}. Arrow keys read out the values.`);
    fill(this.svg, rules, marks, s("line", {class: "axis", x1: inner.left, x2: inner.right, y1: inner.bottom,
      y2: inner.bottom}), lines, this.selection, this.cursor);
    this.readOut(this.at >= start && this.at <= end ? this.at : null, this.height);
  }

  // --- Pointer and keys ---

  timeAt(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (event.clientX - box.left - this.inner.left) / (this.inner.right - this.inner.left);
    return this.data.start + Math.max(0, Math.min(1, share)) * (this.data.end - this.data.start);
  }

  pointerMoved(event) {
    if (!this.x) return;
    const at = this.timeAt(event);
    if (this.drag) {
      const [left, right] = [this.drag.at, at].sort((a, b) => a - b).map(this.x);
      this.selection.setAttribute("x", left);
      this.selection.setAttribute("width", right - left);
      this.selection.setAttribute("visibility", right - left > 4 ? "visible" : "hidden");
    }
    this.readOut(at, event.clientY - this.svg.getBoundingClientRect().top);
  }

  dragBegun(event) {
    if (event.button !== 0 || event.pointerType === "touch") return;
    this.drag = {at: this.timeAt(event)};
    this.svg.setPointerCapture(event.pointerId);
  }

  dragEnded(event) {
    const drag = this.drag;
    this.drag = null;
    this.selection?.setAttribute("visibility", "hidden");
    if (!drag || !event) return;
    const [start, end] = [drag.at, this.timeAt(event)].sort((a, b) => a - b);
    if (this.x(end) - this.x(start) <= 4) return;
    this.readOut(null);
    this.onZoom(start, end);
  }

  keyPressed(event) {
    const {start, end, step} = this.data;
    const moves = {ArrowLeft: -step, ArrowRight: step, PageUp: -step * 10, PageDown: step * 10};
    if (event.key === "Escape") return this.onReset();
    if (!(event.key in moves)) return;
    event.preventDefault();
    this.readOut(Math.max(start, Math.min(end, (this.at ?? start + (end - start) / 2) + moves[event.key])));
  }

  /** Shows the values at a time: those nearest to the pointer's height first. */
  readOut(at, height) {
    Object.assign(this, {at, height});
    this.reading.hidden = true;
    if (this.cursor) fill(this.cursor);
    if (at === null || !this.x) return;
    const found = this.visible.map(each => ({each, point: nearest(each.points, at, this.data.step * 0.75)}))
      .filter(({point}) => point && Number.isFinite(point[1]));
    if (!found.length) return;
    if (height !== undefined) {
      found.sort((a, b) => Math.abs(this.y(a.point[1]) - height) - Math.abs(this.y(b.point[1]) - height));
    }
    const time = found[0].point[0];
    const x = this.x(time);
    fill(this.cursor, s("line", {x1: x, x2: x, y1: this.inner.top, y2: this.inner.bottom}),
      found.slice(0, READ_OUT_MAX).map(({each, point}, i) => s("circle",
        {class: `c${each.colour}`, cx: this.x(point[0]),
        cy: this.y(point[1]), r: i === 0 ? 4.5 : 3})));
    fill(this.reading, h("b", {}, moment(time, this.data.step < 1)),
      h("ul", {}, found.slice(0, READ_OUT_MAX).map(({each, point}) => h("li", {},
        h("i", {class: `swatch c${each.colour}`}), h("span", {class: "name"}, each.name),
          h("b", {}, short(point[1]))))),
      found.length > READ_OUT_MAX && h("small", {}, `and ${found.length - READ_OUT_MAX} more`));
    this.reading.hidden = false;
    // Beside the cursor, on the side with more room.
    const width = this.reading.offsetWidth;
    const left = x < (this.inner.left + this.inner.right) / 2 ? x + 14 : x - width - 14;
    this.reading.style.setProperty("left",
      `${Math.max(0, Math.min(left, this.element.clientWidth - width))}px`);
  }
}

/** A small line of the samples of one series. */
export function sparkline(points, start, end, label) {
  const [width, height] = [140, 28];
  const [low, high] = bounds([{points}]);
  const x = at => 2 + (at - start) / (end - start || 1) * (width - 4);
  const y = value => height - 3 - (value - low) / (high - low) * (height - 6);
  return s("svg", {class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label},
    s("path", {class: "line c0", d: path(points, x, y, Infinity)}));
}
